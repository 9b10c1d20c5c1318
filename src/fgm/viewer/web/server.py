"""Runs Hypercorn, the HTTP server, on a socket that is already open."""

import logging
import socket
from typing import Any, cast

import anyio
from anyio.abc import TaskStatus
from hypercorn.asyncio import run, serve
from hypercorn.config import Config, Sockets

from fgm.viewer.web.asgi import App
from fgm.viewer.web.connection import Connection

GRACE_S = 2
"""Timeout of running requests when the server stops."""


class SocketConfig(Config):
    """The configuration of a server on one socket that listens already: that object itself, not a copy of it."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock

    def create_sockets(self) -> Sockets:  # noqa: D102 - see Config
        return Sockets([], [self._sock], [])


async def serve_until_cancelled(
    app: App, sock: socket.socket, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    """Serve HTTP on `sock` until cancelled, then close it. The task has started when it accepts requests.

    Running requests get `GRACE_S` to end. Hypercorn runs shielded and is stopped by its shutdown trigger, because it
    would not send the lifespan shutdown message if it were cancelled itself.
    """
    run.TCPServer = Connection  # type: ignore[attr-defined]  # Hypercorn has no setting for this class
    config = SocketConfig(sock)
    config.graceful_timeout = GRACE_S
    config.shutdown_timeout = GRACE_S
    config.include_server_header = False
    config.errorlog = logging.getLogger("hypercorn.error")
    config.errorlog.setLevel(logging.WARNING)
    is_serving, stop = anyio.Event(), anyio.Event()

    async def wait_for_stop() -> None:
        is_serving.set()
        await stop.wait()

    async def run_server() -> None:
        with anyio.CancelScope(shield=True):
            await serve(cast("Any", app), config, shutdown_trigger=wait_for_stop)
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(run_server, name="hypercorn")
        try:
            await is_serving.wait()
            task_status.started()
            await anyio.sleep_forever()
        finally:
            stop.set()
