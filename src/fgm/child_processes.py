"""Child processes that end with this one, also if it is killed, and also if they are scripts around a program."""

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_prctl = getattr(ctypes.CDLL(None), "prctl", None)  # looked up before any fork; macOS has none


def end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the thread that started this process ends. Call it as `preexec_fn`.

    Only Linux can do that. Elsewhere, a child process stays if this process is killed by SIGKILL.
    """
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def terminate(process: "subprocess.Popen[str]", command: Sequence[str]) -> None:
    """Send SIGTERM to a process that was started by a command and, on Linux, to a program that it has started.

    The command may be a script around the program. A shell ends at the signal, and does not pass it on. The program is
    what has the same arguments: others, such as a browser that a login has opened, are left alone.
    """
    if process.poll() is not None:
        return
    programs = _started_with("\0".join(["", *command[1:], ""]).encode(), process.pid)
    process.terminate()
    for program in programs:
        with contextlib.suppress(ProcessLookupError):
            os.kill(program, signal.SIGTERM)


def _started_with(arguments: bytes, process_id: int) -> list[int]:
    """Return the processes with some arguments that a process has started, and those that these have started."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # it has ended
        for path in Path(f"/proc/{process_id}/task").glob("*/children"):
            for child in map(int, path.read_bytes().split()):
                if arguments in _content(Path(f"/proc/{child}/cmdline")):
                    found += [child, *_started_with(arguments, child)]
    return found


def _content(path: Path) -> bytes:
    """Return the content of a file; b"" if it is not there any more."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
