"""The block: facts that fgm adds to its Parquet files, between the last column chunk and the footer, with a CRC32.

    column chunks │ block: zstd │ trailer │ footer │ u32 bytes of the footer │ "PAR1"

    trailer, 16 bytes, little-endian:
    "FGM1" │ u32 bytes of the block │ u32 bytes of its content │ u32 CRC32 of block and footer

The content is JSON. In metrics files of format version 4, a zero byte and binary numbers follow.

Other readers find column chunks by their offsets in the footer, and therefore never read these bytes.
"""

import json
import os
import struct
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import cramjam

from fgm.store.errors import BadFileError

PARQUET_MAGIC = b"PAR1"
MAX_BLOCK_BYTES = 64 << 20
"""Maximum size of a block, of its content, and of a footer with its trailer."""
_MAGIC = b"FGM1"
_TRAILER = struct.Struct("<4sIII")
_TAIL_GUESS_BYTES = 64 << 10
"""Number of bytes read first from the end of a file. Footer and block of most files fit into one such read."""


class PackedBlock(NamedTuple):
    """The content of a file's block, its offset in the file, and the CRC32 of block and footer.

    Two files of fgm with the same CRC32 have the same content, because the block has the CRC32 of each page.
    """

    content: bytes
    offset: int
    crc: int


def pack_block(facts: Mapping[str, Any], footer: bytes, numbers: bytes = b"") -> bytes:
    """Return a block and its trailer, to be written directly before `footer`.

    `numbers`: written after the JSON and a zero byte, which JSON cannot contain.
    """
    raw = json.dumps(facts, separators=(",", ":")).encode()
    if numbers:
        raw += b"\0" + numbers
    block = bytes(cramjam.zstd.compress(raw, level=3))
    return block + _TRAILER.pack(_MAGIC, len(block), len(raw), zlib.crc32(footer, zlib.crc32(block)))


def read_crc(packed: bytes) -> int:
    """Return the CRC32 in the trailer that `pack_block` returns with a block."""
    crc: int = _TRAILER.unpack_from(packed, len(packed) - _TRAILER.size)[3]
    return crc


def has_block(fd: int) -> bool:
    """Return whether an open file ends with a trailer of fgm. The block itself is not checked.

    Raises: OSError.
    """
    size = os.fstat(fd).st_size
    tail = _pread_tail(fd, size, 8)
    if len(tail) < 8 or tail[-4:] != PARQUET_MAGIC:
        return False
    trailer_at = size - 8 - int.from_bytes(tail[:4], "little") - _TRAILER.size
    return trailer_at >= 0 and os.pread(fd, len(_MAGIC), trailer_at) == _MAGIC


def read_block(path: str, fd: int) -> PackedBlock:
    """Return the block of a file. `path`: used in errors only.

    Raises: OSError.
    Raises: BadFileError if the file was not written by fgm, or is damaged.
    """
    size = os.fstat(fd).st_size
    tail = _pread_tail(fd, size, _TAIL_GUESS_BYTES)
    if len(tail) < 12 or tail[-4:] != PARQUET_MAGIC:
        raise BadFileError(path, "not a whole Parquet file")
    footer_size = int.from_bytes(tail[-8:-4], "little")
    trailer_at = 8 + footer_size + _TRAILER.size
    if trailer_at > min(size, MAX_BLOCK_BYTES):
        raise BadFileError(path, "the length of its footer is impossible")
    if trailer_at > len(tail):
        tail = _pread_tail(fd, size, trailer_at + _TAIL_GUESS_BYTES)
    magic, block_size, raw_size, crc = _TRAILER.unpack_from(tail, len(tail) - trailer_at)
    if magic != _MAGIC:
        raise BadFileError(path, "it has no FGM1 block: not written by fgm")
    if block_size > min(size, MAX_BLOCK_BYTES) or raw_size > MAX_BLOCK_BYTES:
        raise BadFileError(path, "the length of its block is impossible")
    if trailer_at + block_size > len(tail):
        tail = _pread_tail(fd, size, trailer_at + block_size)
    block_at = len(tail) - trailer_at - block_size
    block, footer = tail[block_at : block_at + block_size], tail[len(tail) - 8 - footer_size : -8]
    if zlib.crc32(footer, zlib.crc32(block)) != crc:
        raise BadFileError(path, "its block or footer does not match the checksum")
    try:
        raw = bytearray(raw_size)
        written = cramjam.zstd.decompress_into(block, raw)
    except cramjam.DecompressionError as error:
        raise BadFileError(path, f"malformed block: {error}") from error
    if written != raw_size:
        raise BadFileError(path, "malformed block: it is shorter than its trailer says")
    return PackedBlock(bytes(raw), size - trailer_at - block_size, crc)


def _pread_tail(fd: int, size: int, length: int) -> bytes:
    start = max(0, size - length)
    return os.pread(fd, size - start, start)
