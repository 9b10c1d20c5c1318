"""Answers as gzip, made part by part; for worker threads."""

import zlib
from collections.abc import Iterator

LEAST_BYTES = 2 << 10
"""Less than this is not worth the time."""
_LEVEL, _GZIP = 1, 31
"""The fastest level halves columns of numbers several times over; a better one costs more time than it saves."""


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Say whether the request header Accept-Encoding allows gzip (RFC 9110, 12.5.3)."""
    for coding in (accept_encoding or "").lower().split(","):
        name, _, weight = coding.replace(" ", "").partition(";q=")
        if name in ("gzip", "x-gzip", "*"):
            return weight.strip("0.") != "" or not weight
    return False


def gzip_parts(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the gzip form of what `parts` make together."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    for part in parts:
        if compressed := compressor.compress(part):
            yield compressed
    yield compressor.flush()
