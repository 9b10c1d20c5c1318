"""The fast way to read kernel files whose form is known: two passes over the bytes, both in C.

Without its digits a file must be what its form says (its shape), and with little but its digits it becomes a JSON
array, for CPython's fastest reader of numbers. Both work on many files of one form, one behind the other, as on one.
A digit where the form has none, which the shape cannot show, then stands beside a number without a comma, and that
is not JSON. What is not of its form is left to a plain way, which also knows how to complain.
"""

from collections.abc import Callable
from json import JSONDecoder
from typing import Any, cast

DIGITS = b"0123456789-"

_scan = cast("Callable[[str, int], tuple[list[float], int]]", cast("Any", JSONDecoder()).scan_once)


def shape(text: bytes) -> bytes:
    """Return a file without its digits."""
    return text.translate(None, DIGITS)


def to_json(commas: bytes) -> bytes:
    """Return the table that makes a comma of each of these bytes, and a blank of all others but digits."""
    return bytes(byte if byte in DIGITS else ord("," if byte in commas else " ") for byte in range(256))


def numbers(text: bytes, table: bytes, without: bytes = b"") -> list[float] | None:
    """Return the integers of a file whose every number has a comma before it; None if that is not JSON.

    `table`: as `to_json` makes it; `without`: bytes that are left out before.
    """
    try:
        values, _ = _scan("[0" + text.translate(table, without).decode("ascii") + "]", 0)
    except (ValueError, StopIteration):
        return None
    del values[0]
    return values
