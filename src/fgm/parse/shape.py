r"""Shapes: a fast way to parse kernel files of a known form, in three passes over the bytes, all of them in C.

The shape of a file is its text without digits. Two files with equal shapes have the same keys in the same order, so
the meaning of each number is known from the first file. For the text `anon 5\nfile 60\n`:

    shape(text)                                     b"anon \nfile \n"      must be equal to the shape of the first file
    text.translate(to_numbers(b" "), WORDS)         b",5 ,60 "               a comma before each number
    numbers(text, 2, to_numbers(b" "), WORDS)       array([5., 60.])

Many files of one form are joined and parsed at once. A shape does not reveal a digit inside a key, such as `an1on 5`;
but that digit gets no comma, and the wrong count of numbers reveals it. Files of another form are parsed line by line,
which also reports what is wrong.
"""

import numpy as np
from numpy.typing import NDArray

DIGITS = b"0123456789"
WORDS = bytes(range(ord("a"), ord("z") + 1)) + b"_"
"""The bytes that most keys consist of. Without them the text of the numbers is short, and read three times as fast."""

_OVERFLOW = np.iinfo(np.int64).max
"""Value that numpy returns for any number that is too large."""


def shape(text: bytes) -> bytes:
    """Return a text without its digits."""
    return text.translate(None, DIGITS)


def to_numbers(commas: bytes) -> bytes:
    """Return a table for bytes.translate: `commas` become commas, digits stay, all other bytes become blanks."""
    return bytes(byte if byte in DIGITS else ord("," if byte in commas else " ") for byte in range(256))


def numbers(text: bytes, count: int, table: bytes, without: bytes = b"") -> NDArray[np.float64] | None:
    r"""Return the integers in a text; None if there are not exactly `count`, or if one is 2^63 - 1 or more.

    `table`: a result of `to_numbers`. `without`: bytes that are removed first. A missing number, as in `anon \n`, is
    read as 0; callers must detect this themselves.

    Shape: float64[count].
    """
    try:
        values = np.fromstring(b"0 " + text.translate(table, without), np.int64, sep=" ,")
    except (ValueError, DeprecationWarning):  # the text is not all numbers; the error depends on the version of numpy
        return None
    if len(values) != 1 + count or values.max() == _OVERFLOW:
        return None
    return values[1:].astype(np.float64)
