"""Compresses response bodies with gzip."""

import zlib
from collections.abc import Iterator

MIN_BYTES = 2 << 10
"""Minimum size of a body that is compressed. For shorter ones, compression takes more time than it saves."""
_LEVEL = 1
"""Compression level: the fastest. It makes columns of numbers several times smaller; higher levels take more time than
they save."""
_GZIP = 31
"""The `wbits` argument of zlib for the gzip format with the largest window (15 + 16)."""


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Return whether the value of an Accept-Encoding request header allows gzip.

    Source: RFC 9110, section 12.5.3.
    """
    for coding in (accept_encoding or "").lower().split(","):
        name, _, weight = coding.replace(" ", "").partition(";q=")
        if name in ("gzip", "x-gzip", "*"):
            is_zero = weight != "" and not weight.strip("0.")  # 0, 0.0 and so on: the client refuses the coding
            return not is_zero
    return False


def gzip_parts(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Compress the parts of one body, and yield the result in pieces. Use it in a worker thread: it blocks."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    for part in parts:
        if compressed := compressor.compress(part):
            yield compressed
    yield compressor.flush()
