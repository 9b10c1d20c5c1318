"""Bursts: one or several short excesses of a series over what is usual for it.

Usual is the highest mean over some seconds that the series had before the range, or, without a before, in the rest of
the range. The statistic is the logarithm of how many times as far above the median the highest mean in the range is. It
is reduced by what other series have, in the range or in one half of the time before it, compared with the other.

Source: a comparison of maxima of moving averages; the scales are those of a multi-scale scan statistic.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.candidates import LEVELS, Candidates, candidates_of, is_known_before, strongest, sureness_of
from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.grid import Grid
from fgm.viewer.findings.statistics.levels import Floats, median, medians
from fgm.viewer.findings.statistics.sliding import means_of_widths, runs, sliding_means

NEEDS = LEVELS

SCALES_S = (3, 15)
"""Lengths of the means that are compared."""
MIN_STATISTIC = 0.7
"""Minimum statistic of a finding."""
COMMON_BURSTS = 4
"""Number of bursts of several series in the range from which on they are usual on the node."""
COMMON_BURSTS_BEFORE = 1
"""Number of bursts that the time before the range lets expect in it, from which on they are usual."""
COMMON_NEW_BURSTS = 2
"""Number of bursts in the range from which on they are usual, if what was before it is not known."""
ORDINARY = 1.2
"""Statistic that single series have by chance."""
MIN_BEFORE_S, LONG_BEFORE_S = 180, 600
"""Minimum time before a short range, and before any, from which on it is known what is usual."""
IN_RANGE = 0.75
"""Share of the statistic of several bursts that remains if what is usual is known from the range only."""
ENOUGH_S = 900
"""Time without bursts in the range from which on it is known well what is usual, without a time before it."""
ENOUGH_BEFORE_S = 450
"""Time before the range from which on it is known well what is usual."""
MAX_LENGTH_SHARE = 0.4
"""Maximum length of a burst as a share of the range; a longer one is not short."""
MAX_PAUSE_S = 3
"""Maximum time below half of the height inside one burst."""
MAX_OPEN_S = 60
"""Maximum length of a burst that still lasts at the end of the range; a longer one may be a new level."""
RETURN_S = 15
"""Time at the end of the range in which the series must be as usual again, or the burst still lasts."""


def find(grid: Grid) -> list[Finding]:
    """Return at most one finding for each series: that of the metric that shows it best."""
    return strongest(
        finding
        for metric in NEEDS
        if grid.has(metric)
        for finding in _in_metric(grid, candidates_of(grid, metric, also_before=True))
    )


class _Excess(NamedTuple):
    """How far a mean is above the level: the highest one that is usual, and the highest in the range.

    `usual` is at least the floor, `measured` is not. `usual_short`: that of the shortest means. `common`: what the
    statistic is reduced by.
    """

    level: float
    usual: float
    measured: float
    height: float
    usual_short: float
    common: float


def _in_metric(grid: Grid, candidates: Candidates) -> list[Finding]:
    values, begin = candidates.values, candidates.begin
    if len(values) == 0:
        return []
    second = 1000 / grid.interval_ms
    has_before = is_known_before(candidates, MIN_BEFORE_S * second, LONG_BEFORE_S * second)
    level = np.where(has_before, medians(values[:, :begin]), medians(values[:, begin:]))
    widths = [max(1, round(s * second)) for s in SCALES_S]
    means = means_of_widths(values, widths)
    scales = [_excesses(*each, begin, level, candidates.floor) for each in zip(means, widths, strict=True)]
    statistic = np.max([np.log2(scale.height / scale.usual) for scale in scales], axis=0)
    earlier = np.max([scale.earlier for scale in scales], axis=0)
    # A range shorter than half of the time before is expected to have fewer bursts than that half.
    weight = min(1.0, 2 * (values.shape[1] - begin) / max(begin, 1)) / COMMON_BURSTS_BEFORE
    weights = np.repeat([weight, 1 / COMMON_BURSTS], has_before.sum())
    common = _common(np.concatenate([earlier[has_before], statistic[has_before]]), weights)
    found, in_range = list[Finding](), list[Finding]()
    for at in np.flatnonzero((statistic >= MIN_STATISTIC + common) | ~has_before):
        best = max(scales, key=lambda scale: scale.height[at] / scale.usual[at])
        excess = _Excess(
            level=float(level[at]),
            usual=float(best.usual[at]),
            measured=float(best.measured[at]),
            height=float(best.height[at]),
            usual_short=float(scales[0].usual[at]),
            common=common,
        )
        finding = _finding(grid, candidates, int(at), excess, has_before=bool(has_before[at]))
        if finding is not None:
            (found if has_before[at] else in_range).append(finding)
    weights = np.full(len(in_range), 1 / COMMON_NEW_BURSTS)
    others = _common(np.array([finding.statistic for finding in in_range]), weights)
    weaker = (finding._replace(statistic=finding.statistic - others) for finding in in_range)
    return found + [finding for finding in weaker if finding.statistic >= MIN_STATISTIC]


class _Excesses(NamedTuple):
    """How far above its level the highest mean of each series was before the range, and in it.

    `usual` and `height` are at least the floor; `measured` is what was before the range without it. `earlier`: the
    statistic that one half of the time before the range has, compared with the other one.

    Shape: float64[series] each.
    """

    usual: Floats
    measured: Floats
    height: Floats
    earlier: Floats


def _excesses(means: Floats, width: int, begin: int, level: Floats, floor: float) -> _Excesses:
    end = max(begin - width + 1, 0)
    parts = means[:, : end // 2], means[:, end // 2 : end], means[:, begin:]
    highest = [_highest(part) - level for part in parts]
    first, second, height = (np.maximum(each, floor) for each in highest)
    measured = np.maximum(highest[0], highest[1])
    return _Excesses(np.maximum(first, second), measured, height, np.abs(np.log2(second / first)))


def _common(statistics: Floats, weights: Floats) -> float:
    """Return what the statistic of a burst is reduced by, because bursts of several series are usual on this node.

    Many containers do nothing for most of the time, and something now and then: none of them is unusual. `weights`: the
    share of each statistic in what makes bursts usual: as many as have a sum of 1.
    """
    order = np.argsort(-statistics)
    reached = np.flatnonzero(np.cumsum(weights[order]) >= 1 - 1e-9)
    return max(0.0, float(statistics[order[reached[0]]]) - ORDINARY) if len(reached) else 0.0


def _finding(grid: Grid, candidates: Candidates, at: int, excess: _Excess, *, has_before: bool) -> Finding | None:
    """Return the finding of one series; None if what it does is not a burst."""
    second = 1000 / grid.interval_ms
    values = candidates.values[at, candidates.begin :]
    least = min(1.1 * excess.usual_short, 0.9 * excess.height) if has_before else 0.0
    starts, ends = _episodes(values, excess.level + max(0.5 * excess.height, least), second)
    if len(starts) == 0:
        return None
    usual, measured = excess.usual, excess.measured
    known = np.count_nonzero(~np.isnan(candidates.values[at, : candidates.begin]))
    sureness = sureness_of(known / second, ENOUGH_BEFORE_S)
    if not has_before:
        measured, sureness = _usual_in_range(values, starts, ends, excess.level, second)
        usual = max(measured, candidates.floor)
    statistic = float(np.log2(max(excess.height / usual, 1.0))) * sureness - excess.common
    last = len(values) - 1 - int(np.argmax(~np.isnan(values[::-1])))
    lengths = ends - starts
    is_open = bool(ends[-1] > last + 1 - RETURN_S * second)
    if statistic < MIN_STATISTIC or (is_open and lengths[-1] > MAX_OPEN_S * second):
        return None
    if lengths.sum() > MAX_LENGTH_SHARE * len(values):
        return None
    facts: dict[str, float | str] = {
        "count": len(starts),
        "length_s": median(lengths) / second,
        "longest_s": float(lengths.max()) / second,
        "peak": max(float(np.nanmax(values[start:end])) for start, end in zip(starts, ends, strict=True)),
        "usual": excess.level,
        "usual_high": excess.level + max(measured, 0.0),
        "times": excess.height / usual,
    }
    if len(starts) > 1:
        facts["spacing_s"] = median(np.diff(starts)) / second
    time_ms, row = grid.time_ms[grid.begin :], int(candidates.rows[at])
    ended = min(int(ends[-1]), len(time_ms) - 1)
    return Finding("burst", row, candidates.metric, int(time_ms[starts[0]]), int(time_ms[ended]), statistic, facts)


def _episodes(values: Floats, threshold: float, second: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the runs above a threshold, without those that do not reach it in the mean of some seconds."""
    starts, ends = runs(values >= threshold, round(MAX_PAUSE_S * second))
    width = max(1, round(SCALES_S[0] * second))
    means = sliding_means(np.pad(values, width - 1, mode="edge")[None], width)[0]
    # The mean at i is that of the ticks from i - width + 1 to i.
    is_high = np.array(
        [np.nanmax(means[s : e + width - 1], initial=0.0) >= threshold for s, e in zip(starts, ends, strict=True)],
        np.bool_,
    )
    return starts[is_high], ends[is_high]


def _usual_in_range(
    values: Floats, starts: NDArray[np.int64], ends: NDArray[np.int64], level: float, second: float
) -> tuple[float, float]:
    """Return the highest excess in the range without the bursts, and from 0 to 1 how sure it is that they are new.

    Several bursts are new only if the range was without them for much longer than they are apart.
    """
    width, margin = max(1, round(SCALES_S[0] * second)), round(RETURN_S * second)
    rest = values.copy()
    is_apart = starts[1:] - ends[:-1] > margin
    distances = np.diff(starts[np.concatenate([[True], is_apart])]) / second
    rest[max(starts[0] - 1, 0) : None if len(distances) else ends[-1] + margin] = np.nan
    free_s = float((~np.isnan(rest)).sum()) / second
    sureness = min(1.0, free_s / ENOUGH_S)
    if len(distances):
        sureness *= IN_RANGE * min(1.0, free_s / (6 * float(distances.mean())))
    means = sliding_means(rest[None], width)
    return float(_highest(means)[0]) - level, sureness


def _highest(means: Floats) -> Floats:
    return np.asarray(np.fmax.reduce(means, axis=1, initial=-np.inf), np.float64)  # of values
