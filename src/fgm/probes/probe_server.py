"""A small HTTP server for the probes of the kubelet. It serves two fixed paths on an address of its own.

The viewer's main server is not reachable for the kubelet, because it listens on loopback. The collector has no other
server.
"""

import asyncio
import socket
from collections.abc import Callable

import anyio
from anyio.abc import TaskStatus

from fgm.probes.probe_response import END_OF_HEAD, MAX_CONNECTIONS, MAX_REQUEST_BYTES, READ_TIMEOUT_S, probe_response


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
                    head = await reader.readuntil(END_OF_HEAD)
                    writer.write(probe_response(head, self._is_ready, self._is_alive))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the client disconnected, was too slow, or sent something else
        finally:
            self._open -= 1
            writer.close()
