"""The frames of SPDY/3.1, as far as a port-forward needs them: bytes in, events out.

What peers send in headers is never needed: it is skipped as it is, so that nothing is unpacked.

Source: SPDY/3, section 2, and moby/spdystream 0.5.1, which Kubernetes uses on both sides.
"""

import struct
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from fgm.cluster.tunnel.spdy_dictionary import DICTIONARY

MAX_CONTROL_BYTES = 16 << 10
"""Maximum size of a control frame. Those of a port-forward have less than 100 bytes."""
_VERSION = 0x8003
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING, _HEADERS = 1, 2, 3, 6, 8
_FIN = 1
_REFUSED_STREAM, _CANCEL = 3, 5
_SMALLEST = {_SYN_STREAM: 10, _SYN_REPLY: 4, _RST_STREAM: 8, _PING: 4, _HEADERS: 4}
"""Minimum size of a control frame of each type; those of other types are skipped."""
_HEAD_BYTES = 8


class SpdyError(Exception):
    """Raised if what arrives is not SPDY/3. The message says what was wrong."""


class Data(NamedTuple):
    """A part of what a stream sends."""

    stream: int
    data: bytes


class End(NamedTuple):
    """A stream has sent all. `is_reset`: it was cut."""

    stream: int
    is_reset: bool = False


class Reply(NamedTuple):
    """Something that has to be sent as an answer to a ping, or to a stream that the peer wants to open."""

    frame: bytes


Event = Data | End | Reply


class SpdyCodec:
    """The client's end of a connection. What its methods return must be sent, in their order."""

    def __init__(self) -> None:
        self._compressor = zlib.compressobj(zdict=DICTIONARY)
        self.next_stream = 1
        self._buffer = bytearray()
        self._stream, self._remaining, self._is_last = 0, 0, False
        """The data frame that has begun: its stream, how many bytes are missing, and whether it is the last."""

    def open_stream(self, headers: Mapping[str, str], *, is_last: bool = False) -> tuple[int, bytes]:
        """Return the number of a new stream, and the frame that opens it. `is_last`: nothing will be sent on it."""
        number, self.next_stream = self.next_stream, self.next_stream + 2
        block = struct.pack(">I", len(headers)) + b"".join(
            struct.pack(">I", len(text)) + text for pair in headers.items() for text in map(str.encode, pair)
        )
        packed = self._compressor.compress(block) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        payload = struct.pack(">IIH", number, 0, 0) + packed
        return number, _control(_SYN_STREAM, payload, _FIN if is_last else 0)

    def data(self, stream: int, data: bytes, *, is_last: bool = False) -> bytes:
        """Return the frame with data of a stream. `is_last`: no more is sent on it."""
        return struct.pack(">II", stream, (_FIN if is_last else 0) << 24 | len(data)) + data

    def cancel(self, stream: int) -> bytes:
        """Return the frame that ends a stream in both directions."""
        return _control(_RST_STREAM, struct.pack(">II", stream, _CANCEL))

    def receive(self, data: bytes) -> list[Event]:
        """Return what has arrived with further bytes.

        Raises: SpdyError if they are not SPDY/3, or if a control frame is too large.
        """
        self._buffer += data
        events: list[Event] = []
        while (arrived := self._next()) is not None:
            events += arrived
        return events

    def _next(self) -> list[Event] | None:
        """Return what the next frame, or the next part of a data frame, means; None if it has not arrived."""
        if self._remaining:
            return self._next_part()
        if len(self._buffer) < _HEAD_BYTES:
            return None
        first, second = struct.unpack_from(">II", self._buffer)
        flags, size = second >> 24, second & 0xFFFFFF
        if not first >> 31:
            if first >= self.next_stream or not first & 1:
                raise SpdyError(f"there are data of stream {first}, which was not opened")
            del self._buffer[:_HEAD_BYTES]
            self._stream, self._remaining, self._is_last = first, size, bool(flags & _FIN)
            return [End(first)] if self._is_last and not size else []
        if first >> 16 != _VERSION:
            raise SpdyError(f"a frame has version {first >> 16 & 0x7FFF} instead of 3")
        if size > MAX_CONTROL_BYTES:
            raise SpdyError(f"a control frame has {size} bytes; the maximum is {MAX_CONTROL_BYTES}")
        if len(self._buffer) < _HEAD_BYTES + size:
            return None
        payload = bytes(self._buffer[_HEAD_BYTES : _HEAD_BYTES + size])
        del self._buffer[: _HEAD_BYTES + size]
        return _events(first & 0xFFFF, flags, payload)

    def _next_part(self) -> list[Event] | None:
        part = bytes(self._buffer[: self._remaining])
        del self._buffer[: len(part)]
        self._remaining -= len(part)
        if not part:
            return None
        return [Data(self._stream, part), *([End(self._stream)] if self._is_last and not self._remaining else [])]


def _events(kind: int, flags: int, payload: bytes) -> list[Event]:
    """Return what a control frame means. One of an unknown type means nothing.

    Raises: SpdyError if it is too small.
    """
    if len(payload) < _SMALLEST.get(kind, 0):
        raise SpdyError(f"a control frame of type {kind} has {len(payload)} bytes; the minimum is {_SMALLEST[kind]}")
    number = int.from_bytes(payload[:4]) & 0x7FFFFFFF
    if kind == _SYN_STREAM:
        return [Reply(_control(_RST_STREAM, struct.pack(">II", number, _REFUSED_STREAM)))]
    if kind == _RST_STREAM:
        return [End(number, is_reset=True)]
    if kind in (_SYN_REPLY, _HEADERS):
        return [End(number)] if flags & _FIN else []
    if kind == _PING and not number & 1:  # an odd number would be an answer to one of ours
        return [Reply(_control(_PING, payload[:4]))]
    return []  # after GOAWAY, the connection is closed


def _control(kind: int, payload: bytes, flags: int = 0) -> bytes:
    return struct.pack(">HHI", _VERSION, kind, flags << 24 | len(payload)) + payload
