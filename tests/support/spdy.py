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
NAMES = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin"
)
VALUES = (
    b"100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative "
    b"Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 "
    b"Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec "
    b"00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,"
    b"application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset="
    b"iso-8859-1,utf-,*,enq=0."
)


def _with_size(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


DICTIONARY = b"".join(_with_size(name.replace("_", " ").encode()) for name in NAMES.split()) + VALUES
"""What compressed headers refer to: names with their lengths, then values (SPDY/3, section 2.6.10.1)."""


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
    """The SPDY session of one forward.

    kubectl opens two streams for each connection: first the error stream, then the data stream. Both have the same
    `requestid`, because connections may begin at the same time.
    """

    def __init__(self, connect: Callable[[], socket.socket], pod: str, connection: socket.socket | Tunnel) -> None:
        self._connect, self._pod, self._connection = connect, pod, connection
        self._lock = threading.Lock()
        self._sent_headers, self._received_headers = zlib.compressobj(), zlib.decompressobj(zdict=DICTIONARY)
        self._streams: dict[int, socket.socket] = {}
        self._error_streams: dict[str, int] = {}

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
                    self._open_stream(struct.unpack(">I", payload[:4])[0], self._read_headers(payload[10:]))
                elif first & 0xFFFF == PING:
                    self._send_control(PING, payload)
                elif first & 0xFFFF == RST_STREAM:
                    self._close_stream(struct.unpack(">I", payload[:4])[0])
        except OSError:
            pass
        finally:
            for number in list(self._streams):
                self._close_stream(number)

    def _read_headers(self, compressed: bytes) -> dict[str, str]:
        block, place, texts = self._received_headers.decompress(compressed), 4, []
        while place < len(block):
            end = place + 4 + int.from_bytes(block[place : place + 4])
            texts.append(block[place + 4 : end].decode())
            place = end
        return dict(zip(texts[::2], texts[1::2], strict=True))

    def _open_stream(self, number: int, headers: dict[str, str]) -> None:
        no_headers = self._sent_headers.compress(struct.pack(">I", 0)) + self._sent_headers.flush(zlib.Z_SYNC_FLUSH)
        self._send_control(SYN_REPLY, struct.pack(">I", number) + no_headers)
        if headers["streamtype"] == "error":
            self._error_streams[headers["requestid"]] = number
            return
        error_number = self._error_streams.pop(headers["requestid"])
        try:
            pod = self._streams[number] = self._connect()
        except ConnectionError:
            message = (
                f"error forwarding port 8050 to pod {self._pod}, uid : failed to execute portforward in network "
                "namespace: failed to connect to localhost:8050: connect: connection refused"
            )
            self._send_data(error_number, message.encode())
            self._end(number, error_number)
        else:
            threading.Thread(target=self._copy, args=(pod, number, error_number), daemon=True).start()

    def _copy(self, pod: socket.socket, number: int, error_number: int) -> None:
        try:
            while part := pod.recv(1 << 14):
                self._send_data(number, part)
            self._end(number, error_number)
        except OSError:
            pass  # kubectl has closed the connection

    def _end(self, number: int, error_number: int) -> None:
        self._send_data(error_number, b"", FIN)
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
