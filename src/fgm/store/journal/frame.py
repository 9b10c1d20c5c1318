"""Frames: the outer format of a journal, which a reader can follow up to the last whole frame.

    ┌───────────────────┬──────────────────────────┬─────────┐
    │ u32 payload bytes │ u32 CRC32 of the payload │ payload │   little-endian
    └───────────────────┴──────────────────────────┴─────────┘

A journal is frames and nothing else, appended one after the other. A kill or a full disk can therefore damage only the
last frame. What the payloads contain is in `fgm.store.journal.payload`.
"""

import os
import struct
import zlib
from collections.abc import Iterator

MAX_FRAME_BYTES = 64 << 20
"""Maximum size of a payload. A longer one is damage: a reader must not allocate what a broken length asks for."""

_HEAD = struct.Struct("<II")


def pack_frame(payload: bytes) -> bytes:
    """Return a payload as a frame."""
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def frames(fd: int, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield the end offset and the payload of each whole frame from `offset` on, up to the first torn or bad one."""
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
    """Return how many bytes of an open journal are whole frames; 0 if the first frame is not a header."""
    end = 0
    for offset, payload in frames(fd):
        if end == 0 and payload[:1] != b"H":
            return 0
        end = offset
    return end


def has_mark(fd: int) -> bool:
    """Return whether an open file is empty or begins as a journal does, even if its first frame is torn."""
    head = os.pread(fd, _HEAD.size + 1, 0)
    if len(head) <= _HEAD.size:
        return not head
    length, _ = _HEAD.unpack(head[: _HEAD.size])
    return 0 < length <= MAX_FRAME_BYTES and head[-1:] == b"H"


def is_damaged(fd: int, end: int) -> bool:
    """Return whether the bytes after the last whole frame, at `end`, are anything but a frame that is being appended.

    A frame that has become whole since `end` was determined is not damage.
    """
    rest = os.fstat(fd).st_size - end - _HEAD.size
    if rest < 0:
        return False
    length, crc = _HEAD.unpack(os.pread(fd, _HEAD.size, end))
    if not 0 < length <= MAX_FRAME_BYTES:
        return True
    return bool(length <= rest and zlib.crc32(os.pread(fd, length, end + _HEAD.size)) != crc)
