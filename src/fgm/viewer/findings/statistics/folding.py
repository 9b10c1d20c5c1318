"""Folding: a series is cut into its periods, which are laid upon each other, so that the form of the beat is seen.

Source: epoch folding (Leahy et al., 1983); since when it beats is a change point of the contrasts of single periods.
"""

from dataclasses import dataclass

import numpy as np

from fgm.viewer.findings.statistics.change_points import split
from fgm.viewer.findings.statistics.levels import Floats, Values, medians

MAX_BINS = 24
"""Maximum number of parts of a period in which its form is known."""
MIN_CONTRAST = 0.5
"""Minimum share of the usual contrast that a period has in which there is a beat."""


@dataclass(frozen=True, slots=True)
class Beat:
    """The beat of one series.

    `begin`: first tick of the first beat; `end`: the one after the last beat. `count`: number of beats between them.
    `length`: of one beat, in ticks. `base`: level between beats; `peak`: median of their highest values.
    `contrast_before`: difference between the ticks of beats and the others before the first beat, as a share of what it
    is later; NaN without any.
    """

    period: float
    begin: int
    end: int
    count: int
    length: float
    base: float
    peak: float
    contrast_before: float


def refined_period(covariance: Floats, lag: int) -> float:
    """Return a period to a fraction of a tick, from the highest autocovariance near its multiples.

    Shape: `covariance` is float64[lags] of one series. `lag`: the period in whole ticks.
    """
    period, multiple = float(lag), 1
    while 2 * multiple * period <= len(covariance) - 2:
        multiple *= 2
        reach = max(1, round(0.1 * period))
        first = max(round(multiple * period) - reach, 1)
        near = covariance[first : round(multiple * period) + reach + 1]
        period = (first + int(np.argmax(near))) / multiple
    return period


def beat_of(values: Values, period: float) -> Beat | None:
    """Return the beat of one series with a period in ticks; None if it has less than three beats.

    Shape: `values` is float[ticks].
    """
    bins = int(min(MAX_BINS, max(2, round(period))))
    ticks = np.flatnonzero(~np.isnan(values))
    if len(ticks) < 3 * period:
        return None
    present = np.asarray(values, np.float64)[ticks]
    phase = (ticks % period) / period * bins
    profile = _means(present, phase.astype(np.int64), bins)
    threshold = (np.nanmin(profile) + np.nanmax(profile)) / 2
    is_high = profile >= threshold
    highest = int(np.nanargmax(profile))
    first, length = highest, 1
    while length < bins and is_high[(first - 1) % bins]:
        first, length = (first - 1) % bins, length + 1
    while length < bins and is_high[(first + length) % bins]:
        length += 1
    offset = first / bins * period
    cycle = np.floor((ticks - offset) / period).astype(np.int64) + 1  # the first one may begin before the first tick
    is_beat = (ticks - offset) % period < length / bins * period
    cycles = int(cycle.max()) + 1
    inside, outside = (_means(present[part], cycle[part], cycles) for part in (is_beat, ~is_beat))
    contrast = inside - outside
    known = np.flatnonzero(~np.isnan(contrast))
    if len(known) < 3:
        return None
    begin = int(known[0])
    later = float(np.mean(contrast[known]))
    before = np.nan
    change = split(contrast[known]) if len(known) > 3 else 0
    if change > 0:
        earlier, after = float(contrast[known][:change].mean()), float(contrast[known][change:].mean())
        if earlier < MIN_CONTRAST * after:
            begin, later, before = int(known[change]), after, earlier / after
    beats = known[(known >= begin) & (contrast[known] >= MIN_CONTRAST * later)]
    if len(beats) < 3 or later <= 0:
        return None
    start, end = (offset + (int(number) - 1) * period for number in (beats[0], beats[-1]))
    width = length / bins * period
    highest_of = np.full(cycles, -np.inf)
    np.maximum.at(highest_of, cycle[is_beat], present[is_beat])
    return Beat(
        period,
        max(0, int(np.floor(start + 0.5))),
        min(len(values), int(np.ceil(end + width))),
        int(beats[-1] - beats[0]) + 1,
        width,
        float(np.mean(outside[beats])),
        float(medians(highest_of[beats])),
        before,
    )


def _means(values: Floats, groups: np.ndarray, count: int) -> Floats:
    """Return the mean of the values of each group; NaN for a group without any."""
    counts = np.bincount(groups, minlength=count)
    sums = np.bincount(groups, values, minlength=count)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan), np.float64)
