r"""Shapes: the fast way to read kernel files of a known form, with three passes over the bytes, all of them in C.

For the text `anon 5\nfile 60\n`, of which an earlier one was read in the plain way:

    shape(text)                                     b"anon \nfile \n"      must be equal to that of the earlier text
    text.translate(to_numbers(b" "), WORDS)         b",5 ,60 "               a comma before each number
    numbers(text, 2, to_numbers(b" "), WORDS)       array([5., 60.])

So the shape of a file says what each number is, and the numbers are read without looking at a line. Many files of one
form are read at once, one joined to the other. The shape cannot show a digit in a place that has none, such as
`an1on 5`; that digit gets no comma, so the numbers are too few. A file of another form is left to the plain way, which
can also say what is wrong.
"""

import numpy as np
from numpy.typing import NDArray

DIGITS = b"0123456789"
WORDS = bytes(range(ord("a"), ord("z") + 1)) + b"_"
"""Bytes that most keys consist of. Without them the list of numbers is short, and read three times as fast."""

_OVERFLOW = np.iinfo(np.int64).max
"""The value that numpy reads for any number that is too large."""


def shape(text: bytes) -> bytes:
    """Return a file without its digits."""
    return text.translate(None, DIGITS)


def to_numbers(commas: bytes) -> bytes:
    """Return a table for bytes.translate: these bytes become commas, digits stay, all others become blanks."""
    return bytes(byte if byte in DIGITS else ord("," if byte in commas else " ") for byte in range(256))


def numbers(text: bytes, count: int, table: bytes, without: bytes = b"") -> NDArray[np.float64] | None:
    r"""Return the integers of a file; None if they are not exactly `count`, or one is 2^63 - 1 or more.

    `table`: as `to_numbers` returns it. `without`: bytes that are left out first. A missing number, as in `anon \n`,
    is read as 0: callers must rule that out themselves.

    Shape: float64[count].
    """
    try:
        values = np.fromstring(b"0 " + text.translate(table, without), np.int64, sep=" ,")
    except (ValueError, DeprecationWarning):  # depending on numpy's version, a text that is not all numbers
        return None
    if len(values) != 1 + count or values.max() == _OVERFLOW:
        return None
    return values[1:].astype(np.float64)
