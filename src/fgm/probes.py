"""A small HTTP server for the probes of the kubelet. It serves two fixed paths on an address of its own.

The viewer's main server is not reachable for the kubelet, because it listens on loopback. The collector has no other
server.
"""

import asyncio
import socket
from collections.abc import Callable

import anyio
from anyio.abc import TaskStatus

MAX_CONNECTIONS = 32
"""Maximum number of open connections; further ones are closed without a response."""
READ_TIMEOUT_S = 2.0
"""Timeout of one request, from the connection to the end of the response."""
MAX_REQUEST_BYTES = 4096

_RESPONSE = "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n{body}"


class Probes:
    """Serves /healthz (is the daemon alive?) and /readyz (can it do its work?), each with status 200 or 503."""

    def __init__(self, is_ready: Callable[[], bool], is_alive: Callable[[], bool] = lambda: True) -> None:
        """`is_alive`: an additional check for /healthz; by default a running event loop is enough."""
        self._is_ready = is_ready
        self._is_alive = is_alive
        self._open = 0

    async def serve(self, sock: socket.socket, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Serve on the listening socket `sock` until cancelled, then close it."""
        server = await asyncio.start_server(self._answer_request, sock=sock, limit=MAX_REQUEST_BYTES)
        async with server:
            task_status.started()
            await anyio.sleep_forever()

    async def _answer_request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= MAX_CONNECTIONS:
                async with asyncio.timeout(READ_TIMEOUT_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._response(head))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client disconnected, was too slow, or sent something else
        finally:
            self._open -= 1
            writer.close()

    def _response(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0]
        status, body = "404 Not Found", "not found\n"
        if method in (b"GET", b"HEAD") and path == b"/healthz":
            status, body = ("200 OK", "ok\n") if self._is_alive() else ("503 Service Unavailable", "stuck\n")
        elif method in (b"GET", b"HEAD") and path == b"/readyz":
            status, body = ("200 OK", "ready\n") if self._is_ready() else ("503 Service Unavailable", "not ready\n")
        return _RESPONSE.format(status=status, size=len(body), body="" if method == b"HEAD" else body).encode()
