"""How the C library keeps memory: every process of fgm has a small limit and several threads.

What follows is for the GNU C library; elsewhere it does nothing.
"""

import ctypes

_LIBRARY = ctypes.CDLL(None)
_M_ARENA_MAX = -8  # malloc.h


def share_one_arena() -> None:
    """Let all threads allocate from one arena; to be called before there are any.

    Left to itself, the library gives each thread an arena of its own, and what one has freed no other can use. One
    costs some waiting of threads that hold the interpreter's lock one at a time anyway.
    """
    if hasattr(_LIBRARY, "mallopt"):
        _LIBRARY.mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Return to the system what was needed for a moment, and is free now; takes some ms where that is much."""
    if hasattr(_LIBRARY, "malloc_trim"):
        _LIBRARY.malloc_trim(0)
