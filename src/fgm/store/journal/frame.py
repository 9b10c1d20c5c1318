"""Frames: the outer format of a journal. It can be read while it is written, up to the last complete frame.

    ┌───────────────────┬──────────────────────────┬─────────┐
    │ u32 payload bytes │ u32 CRC32 of the payload │ payload │   little-endian
    └───────────────────┴──────────────────────────┴─────────┘

A journal consists only of frames, and is only appended to. A kill or a full disk can therefore damage only the last
frame. `fgm.store.journal.payload` describes the payloads.
"""

import os
import struct
import zlib
from collections.abc import Iterator

from fgm.store.directory.regular_file import first_byte

MAX_FRAME_BYTES = 64 << 20
"""Maximum size of a payload. A greater length means damage, and must not make a reader allocate that much memory."""

_HEAD = struct.Struct("<II")


def pack_frame(payload: bytes) -> bytes:
    """Return a payload with its length and checksum, as a frame."""
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def frames(fd: int, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield (end offset, payload) of each frame, starting at `offset`; stop before the first torn or damaged frame."""
    size = os.fstat(fd).st_size
    while size - offset >= _HEAD.size:
        length, crc = _HEAD.unpack(os.pread(fd, _HEAD.size, offset))
        if not 0 < length <= MAX_FRAME_BYTES or length > size - offset - _HEAD.size:
            return
        payload = os.pread(fd, length, offset + _HEAD.size)
        if len(payload) != length or zlib.crc32(payload) != crc:
            return
        offset += _HEAD.size + length
        yield offset, payload


def whole_length(fd: int) -> int:
    """Return the size of the complete frames of an open journal in bytes; 0 if the first frame is not a header."""
    end = 0
    for offset, payload in frames(fd):
        if end == 0 and payload[:1] != b"H":
            return 0
        end = offset
    return end


def has_mark(fd: int) -> bool:
    """Return whether an open file is empty or starts like a journal. Its first frame may be torn, or only zeros."""
    head = os.pread(fd, _HEAD.size + 1, 0)
    if not any(head):
        return not first_byte(fd)
    if len(head) <= _HEAD.size:
        return False
    length, _ = _HEAD.unpack(head[: _HEAD.size])
    return 0 < length <= MAX_FRAME_BYTES and head[-1:] == b"H"


def is_damaged(fd: int, end: int) -> bool:
    """Return whether a journal is damaged after `end`, the end of its last complete frame.

    An incomplete frame is not damage, because it may be being appended. A frame that was completed after `end` was
    determined is not damage either.
    """
    rest = os.fstat(fd).st_size - end - _HEAD.size
    if rest < 0:
        return False
    length, crc = _HEAD.unpack(os.pread(fd, _HEAD.size, end))
    if not 0 < length <= MAX_FRAME_BYTES:
        return True
    return bool(length <= rest and zlib.crc32(os.pread(fd, length, end + _HEAD.size)) != crc)
