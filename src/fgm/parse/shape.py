"""The fast way to read kernel files whose form is known: three passes over the bytes, all in C.

Without its digits a file must be what its form says (its shape); with little but its digits it is a list of numbers
with commas, which numpy reads. All work on many files of one form, one behind the other, as on one. A digit where the
form has none, which the shape cannot show, then stands beside a number without a comma, and so there are too few
numbers. What is not of its form is left to a plain way, which also knows how to complain.
"""

import numpy as np
from numpy.typing import NDArray

DIGITS = b"0123456789"
WORDS = bytes(range(ord("a"), ord("z") + 1)) + b"_"
"""What keys are mostly made of. Leaving it out makes the list of numbers short, and reading it three times as fast."""

_MOST = np.iinfo(np.int64).max


def shape(text: bytes) -> bytes:
    """Return a file without its digits."""
    return text.translate(None, DIGITS)


def to_numbers(commas: bytes) -> bytes:
    """Return the table that makes a comma of each of these bytes, and a blank of all others but digits."""
    return bytes(byte if byte in DIGITS else ord("," if byte in commas else " ") for byte in range(256))


def numbers(text: bytes, count: int, table: bytes, without: bytes = b"") -> NDArray[np.float64] | None:
    """Return the integers of a file, each of which has a comma before it; None if these are not `count` below 2^63 - 1.

    No number at all would be read as 0: that is for the caller to see. `table`: as `to_numbers` makes it; `without`:
    bytes that are left out before.
    """
    try:
        values = np.fromstring(b"0 " + text.translate(table, without), np.int64, sep=" ,")
    except (ValueError, DeprecationWarning):  # what cannot be read to its end is one or the other
        return None
    if len(values) != 1 + count or values.max() == _MOST:
        return None
    return values[1:].astype(np.float64)
