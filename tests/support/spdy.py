"""The server's end of a port-forward: a SPDY session, and a WebSocket that carries one.

Source: SPDY/3.1, the protocol that kubectl speaks after an upgrade of the connection.
"""

import contextlib
import socket
import struct
import threading
import zlib
from collections.abc import Callable

from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping
from wsproto.utilities import LocalProtocolError

SYN_STREAM, SYN_REPLY, RST_STREAM, PING = 1, 2, 3, 6
FIN = 1


class Tunnel:
    """A WebSocket whose binary messages are a stream of bytes, with the methods of a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._web_socket = connection, Connection(ConnectionType.SERVER)
        self._received = b""

    def recv(self, size: int) -> bytes:
        while not self._received:
            data = self._connection.recv(1 << 16)
            self._web_socket.receive_data(data or None)
            for event in self._web_socket.events():
                if isinstance(event, BytesMessage):
                    self._received += event.data
                elif isinstance(event, Ping):
                    self._connection.sendall(self._web_socket.send(event.response()))
                elif isinstance(event, CloseConnection):
                    return b""
        part, self._received = self._received[:size], self._received[size:]
        return part

    def sendall(self, data: bytes) -> None:
        try:
            message = self._web_socket.send(BytesMessage(data=data))
        except LocalProtocolError as error:  # the connection was cut, for which a socket raises an OSError
            raise BrokenPipeError from error
        self._connection.sendall(message)

    def shutdown(self, how: int) -> None:
        self._connection.shutdown(how)


class Session:
    """The SPDY session of one forward. Connections through it begin one after another.

    kubectl opens two streams for each connection: first the error stream, then the data stream. Their headers are not
    read, because the order suffices.
    """

    def __init__(self, connect: Callable[[], socket.socket], pod: str, connection: socket.socket | Tunnel) -> None:
        self._connect, self._pod, self._connection = connect, pod, connection
        self._lock = threading.Lock()
        self._headers = zlib.compressobj()
        self._streams: dict[int, socket.socket] = {}
        self._opened = 0

    def cut(self) -> None:
        with contextlib.suppress(OSError):  # kubectl has closed it
            self._connection.shutdown(socket.SHUT_RDWR)

    def run(self) -> None:
        try:
            while head := self._read(8):
                first, size = struct.unpack(">II", head)
                flags, payload = size >> 24, self._read(size & 0xFFFFFF)
                if not first >> 31:
                    self._receive_data(first, payload, is_last=bool(flags & FIN))
                elif first & 0xFFFF == SYN_STREAM:
                    self._open_stream(struct.unpack(">I", payload[:4])[0])
                elif first & 0xFFFF == PING:
                    self._send_control(PING, payload)
                elif first & 0xFFFF == RST_STREAM:
                    self._close_stream(struct.unpack(">I", payload[:4])[0])
        except OSError:
            pass
        finally:
            for number in list(self._streams):
                self._close_stream(number)

    def _open_stream(self, number: int) -> None:
        no_headers = self._headers.compress(struct.pack(">I", 0)) + self._headers.flush(zlib.Z_SYNC_FLUSH)
        self._send_control(SYN_REPLY, struct.pack(">I", number) + no_headers)
        self._opened += 1
        if self._opened % 2 == 1:
            return  # the error stream, which comes first
        try:
            pod = self._streams[number] = self._connect()
        except ConnectionError:
            message = (
                f"error forwarding port 8050 to pod {self._pod}, uid : failed to execute portforward in network "
                "namespace: failed to connect to localhost:8050: connect: connection refused"
            )
            self._send_data(number - 2, message.encode())
            self._end(number)
        else:
            threading.Thread(target=self._copy, args=(pod, number), daemon=True).start()

    def _copy(self, pod: socket.socket, number: int) -> None:
        try:
            while part := pod.recv(1 << 14):
                self._send_data(number, part)
            self._end(number)
        except OSError:
            pass  # kubectl has closed the connection

    def _end(self, number: int) -> None:
        self._send_data(number - 2, b"", FIN)
        self._send_data(number, b"", FIN)

    def _receive_data(self, number: int, data: bytes, *, is_last: bool) -> None:
        pod = self._streams.get(number)
        if pod is not None and data:
            pod.sendall(data)
        if pod is not None and is_last:
            pod.shutdown(socket.SHUT_WR)

    def _close_stream(self, number: int) -> None:
        if pod := self._streams.pop(number, None):
            pod.close()

    def _send_control(self, kind: int, payload: bytes) -> None:
        with self._lock:
            self._connection.sendall(struct.pack(">HHI", 0x8003, kind, len(payload)) + payload)

    def _send_data(self, number: int, data: bytes, flags: int = 0) -> None:
        with self._lock:
            self._connection.sendall(struct.pack(">II", number, flags << 24 | len(data)) + data)

    def _read(self, size: int) -> bytes:
        parts = b""
        while len(parts) < size:
            part = self._connection.recv(size - len(parts))
            if not part:
                raise ConnectionError
            parts += part
        return parts
