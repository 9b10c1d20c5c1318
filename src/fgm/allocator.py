"""Settings of the C library's memory allocator, for processes with several threads and a small memory limit.

The functions have an effect with the GNU C library only. With other C libraries they do nothing.
"""

import ctypes

_LIBRARY = ctypes.CDLL(None)
_M_ARENA_MAX = -8  # malloc.h


def share_one_arena() -> None:
    """Make all threads allocate from one arena. Call it before any other thread starts.

    By default each thread has an arena of its own, and memory that is freed in one arena cannot be used by other
    threads. With one arena, threads wait for each other to allocate. That costs little, because only one of them at a
    time has the interpreter lock anyway.
    """
    if hasattr(_LIBRARY, "mallopt"):
        _LIBRARY.mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Return free memory to the operating system. It blocks, for some milliseconds if there is much."""
    if hasattr(_LIBRARY, "malloc_trim"):
        _LIBRARY.malloc_trim(0)
