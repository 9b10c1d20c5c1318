"""Compression of response bodies with gzip."""

import zlib
from collections.abc import Iterator

MIN_BYTES = 2 << 10
"""Minimum size of a body that is compressed; below it, the time is worth more than the bytes."""
_LEVEL = 1
"""Level of compression: the fastest halves columns of numbers several times; higher levels cost more time than they
save."""
_GZIP = 31
"""Window bits of zlib that mean a gzip header and the largest window."""


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Return whether a request header Accept-Encoding allows gzip.

    Source: RFC 9110, section 12.5.3.
    """
    for coding in (accept_encoding or "").lower().split(","):
        name, _, weight = coding.replace(" ", "").partition(";q=")
        if name in ("gzip", "x-gzip", "*"):
            is_zero = weight != "" and not weight.strip("0.")  # 0, 0.0 and so on: the client refuses the coding
            return not is_zero
    return False


def gzip_parts(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the gzip form of all `parts` together, piece by piece. It blocks: use it in a worker thread."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    for part in parts:
        if compressed := compressor.compress(part):
            yield compressed
    yield compressor.flush()
