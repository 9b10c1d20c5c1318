"""Settings of the C library's memory allocator, for processes with several threads and a small memory limit.

They apply to the GNU C library; with any other, the functions do nothing.
"""

import ctypes

_LIBRARY = ctypes.CDLL(None)
_M_ARENA_MAX = -8  # malloc.h


def share_one_arena() -> None:
    """Let all threads allocate from one arena; call it before any thread starts.

    By default each thread has its own arena, and the other threads cannot use the memory that it frees. A shared arena
    makes threads wait for each other, but they hold the interpreter's lock one at a time anyway.
    """
    if hasattr(_LIBRARY, "mallopt"):
        _LIBRARY.mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Return free memory to the system. It takes some milliseconds if there is much."""
    if hasattr(_LIBRARY, "malloc_trim"):
        _LIBRARY.malloc_trim(0)
