"""How the C library hands out memory: every process of fgm has a small limit and several threads.

Left to itself, glibc gives each thread an arena of its own, and what one has freed no other can use. One arena costs
some waiting of threads that hold the interpreter's lock one at a time anyway, and saves some 10 MiB of the collector.
"""

import ctypes

_M_ARENA_MAX = -8  # malloc.h


def share_one_arena() -> None:
    """Let all threads allocate from one arena; to be called before there are any. Without glibc it does nothing."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
