"""Starts the real daemons as processes of their own, for the tests that look at the whole."""

import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from subprocess import DEVNULL, PIPE

import anyio
from anyio.abc import Process

LOOK_AGAIN_S = 0.05


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.asynccontextmanager
async def daemon(module: str, *arguments: str) -> AsyncIterator[Process]:
    """Run `python -m module`; it is ended, in order if possible, when the block is left."""
    async with await anyio.open_process(
        [sys.executable, "-m", module, *arguments], stdin=DEVNULL, stdout=DEVNULL, stderr=None
    ) as process:
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
                with anyio.CancelScope(shield=True), anyio.move_on_after(10):
                    await process.wait()
            if process.returncode is None:
                process.kill()


async def run(module: str, *arguments: str) -> tuple[int, str]:
    """Run `python -m module` to its end; return its status and what it said on standard error."""
    done = await anyio.run_process(
        [sys.executable, "-m", module, *arguments], check=False, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    return done.returncode, done.stderr.decode()
