"""Minutes: the lowest, mean, highest and last value of a metric in each minute.

Of values that are not whole, such as rates, the extremes keep 24 bits of their mantissa, which is an error of less than
1 in 10 million, and the last value keeps 10 bits, unless it is an extreme. The mean is exact to 1 in 2000, and to a
500th of the distance between the extremes. Whole values, such as bytes, are exact; so are the times of extremes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.derived import Formula
from fgm.metrics.formula_input import Samples
from fgm.metrics.rates import Floats, Times
from fgm.store.minutes.minute_rows import MINUTE_MS, MinuteRows

EXTREME_BITS, LAST_BITS = 24, 10
"""Numbers of bits of the mantissa that values that are not whole keep."""
_MEAN_BITS, _SPREAD_BITS = 11, 9
"""Numbers of bits of a mean: of itself, and of the distance between the extremes. The finer one counts."""
_MANTISSA_BITS = 53


@dataclass(frozen=True, slots=True)
class Ticks:
    """The rows of one or several series of a file, sorted by series and time.

    `series`: index of the series of each row. `is_lead`: rows that are there only for the rates of the first ones.
    """

    series: Times
    time_ms: Times
    is_lead: NDArray[np.bool_]


def minutes_of(samples: Samples, compute: Formula, from_ms: int = 0) -> MinuteRows:
    """Return the minutes of one series. `from_ms`: earlier samples are there only for the rates of later ones."""
    series = np.zeros(len(samples.time_ms), np.int64) if samples.series is None else samples.series
    return summarise(Ticks(series, samples.time_ms, samples.time_ms < from_ms), compute(samples))


def summarise(ticks: Ticks, values: Floats) -> MinuteRows:
    """Return the minutes of the values of a metric. NaN is null.

    Shape: `values` is float64[n], one for each tick.
    """
    rows = np.flatnonzero(~np.isnan(values) & ~ticks.is_lead)
    values, time_ms, series = values[rows], ticks.time_ms[rows], ticks.series[rows]
    minute = time_ms // MINUTE_MS
    starts = np.flatnonzero(np.r_[len(rows) > 0, (np.diff(minute) != 0) | (np.diff(series) != 0)][: len(rows)])
    if not len(starts):
        none, no_times = np.empty(0), np.empty(0, np.int64)
        return MinuteRows(no_times, no_times, none, no_times, none, none, no_times, none, no_times)
    count = np.diff(np.append(starts, len(rows)))
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    mean = np.add.reduceat(values, starts) / count
    last = values[starts + count - 1]
    start_ms = minute[starts] * MINUTE_MS
    low_at = time_ms[_first_equal(values, low, starts, count)] - start_ms
    high_at = time_ms[_first_equal(values, high, starts, count)] - start_ms
    low, high, rounded_last = (rounded(each, EXTREME_BITS) for each in (low, high, last))
    is_extreme = (rounded_last == low) | (rounded_last == high)
    return MinuteRows(
        series=series[starts],
        time_ms=start_ms,
        min=low,
        min_at_ms=low_at,
        mean=_rounded_mean(mean, low, high),
        max=high,
        max_at_ms=high_at,
        last=np.where(is_extreme, rounded_last, rounded(last, LAST_BITS)),
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
