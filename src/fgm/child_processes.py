"""Child processes that end with this one, also if it is killed."""

import ctypes
import signal

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_prctl = getattr(ctypes.CDLL(None), "prctl", None)  # looked up before any fork; macOS has none


def end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the thread that started this process ends. Call it as `preexec_fn`.

    Only Linux can do that. Elsewhere, a child process stays if this process is killed by SIGKILL.
    """
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
