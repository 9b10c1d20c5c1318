"""Hypercorn, and the socket under it; the server stops in order when its task is cancelled."""

import logging
import socket
from typing import Any, cast

import anyio
from anyio.abc import TaskStatus
from hypercorn.asyncio import serve
from hypercorn.config import Config

from fgm.viewer.web.asgi import App

GRACE_S = 2


def url_of(sock: socket.socket) -> str:
    """Return the address for a browser."""
    host, port = sock.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - recognised, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


async def serve_until_cancelled(
    app: App, sock: socket.socket, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    """Serve HTTP on `sock`, which is taken over; turn cancellation into Hypercorn's own graceful stop.

    Cancelled outright, Hypercorn skips its lifespan shutdown; so it runs shielded and is told to stop through
    its trigger.
    """
    config = Config()
    config.bind = [f"fd://{sock.detach()}"]
    config.graceful_timeout = GRACE_S
    config.shutdown_timeout = GRACE_S
    config.include_server_header = False
    config.errorlog = logging.getLogger("hypercorn.error")
    config.errorlog.setLevel(logging.WARNING)
    answering, stop = anyio.Event(), anyio.Event()

    async def until_stopped() -> None:
        answering.set()
        await stop.wait()

    async def run_server() -> None:
        with anyio.CancelScope(shield=True):
            await serve(cast("Any", app), config, shutdown_trigger=until_stopped)
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(run_server, name="hypercorn")
        try:
            await answering.wait()
            task_status.started()
            await anyio.sleep_forever()
        finally:
            stop.set()
