"""Growths: where the lower envelope of series grows, and how sure that is.

A growth begins where the level and the line meet that fit best (least squares; Hinkley 1971). It must be steep against
its noise, with the error corrected for autocorrelation, and high against what the series gave back before: the
saw-tooth of a garbage collector returns to its level, however steep its last tooth is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.statistics.envelope import (
    LowerEnvelopes,
    coarser,
    kept,
    largest_fall,
    lower_envelopes,
    troughs,
)
from fgm.viewer.findings.statistics.trend import Growth, growth, slope_error

Floats = NDArray[np.float64]

MIN_POINTS = 5
"""Minimum number of points of the lower envelope in a growth."""
MIN_TROUGHS = 5
"""Minimum number of troughs of a saw-tooth in a growth."""
SAW_TOOTH_SHARE = 0.25
"""Share of the growth above which what was given back meanwhile makes a series a saw-tooth."""
MIN_LEVEL = 3
"""Minimum number of points before a growth that began in the range."""
PREFERS_LONG = 0.2
"""How much growths are preferred that more time was looked at for: half of the time counts 13 % less."""
PARAMETERS = 4
"""Number of points that certainty is not counted from: level, begin, slope and noise are fitted to them."""
SIZE_WEIGHT, MAX_RATIO = 0.4, 8.0
"""How much a growth counts that is higher than what the series gave back, and up to which ratio."""
RATIO_WEIGHT = 3.0
"""Statistic of a growth that is as high as what the series gave back before."""
MIN_GROWTH_S = 30
"""Minimum length of a growth."""
MIN_WHOLE_S = 120
"""Minimum length of a growth of which it is not known what was before it."""
NOISE_SHARE = 0.02
"""Minimum noise of a series, as a share of the growth that is worth a sentence: the kernel counts in batches."""
WIDTHS = (1, 4, 12)
"""Numbers of bins of lower envelopes: peaks that are shorter are not in them."""
WINDOWS = (1.0, 0.5, 0.25, 0.125)
"""Shares of the time up to the end of a growth in which the growth is looked for: it may have begun at any time."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A growth of one series until the tick `end`.

    `points`: time in s and value of what it was fitted to; the last `count` are in the growth. `grown`: how much the
    line grows until its end. `share`: that of the time that was looked at. `steepness`: the slope divided by its
    error. `ratio`: `grown` divided by what the series gave back before.
    """

    row: int
    end: int
    fitted: Growth
    points: tuple[Floats, Floats]
    count: int
    grown: float
    share: float
    steepness: float
    ratio: float

    @property
    def statistic(self) -> float:
        """How unusual the growth is: neither noise nor what the series gives back again reaches it."""
        certainty = np.log1p(self.steepness * max(0.0, 1 - PARAMETERS / self.count))
        size = SIZE_WEIGHT * np.log1p(min(self.ratio, MAX_RATIO))
        return float(min(certainty + size, RATIO_WEIGHT * self.ratio))

    @property
    def preference(self) -> float:
        """How good the growth is among those of its series: the more time before it, the surer is its begin."""
        return float(self.statistic * self.share**PREFERS_LONG)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """The lower envelope of a series up to the tick `end`: times in s and values; and the values that follow."""

    row: int
    end: int
    end_s: float
    time_s: Floats
    lows: Floats
    later: Floats
    floor: float


def growths(values: NDArray[np.float32], floor: float, begin: int, interval_s: float) -> Iterator[Measured]:
    """Yield the growths of all series that end after the tick `begin` and are higher than a floor.

    A series may have several, of which that with the highest preference is the best.

    Shape: `values` is float32[series, ticks], NaN for null.
    """
    if not values.size:
        return
    envelopes = lower_envelopes(values)
    for row, last in _candidates(envelopes, floor, begin):
        ticks, lows = envelopes.points(row, last)
        end, later = envelopes.last_tick(last), envelopes.values_after(row, last)
        time_s = np.asarray(ticks * interval_s, dtype=np.float64)
        candidate = _Candidate(row, end, end * interval_s, time_s, lows, later, floor)
        yield from (each for share in WINDOWS if (each := _measured(candidate, share)) is not None)


def _candidates(envelopes: LowerEnvelopes, floor: float, begin: int) -> list[tuple[int, int]]:
    """Return the row and the last bin of each growth that is high enough.

    A growth lasts until the last value of a series, or until its largest fall: after a kill, for example.
    """
    value = envelopes.value
    has_value = value < np.inf
    rows = np.arange(len(value))
    earlier = np.minimum.accumulate(value, axis=1)
    later = np.minimum.accumulate(value[:, ::-1], axis=1)[:, ::-1]
    last = value.shape[1] - 1 - has_value[:, ::-1].argmax(axis=1)
    top = np.where(has_value, np.where(has_value, value, 0) - np.where(has_value, later, 0), -1).argmax(axis=1)
    result: set[tuple[int, int]] = set()
    for end in (last, top):
        is_high = (value[rows, end] >= earlier[rows, end] + floor) & (end >= envelopes.bin_of(begin))
        is_high &= has_value[rows, end]
        result.update((row, int(end[row])) for row in np.flatnonzero(is_high).tolist())
    return sorted(result)


def _measured(candidate: _Candidate, share: float) -> Measured | None:
    """Return the growth in the last part of a series; None if there is none that is high enough."""
    time_s, lows, later, end_s, floor = (
        candidate.time_s,
        candidate.lows,
        candidate.later,
        candidate.end_s,
        candidate.floor,
    )
    first = int(np.searchsorted(time_s, time_s[-1] - share * (time_s[-1] - time_s[0])))
    points = next(each for each in _envelopes(time_s[first:], lows[first:]) if each.is_last or each.is_smooth)
    if len(points.time_s) < points.least:
        return None
    fitted = growth(points.time_s, points.values)
    grown = fitted.slope * (end_s - fitted.begin)
    in_growth = points.time_s >= fitted.begin
    count = int(in_growth.sum())
    is_cut = share < 1 and len(in_growth) - count < MIN_LEVEL
    is_short = end_s - fitted.begin < (MIN_WHOLE_S if fitted.is_whole else MIN_GROWTH_S)
    if count < points.least or is_cut or is_short or grown < floor:
        return None
    if len(later) and not _falls_soon(later, fitted.level + grown / 2, int((time_s >= fitted.begin).sum())):
        return None
    given_back = max(largest_fall(points.of(lows[: first + 1])), largest_fall(-later))
    ratio = grown / max(given_back, NOISE_SHARE * floor)
    times, residuals = points.time_s[in_growth], points.values - fitted.at(points.time_s)
    error = slope_error(times, residuals, NOISE_SHARE * floor)
    all_points = (points.time_s, points.values)
    return Measured(candidate.row, candidate.end, fitted, all_points, count, grown, share, fitted.slope / error, ratio)


def _falls_soon(later: Floats, below: float, bins: int) -> bool:
    """Return whether values fall within a quarter of the time that they grew: else they have levelled off."""
    return bool(later[: max(2, bins // 4)].min() < below)


class _Envelope(NamedTuple):
    """Points of a lower envelope. `of`: makes such points of other values. `least`: minimum number in a growth."""

    time_s: Floats
    values: Floats
    of: Callable[[Floats], Floats]
    least: int = MIN_POINTS
    is_last: bool = False

    @property
    def is_smooth(self) -> bool:
        """Whether little is given back of what has been taken at the end."""
        return largest_fall(self.values) <= SAW_TOOTH_SHARE * float(self.values[-1] - self.values.min())


def _envelopes(time_s: Floats, lows: Floats) -> Iterator[_Envelope]:
    """Yield lower envelopes that follow a series less and less: below its peaks, and then only its troughs."""
    for width in WIDTHS:
        chosen = coarser(lows, width)
        yield _Envelope(time_s[chosen], lows[chosen], lambda values, width=width: values[coarser(values, width)])  # type: ignore[misc]  # mypy: defaults of a lambda have no types
    chosen = kept(lows, troughs(lows))
    yield _Envelope(time_s[chosen], lows[chosen], lambda values: values[troughs(values)], MIN_TROUGHS, is_last=True)
