"""Divides the minutes of a metric into runs: rows of one series at equal distances that change, or that do not."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.store.minutes.minute_rows import MINUTE_MS, MinuteRows

MIN_CONSTANT_ROWS = 8
"""Minimum number of equal rows next to each other that are a constant run, if the series has other values, too."""


class RowRuns(NamedTuple):
    """Some rows, and their runs: first minute, minutes from row to row, index of the first row, and number of rows."""

    values: MinuteRows
    first: NDArray[np.int64]
    step: NDArray[np.int64]
    start: NDArray[np.intp]
    rows: NDArray[np.int64]

    @property
    def series(self) -> NDArray[np.int64]:
        """The series of each run."""
        return self.values.series[self.start]


class Groups(NamedTuple):
    """Groups of neighbours in an array: index of the first one of each, and their numbers."""

    starts: NDArray[np.intp]
    sizes: NDArray[np.int64]

    def repeated(self, values: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return a value of each group for each of its members."""
        return np.repeat(values, self.sizes)


def groups(is_other: NDArray[np.bool_], length: int) -> Groups:
    """Return the groups of `length` neighbours. `is_other`: whether each, from the second one on, begins a group."""
    starts = np.flatnonzero(np.r_[length > 0, is_other][:length])
    return Groups(starts, np.diff(np.append(starts, length)).astype(np.int64))


def split(rows: MinuteRows, from_ms: int) -> tuple[RowRuns, RowRuns]:
    """Return the rows that change and those that do not, with their runs. `rows`: of one metric, sorted.

    The minutes of a constant run have one value, and equal counts. A series with only one value is constant, unless its
    values were read at so irregular times that this needs more space than pages.
    """
    is_flat = (rows.min == rows.max) & (rows.min_at_ms == rows.max_at_ms)
    is_other_series = np.diff(rows.series) != 0
    is_other = is_other_series | ~is_flat[1:] | ~is_flat[:-1]
    for column in (rows.min, rows.min_at_ms, rows.count):
        is_other |= np.diff(column) != 0
    equal, of_series = groups(is_other, len(rows)), groups(is_other_series, len(rows))
    has_one_value = np.minimum.reduceat(rows.min, of_series.starts) == np.maximum.reduceat(rows.max, of_series.starts)
    parts = np.add.reduceat(np.r_[True, is_other].astype(np.int64), of_series.starts)
    is_regular = has_one_value & (parts <= 2 + of_series.sizes // MIN_CONSTANT_ROWS)
    is_constant = is_flat & (of_series.repeated(is_regular) | equal.repeated(equal.sizes >= MIN_CONSTANT_ROWS))
    part = np.repeat(np.arange(len(equal.sizes)), equal.sizes)
    return _runs(rows, ~is_constant, rows.series, from_ms), _runs(rows, is_constant, part, from_ms)


def _runs(rows: MinuteRows, is_chosen: NDArray[np.bool_], part: NDArray[np.int64], from_ms: int) -> RowRuns:
    """Return the chosen rows, with runs that lie in one part each."""
    values = rows.at(is_chosen)
    minute = (values.time_ms - from_ms) // MINUTE_MS
    step, is_other = np.diff(minute), np.diff(part[is_chosen]) != 0
    if not ((step == 1) | is_other).all():
        is_other = _with_changes_of_step(step, is_other)
    start, sizes = groups(is_other, len(values))
    steps = np.ones(len(start), np.int64)
    steps[sizes > 1] = step[start[sizes > 1]]
    return RowRuns(values, minute[start], steps, start, sizes)


def _with_changes_of_step(step: NDArray[np.int64], is_other: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where runs begin, also where the distance changes; the row after that begins no run of its own."""
    begins, current = [], 0
    for distance, is_part in zip(step.tolist(), is_other.tolist(), strict=True):
        begins.append(is_part or current not in {0, distance})
        current = 0 if begins[-1] else distance
    return np.array(begins, np.bool_)
