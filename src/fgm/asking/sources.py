"""Opens a source as a viewer on this machine: an address is one; for a directory or a pack, one is started."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass

import anyio
import anyio.to_thread

from fgm.asking.viewer_client import AskError, ViewerClient, client_of
from fgm.child_processes import end_with_parent
from fgm.listening import free_port

PACK_SUFFIX = ".html"
START_TIMEOUT_S = 30.0
"""Timeout of the first answer of a viewer that was started."""
STOP_TIMEOUT_S = 5.0
"""Timeout of the end of a viewer after SIGTERM; after that it is killed."""
POLL_INTERVAL_S = 0.05
FORM = "a data directory, a pack (*.html), or a viewer such as http://127.0.0.1:8050"


@dataclass(frozen=True, slots=True)
class Source:
    """Something to ask: its name, and how to open it as a viewer.

    `opened_by`: the command that opens its page, without a time; "" if none is known.
    `may_hang`: whether something is wrong with it, so that it may not answer before a timeout.
    `open_at_port`: opens it as a viewer on this machine, whose page a browser can open; None: `open` does.
    """

    name: str
    open: Callable[[], AbstractAsyncContextManager[ViewerClient]]
    may_hang: bool = False
    opened_by: str = ""
    open_at_port: Callable[[], AbstractAsyncContextManager[ViewerClient]] | None = None


@asynccontextmanager
async def held(text: str, *, node: str = "") -> AsyncIterator[Source]:
    """Yield a directory, a pack or an address as a source that stays open until the end, however often it is asked.

    Raises: AskError as `opened` does.
    """
    async with opened(text, node=node) as client:
        yield Source(text, lambda: nullcontext(client))


def is_address(text: str) -> bool:
    """Return whether a source is the address of a viewer."""
    return text.startswith(("http://", "https://"))


def is_path(text: str) -> bool:
    """Return whether a source is a data directory or a pack that exists."""
    return os.path.isdir(text) or (text.endswith(PACK_SUFFIX) and os.path.isfile(text))


@asynccontextmanager
async def opened(text: str, *, node: str = "") -> AsyncIterator[ViewerClient]:
    """Yield the client of a source. `node`: name of the node to show, if a directory has several.

    Raises: AskError if there is no such source, or if its viewer does not start.
    """
    if is_address(text):
        yield client_of(text)
        return
    if not is_path(text):
        raise AskError(f"{text} is neither a directory nor a pack: give {FORM}")
    port = free_port()
    flags = [
        "--port",
        str(port),
        "--no-browser",
        "--index-timeout-seconds",
        "3",
        "--log-level",
        "error",
        *(["--node", node] if node else []),
    ]
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - does not wait; this interpreter with our own module
            [sys.executable, "-m", "fgm.viewer", text, *flags],
            stdout=subprocess.DEVNULL,
            stderr=printed,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - it calls prctl only
        )
        try:
            if not await _is_listening(process, port):
                printed.seek(0)
                reason = printed.read().decode(errors="replace").strip().rpartition("\n")[2]
                raise AskError(f"the viewer of {text} does not start: {reason.removeprefix('fgm-viewer: error: ')}")
            yield ViewerClient(port)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(_stop, process)


async def _is_listening(process: "subprocess.Popen[bytes]", port: int) -> bool:
    """Wait until a viewer accepts connections; return whether it does before it ends, or before the timeout."""
    with anyio.move_on_after(START_TIMEOUT_S):
        while process.poll() is None:
            with contextlib.suppress(OSError):
                stream = await anyio.connect_tcp("127.0.0.1", port)
                await stream.aclose()
                return True
            await anyio.sleep(POLL_INTERVAL_S)
    return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
