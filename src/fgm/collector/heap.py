"""Gives memory back to the system that was needed for a moment, and that the C library would keep for later."""

import ctypes

_TRIM = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""Of the GNU C library; others keep less."""


def give_back() -> None:
    """Return what is free; takes some ms where there was much."""
    if _TRIM is not None:
        _TRIM(0)
