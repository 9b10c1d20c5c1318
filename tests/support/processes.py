"""The real daemons as separate processes."""

import contextlib
import socket
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from subprocess import DEVNULL, PIPE

import anyio
from anyio.abc import Process

LOOK_AGAIN_S = 0.05
"""Interval between two looks at what another process does."""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that is free at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until_it_responds(url: str, patience_s: float) -> None:
    """Wait until a viewer responds at the address of its page."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            with urllib.request.urlopen(f"{url}api/health", timeout=2):
                return
        except OSError:
            assert time.monotonic() < deadline, "the viewer does not respond"
            time.sleep(LOOK_AGAIN_S)


@contextlib.asynccontextmanager
async def daemon(module: str, *arguments: str) -> AsyncIterator[Process]:
    """Run `python -m module` until the block is left; it is terminated, and killed if it has not ended after 10 s."""
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
    """Run `python -m module` to its end; return its exit status and its standard error."""
    done = await anyio.run_process(
        [sys.executable, "-m", module, *arguments], check=False, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    return done.returncode, done.stderr.decode()
