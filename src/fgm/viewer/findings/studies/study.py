"""One study of one series: its trend, its levels between changes, or its period."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.statistics.autocorrelation import periodicity
from fgm.viewer.findings.statistics.change_points import change_points, segment_levels
from fgm.viewer.findings.statistics.trend import decimated, slope_error, trends
from fgm.viewer.findings.studies.names import StudyName

Times = NDArray[np.int64]
Floats = NDArray[np.float64]

MIN_VALUES = 20
"""Minimum number of values of a series that is studied."""
SURE_Z = 2.576
"""Minimum significance of a trend, in standard deviations: chance makes one of a hundred series as steep."""
SURE_ERRORS = 8.0
"""Number of errors of a slope from which on a trend is sure, too: of small residuals only the order is random."""


class Trend(NamedTuple):
    """A line through the values of a range, and the bounds of its slope.

    `is_sure`: whether it is more than chance makes. The slope is within its bounds with a probability of 95 %.
    """

    is_sure: bool
    slope_per_s: float
    slope_low_per_s: float
    slope_high_per_s: float
    from_ms: int
    from_value: float
    to_ms: int
    to_value: float


class Level(NamedTuple):
    """The median of the values in [from_ms, to_ms), between two changes."""

    from_ms: int
    to_ms: int
    value: float


class Levels(NamedTuple):
    """All levels of a range, the oldest first."""

    levels: list[Level]


class Period(NamedTuple):
    """The time between two beats, and when the first one is; None if nothing beats."""

    period_ms: int | None
    first_ms: int | None


Study = Trend | Levels | Period


def study(name: StudyName, time_ms: Times, values: Floats, tick_ms: int) -> Study | None:
    """Return the study of one series; None if it has fewer than MIN_VALUES values.

    Shape: `time_ms` is int64[samples], ascending; `values` is float64[samples], NaN for null.
    """
    has_value = ~np.isnan(values)
    if np.count_nonzero(has_value) < MIN_VALUES:
        return None
    return _STUDIES[name](time_ms[has_value], values[has_value], tick_ms)


def _trend(time_ms: Times, values: Floats, _: int) -> Trend:
    time_s = (time_ms - time_ms[0]) / 1000
    at, points = decimated(time_s, values)
    trend = trends(at[np.newaxis], points[np.newaxis])
    slope, low, high, level, z = (
        float(column[0]) for column in (trend.slope, trend.slope_low, trend.slope_high, trend.level, trend.z)
    )
    end = level + slope * float(time_s[-1])
    error = slope_error(at, points - level - slope * at)
    is_sure = low * high > 0 and (abs(z) >= SURE_Z or abs(slope) >= SURE_ERRORS * error)
    return Trend(is_sure, slope, low, high, int(time_ms[0]), level, int(time_ms[-1]), end)


def _levels(time_ms: Times, values: Floats, tick_ms: int) -> Levels:
    changes = change_points(values)
    starts = [int(time_ms[0]), *time_ms[changes].tolist()]
    ends = [*starts[1:], int(time_ms[-1]) + tick_ms]
    medians = segment_levels(values, changes).tolist()
    return Levels([Level(*of_segment) for of_segment in zip(starts, ends, medians, strict=True)])


def _period(time_ms: Times, values: Floats, tick_ms: int) -> Period:
    steps = np.diff(time_ms)
    every_ms = max(tick_ms, int(np.sort(steps)[len(steps) // 2]))  # some metrics are not read at every tick
    places = (time_ms - time_ms[0]) // every_ms
    dense = np.full(int(places[-1]) + 1, np.nan)
    dense[places] = values
    ticks = periodicity(dense).period_ticks
    if ticks is None:
        return Period(None, None)
    sums = np.bincount(places % ticks, values - values.mean(), ticks)
    return Period(ticks * every_ms, int(time_ms[0]) + int(sums.argmax()) * every_ms)


_STUDIES: Mapping[StudyName, Callable[[Times, Floats, int], Study]] = {
    "trend": _trend,
    "changepoint": _levels,
    "periodicity": _period,
}
