"""Runs the question of a command until it is answered, or until SIGINT or SIGTERM: what was started has ended then."""

import signal
import sys
from collections.abc import Awaitable, Callable

import anyio

from fgm.asking.viewer_client import AskError
from fgm.asking.words import printable
from fgm.listening import ListenError

EXIT_FAILED = 1


def run(question: Callable[[], Awaitable[int]], *, stopped: int = EXIT_FAILED) -> int:
    """Return the exit code of a question; 1 with a message if it cannot be asked. `stopped`: if it was stopped."""
    return anyio.run(_until_signal, question, stopped)


async def _until_signal(question: Callable[[], Awaitable[int]], stopped: int) -> int:
    code = stopped
    async with anyio.create_task_group() as group:
        group.start_soon(_cancel_on_signals, group.cancel_scope)
        try:
            code = await question()
        except (AskError, ListenError) as error:
            code = EXIT_FAILED
            say(str(error))
        group.cancel_scope.cancel()
    return code


async def _cancel_on_signals(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            say("stopped")
            scope.cancel()


def say(message: str) -> None:
    """Print a message on standard error. It may quote what a node or kubectl has printed."""
    sys.stderr.write(f"fgm: {printable(message)}\n")
