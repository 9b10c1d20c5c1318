"""Numbers, quantities and names in words, for sentences."""

from collections.abc import Sequence

from fgm import iso_time
from fgm.metrics.shown import SHOWN

_UNITS_OF_BYTES = ("B", "KiB", "MiB", "GiB", "TiB")
MAX_NAMES = 3
"""Maximum number of series that a sentence names."""
_SPOKEN = {
    "memory_working_set": "memory",
    "io_read_bytes_per_s": "reading",
    "io_write_bytes_per_s": "writing",
    "network.rx_bytes": "receiving",
    "network.tx_bytes": "sending",
}
"""Words for metrics whose title does not fit into a sentence, such as "I/O, read"."""
_PER = ((1, "s"), (60, "min"), (3_600, "h"))
"""Lengths of time for rates: the first in which the rate is at least 1, or for bytes at least a MiB."""


def clock(time_ms: float) -> str:
    """Return the time of day in UTC, to the second."""
    return iso_time.format_milliseconds(int(time_ms) // 1000 * 1000)[11:19]


def number(value: float) -> str:
    """Return a number with three significant digits at most, and separators of thousands."""
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{float(f'{value:.2g}' if abs(value) < 10 else f'{value:.3g}'):g}"


def of_bytes(value: float) -> str:
    """Return a number of bytes with a unit that fits."""
    power = 0
    while abs(value) >= 1024 and power < len(_UNITS_OF_BYTES) - 1:
        value, power = value / 1024, power + 1
    return f"{number(value)} {_UNITS_OF_BYTES[power]}"


def quantity(value: float, metric: str) -> str:
    """Return a value with the unit of its metric."""
    unit = SHOWN[metric].unit if metric in SHOWN else ""
    if unit in ("bytes", "bytes/s"):
        return of_bytes(value) + unit.removeprefix("bytes")
    if unit == "ratio":
        return f"{number(100 * value)} %"
    return f"{number(value)} {'per s' if unit == '1/s' else unit}".removesuffix(" 1").rstrip()


def amount(value: float, unit: str) -> str:
    """Return a value of one of the units that names of facts have: bytes, threads or fds."""
    if unit == "bytes":
        return of_bytes(value)
    return f"{number(round(value))} {'open files' if unit == 'fds' else unit}"


def growth(per_s: float, unit: str) -> str:
    """Return a growth per second, minute or hour, whichever is easiest to read."""
    least = 1 << 20 if unit == "bytes" else 1
    factor, per = next((each for each in _PER if abs(per_s) * each[0] >= least), _PER[-1])
    value = per_s * factor
    return f"{of_bytes(value) if unit == 'bytes' else number(value)} per {per}"


def percent(value: float) -> str:
    """Return a percentage, without decimals from 10 on."""
    return f"{number(round(value) if value >= 10 else value)} %"


def seconds(value: float) -> str:
    """Return a length of time."""
    if value < 120:
        return f"{number(round(value) if value >= 10 else value)} s"
    return f"{number(round(value / 60))} min" if value < 7_200 else f"{number(value / 3_600)} h"


def from_to(low_s: float, high_s: float) -> str:
    """Return a length of time that is not known exactly."""
    low, high = seconds(low_s), seconds(high_s)
    if low == high:
        return low
    (first, unit), (last, other) = low.split(" "), high.split(" ")
    return f"{first} to {last} {unit}" if unit == other else f"{low} to {high}"


def names(of: Sequence[str]) -> str:
    """Return a list of names in words; those beyond MAX_NAMES are counted."""
    if len(of) > MAX_NAMES:
        rest = len(of) - MAX_NAMES
        return f"{', '.join(of[:MAX_NAMES])} and {rest} {'other' if rest == 1 else 'others'}"
    return " and ".join([", ".join(of[:-1]), of[-1]] if len(of) > 1 else of)


def times(count: float) -> str:
    """Return how often something happened."""
    return {1: "once", 2: "twice"}.get(round(count), f"{number(round(count))} times")


def title(metric: str) -> str:
    """Return the title of a metric as it is in the middle of a sentence."""
    if metric in _SPOKEN:
        return _SPOKEN[metric]
    text = SHOWN[metric].title if metric in SHOWN else metric
    return text if text[1:2].isupper() or text[1:2] == "/" else text[0].lower() + text[1:]
