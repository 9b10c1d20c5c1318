"""Formats numbers for the texts of events."""

import math

UNKNOWN_MS = -1
"""Length of a gap whose length is unknown, because the clock was set back in it."""


def size(size_bytes: float) -> str:
    """Return an amount of memory, such as `256 MiB`."""
    for unit, scale in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size_bytes >= scale:
            return f"{_short(size_bytes / scale)} {unit}"
    return f"{size_bytes:.0f} B"


def duration(time_ms: float) -> str:
    """Return a length of time, such as `2 min 5 s`."""
    seconds = time_ms / 1000
    if seconds < 10:
        return f"{_short(seconds)} s"
    whole = round(seconds)
    for unit, small, scale in (("d", "h", 86_400), ("h", "min", 3600), ("min", "s", 60)):
        if whole >= scale:
            rest = whole % scale * {"d": 24, "h": 60, "min": 60}[unit] // scale
            return f"{whole // scale} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def in_gap(gap_ms: int) -> str:
    """Return the end of a sentence about an event in a gap of this length; an empty text if there was no gap."""
    if not gap_ms:
        return ""
    return " while nothing was recorded" + ("" if gap_ms == UNKNOWN_MS else f" ({duration(gap_ms)})")


def count(number: float, singular: str, plural: str) -> str:
    """Return a number of things, such as `1 process` or `3 processes`."""
    return f"{number:.0f} {singular if number == 1 else plural}"


def millicores(cpus: float) -> str:
    """Return a number of CPUs as text, such as `500 millicores`."""
    return f"{_short(1000 * cpus)} millicores"


def plain(number: float) -> int | float:
    """Return a number for JSON: without a decimal point if it is whole."""
    return int(number) if number == int(number) else number


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 100 or math.isclose(number, round(number)) else f"{number:.1f}"
