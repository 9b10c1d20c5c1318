"""Runs kubectl to its end. What it prints while it waits, such as how to log in, is shown to the user."""

import contextlib
import subprocess
import threading
from collections.abc import Iterable, Sequence

from anyio.from_thread import check_cancelled

from fgm.child_processes import end_with_parent, terminate
from fgm.cluster import running

LOOK_AGAIN_S = 0.5
"""Interval at which messages are shown, and at which it is ended if nobody waits for its answer any more."""


def whole_run(command: Sequence[str]) -> tuple[int, str, list[str]]:
    """Return the exit code, what was printed, and the lines of the messages.

    A login that needs the user, as in a browser, says so in a message, and waits. Such a message is shown. The last
    message of a kubectl that has failed is not, because it is part of the error. In a worker thread, a cancellation
    of the task that waits for it ends kubectl.
    """
    process = subprocess.Popen(  # noqa: S603 - the user's own kubectl
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        preexec_fn=end_with_parent,  # noqa: PLW1509 - it calls prctl only
    )
    printed: list[str] = []
    messages: list[str] = []
    readers = [
        threading.Thread(target=_read, args=pair, daemon=True)
        for pair in ((process.stdout, printed), (process.stderr, messages))
    ]
    for reader in readers:
        reader.start()
    shown = before = 0
    try:
        while readers[0].is_alive():
            readers[0].join(LOOK_AGAIN_S)
            with contextlib.suppress(RuntimeError):  # this is no worker thread
                check_cancelled()
            if readers[0].is_alive():
                for message in messages[shown:before]:
                    running.say(f"kubectl: {message.rstrip()}")
                shown, before = before, len(messages)
    except BaseException:
        terminate(process, command)
        raise
    finally:
        code = process.wait()
        readers[1].join(LOOK_AGAIN_S)  # a program that a login has left behind may keep it open
        for reader, pipe in zip(readers, (process.stdout, process.stderr), strict=True):
            if pipe is not None and not reader.is_alive():
                pipe.close()
    return code, "".join(printed), messages


def _read(pipe: Iterable[str], lines: list[str]) -> None:
    for line in pipe:
        lines.append(line)  # noqa: PERF402 - another thread reads the list
