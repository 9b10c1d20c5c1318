"""A tiny listener for the kubelet's probes, on an address of its own: fixed answers, and nothing else of a daemon.

The viewer's server listens on loopback, where a port-forward arrives and the kubelet does not; the collector has no
other server.
"""

import asyncio
import socket
from collections.abc import Callable

import anyio
from anyio.abc import TaskStatus

MAX_CONNECTIONS = 32
READ_TIMEOUT_S = 2.0
MAX_REQUEST_BYTES = 4096

_ANSWER = "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n{body}"


class Probes:
    """Answers /healthz (the process lives) and /readyz (it does its work), each with 200 or 503."""

    def __init__(self, is_ready: Callable[[], bool], is_alive: Callable[[], bool] = lambda: True) -> None:
        """`is_alive`: whether more than the event loop lives, where that can be told."""
        self._is_ready = is_ready
        self._is_alive = is_alive
        self._open = 0

    async def serve(self, sock: socket.socket, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Listen on `sock`, which is taken over, until cancelled."""
        server = await asyncio.start_server(self._converse, sock=sock, limit=MAX_REQUEST_BYTES)
        async with server:
            task_status.started()
            await anyio.sleep_forever()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= MAX_CONNECTIONS:
                async with asyncio.timeout(READ_TIMEOUT_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._answer(head))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a probe that went away, or no probe
        finally:
            self._open -= 1
            writer.close()

    def _answer(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0]
        status, body = "404 Not Found", "not found\n"
        if method in (b"GET", b"HEAD") and path == b"/healthz":
            status, body = ("200 OK", "ok\n") if self._is_alive() else ("503 Service Unavailable", "stuck\n")
        elif method in (b"GET", b"HEAD") and path == b"/readyz":
            status, body = ("200 OK", "ready\n") if self._is_ready() else ("503 Service Unavailable", "not ready\n")
        return _ANSWER.format(status=status, size=len(body), body="" if method == b"HEAD" else body).encode()
