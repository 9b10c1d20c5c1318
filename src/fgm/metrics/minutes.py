"""Minutes: the lowest, mean, highest and last value of a metric in each minute.

Of values that are not whole, such as rates, the extremes keep 20 bits of their mantissa, which is an error of at most 1
in a million, and the last value keeps 8 bits, unless it is an extreme. The mean is exact to 1 in 1000, and to a 250th
of the distance between the extremes. Whole values, such as bytes, are exact; so are the times of extremes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.derived import Formula
from fgm.metrics.formula_input import Samples, interval_ms
from fgm.metrics.rates import Floats, Reads, Times, read_at_ms
from fgm.store.minutes.minute_rows import MINUTE_MS, MinuteRows

EXTREME_BITS, AGE_BITS, LAST_BITS = 20, 10, 8
"""Numbers of bits of the mantissa that values that are not whole keep: extremes, those of ages, and the last value."""
_MEAN_BITS, _SPREAD_BITS = 10, 8
"""Numbers of bits of a mean: of itself, and of the distance between the extremes. The finer one counts."""
_MANTISSA_BITS = 53


_SERIES_APART_MS = 1 << 45
"""Time from one series to the next where ticks are compared: longer than any gap, and enough for 250,000 series."""


class Ticks:
    """The rows of one or several series of a file, sorted by series and time.

    What is needed for each metric is computed once: where each minute of each series begins, and when rows were read.
    """

    def __init__(self, series: Times, time_ms: Times, late_ms: Floats, is_lead: NDArray[np.bool_]) -> None:
        """`series`: index of that of each row. `is_lead`: whether a row is there only for the rates of later ones."""
        self.time_ms, self.late_ms, self.is_lead = time_ms, late_ms, is_lead
        self._read_at_ms = read_at_ms(time_ms, late_ms)
        self._apart_ms = time_ms + series * _SERIES_APART_MS
        self._reads: dict[int, Reads] = {}
        minute = time_ms // MINUTE_MS
        is_first = np.r_[len(series) > 0, (np.diff(minute) != 0) | (np.diff(series) != 0)][: len(series)]
        self.group = np.cumsum(is_first) - 1
        """Number of the group of rows that are of the same minute and series."""
        self.series = series[is_first]
        """The series of each group."""
        self.start_ms = minute[is_first] * MINUTE_MS
        """The minute of each group."""

    def reads(self, interval_ms: int) -> Reads:
        """Return when counters with an interval were read."""
        known = self._reads.get(interval_ms)
        if known is None:
            known = self._reads[interval_ms] = Reads(self._apart_ms, self._read_at_ms, interval_ms)
        return known

    def samples(self, values: Mapping[str, Floats], tick_ms: int) -> Samples:
        """Return the input of formulas. `values`: columns with a value for each row."""
        return _SamplesOfSeries(self.time_ms, self.late_ms, values, tick_ms, self)


@dataclass(frozen=True, slots=True)
class _SamplesOfSeries(Samples):
    """Samples of several series, one after the other."""

    ticks: Ticks

    def rate(self, column: str) -> Floats:
        return self.ticks.reads(interval_ms(column, self.tick_ms)).rate(self.value(column))


def minutes_of(samples: Samples, compute: Formula, from_ms: int = 0) -> MinuteRows:
    """Return the minutes of one series. `from_ms`: earlier samples are there only for the rates of later ones."""
    series = np.zeros(len(samples.time_ms), np.int64)
    ticks = Ticks(series, samples.time_ms, samples.late_ms, samples.time_ms < from_ms)
    return summarise(ticks, compute(samples))


def summarise(ticks: Ticks, values: Floats, extreme_bits: int = EXTREME_BITS) -> MinuteRows:
    """Return the minutes of the values of a metric. NaN is null. `extreme_bits`: those that extremes keep.

    Shape: `values` is float64[n], one for each tick.
    """
    rows = np.flatnonzero(~np.isnan(values) & ~ticks.is_lead)
    if not len(rows):
        return MinuteRows.empty()
    values, group = values[rows], ticks.group[rows]
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    groups = group[starts]
    count = np.diff(np.append(starts, len(rows)))
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    low_row = high_row = starts
    mean, last = low, low
    if not np.array_equal(low, high):
        mean, last = np.add.reduceat(values, starts) / count, values[starts + count - 1]
        low_row, high_row = (_first_equal(values, each, starts, count) for each in (low, high))
    start_ms = ticks.start_ms[groups]
    low_at, high_at = ticks.time_ms[rows[low_row]] - start_ms, ticks.time_ms[rows[high_row]] - start_ms
    low, high, rounded_last = (rounded(each, extreme_bits) for each in (low, high, last))
    is_extreme = (rounded_last == low) | (rounded_last == high)
    return MinuteRows(
        series=ticks.series[groups],
        time_ms=start_ms,
        min=low,
        min_at_ms=low_at,
        mean=_rounded_mean(mean, low, high),
        max=high,
        max_at_ms=high_at,
        last=np.where(is_extreme, rounded_last, np.clip(rounded(last, LAST_BITS), low, high)),
        count=count,
    )


def rounded(values: Floats, bits: int) -> Floats:
    """Return values with at most so many bits of mantissa. Whole values stay as they are."""
    dropped = _MANTISSA_BITS - bits
    raw = (values.view(np.int64) + (1 << (dropped - 1))) >> dropped << dropped
    return np.where(values == np.floor(values), values, raw.view(np.float64))


def _first_equal(values: Floats, wanted: Floats, starts: NDArray[np.intp], count: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the first row of each group that has the wanted value. Each group has one."""
    equal = np.flatnonzero(values == np.repeat(wanted, count))
    return equal[np.searchsorted(equal, starts)]


def _rounded_mean(mean: Floats, low: Floats, high: Floats) -> Floats:
    spread = high - low
    with np.errstate(divide="ignore", over="ignore"):
        step = np.minimum(
            np.exp2(np.floor(np.log2(np.abs(mean))) + 1 - _MEAN_BITS),
            np.exp2(np.floor(np.log2(spread)) + 1 - _SPREAD_BITS),
        )
    is_coarser = (spread > 0) & (step > 0) & np.isfinite(step)
    coarse = np.round(mean / np.where(is_coarser, step, 1.0)) * step
    return np.where(spread > 0, np.clip(np.where(is_coarser, coarse, mean), low, high), low)
