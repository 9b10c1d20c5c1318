"""Rows of minutes: what the values of one metric were in each minute, of one or several series."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

MINUTE_MS = 60_000

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class MinuteRows:
    """Minutes of one metric, sorted by series and time. A minute without values has no row.

    `series`: index of the series of each row, whatever the caller counts. `time_ms`: start of the minute. `min_at_ms`,
    `max_at_ms`: the first tick at which the value was the lowest or highest, in ms after `time_ms`. `count`: number of
    values.

    Shape: all columns are int64[n] or float64[n], without NaN.
    """

    series: Integers
    time_ms: Integers
    min: Floats
    min_at_ms: Integers
    mean: Floats
    max: Floats
    max_at_ms: Integers
    last: Floats
    count: Integers

    def __len__(self) -> int:
        return len(self.time_ms)

    def at(self, rows: slice | NDArray[np.intp] | NDArray[np.bool_]) -> "MinuteRows":
        """Return some of the rows."""
        return MinuteRows(*(getattr(self, name)[rows] for name in COLUMNS))

    @classmethod
    def empty(cls) -> "MinuteRows":
        """Return no rows."""
        none, no_integers = np.empty(0), np.empty(0, np.int64)
        return cls(no_integers, no_integers, none, no_integers, none, none, no_integers, none, no_integers)

    @classmethod
    def joined(cls, parts: Sequence["MinuteRows"]) -> "MinuteRows":
        """Return the rows of all parts, one after the other."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS))


COLUMNS = tuple(field.name for field in fields(MinuteRows))
"""Names of the columns of `MinuteRows`."""


def combined(parts: Sequence[MinuteRows]) -> MinuteRows:
    """Return the rows of all parts. Rows of one minute and series become one row.

    A minute has several rows if a window ended in it, or if two collectors recorded. `parts`: the older ones first.
    """
    joined = parts[0] if len(parts) == 1 else MinuteRows.joined(parts)
    series, time_ms = joined.series, joined.time_ms
    if is_sorted(joined):
        return joined
    rows = joined.at(np.lexsort((np.arange(len(time_ms)), time_ms, series)))
    starts = np.flatnonzero(np.r_[True, (np.diff(rows.series) != 0) | (np.diff(rows.time_ms) != 0)])
    if len(starts) == len(rows):
        return rows
    ends = np.append(starts[1:], len(rows)) - 1
    # A row of one minute keeps its mean exactly: mean * count / count may differ in its last digit.
    count = np.add.reduceat(rows.count, starts)
    with np.errstate(invalid="ignore"):  # columns that were not read
        mean = np.where(starts == ends, rows.mean[starts], np.add.reduceat(rows.mean * rows.count, starts) / count)
    low, low_at = _lowest(rows.min, rows.min_at_ms, starts, ends)
    high, high_at = _lowest(-rows.max, rows.max_at_ms, starts, ends)
    return MinuteRows(
        series=rows.series[starts],
        time_ms=rows.time_ms[starts],
        min=low,
        min_at_ms=low_at,
        mean=np.clip(mean, low, -high),
        max=-high,
        max_at_ms=high_at,
        last=rows.last[ends],
        count=count,
    )


def is_sorted(rows: MinuteRows) -> bool:
    """Return whether the rows are sorted by series and time, and no minute of a series has two."""
    series, time_ms = rows.series, rows.time_ms
    is_later = (series[1:] == series[:-1]) & (time_ms[1:] > time_ms[:-1])
    return bool(((series[1:] > series[:-1]) | is_later).all())


def _lowest(
    values: Floats, at_ms: Integers, starts: NDArray[np.intp], ends: NDArray[np.intp]
) -> tuple[Floats, Integers]:
    """Return the lowest value of each group of rows, and the first time at which there was one."""
    lowest = np.minimum.reduceat(values, starts)
    never = np.iinfo(np.int64).max
    is_lowest = values == np.repeat(lowest, ends - starts + 1)
    return lowest, np.minimum.reduceat(np.where(is_lowest, at_ms, never), starts)
