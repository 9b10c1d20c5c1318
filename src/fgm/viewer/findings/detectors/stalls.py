"""Stalls: a series that is busy all the time does nothing for some seconds, once or again and again.

A stall is a run of ticks far below what is usual, with busy ticks before and after it, which is longer than any low run
before the range. The statistic is the logarithm of the seconds by which the stalls are longer, in units of the usual
ones. Missing values are not a stall: what was not recorded may have been busy.

Source: the test of the longest run (Wald and Wolfowitz, 1940; Mood, 1940), with the longest run before as its scale.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.candidates import Candidates, candidates_of, is_known_before, strongest, sureness_of
from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.grid import Grid
from fgm.viewer.findings.statistics.levels import Floats, median, quantiles
from fgm.viewer.findings.statistics.sliding import runs

NEEDS = (
    "total_cpu_usage_millicores",
    "network.rx_bytes",
    "network.tx_bytes",
    "io_read_bytes_per_s",
    "io_write_bytes_per_s",
)
"""Metrics of work. Memory stays while nothing is done."""

NOTHING = 0.12
"""Maximum share of the usual level that is nothing: a container that waits still answers probes."""
LOW = 0.2
"""Maximum share of the usual level that is low: how long a series is low is known from before the range."""
STEADY = 0.4
"""Minimum share of the usual level that a busy series has in three of four ticks."""
MIN_STALL_S = 2
"""Minimum length of a stall."""
MAX_STALL_S = 90
"""Maximum length of a stall; after a longer one the work may have been over."""
AROUND_S = 20
"""Time before and after a stall in which the series must be busy."""
MIN_BEFORE_S, LONG_BEFORE_S = 60, 300
"""Minimum time before a short range, and before any, from which on it is known what is usual."""
ENOUGH_S = 375
"""Time without stalls in the range from which on it is known well what is usual, without a time before it."""
ENOUGH_BEFORE_S = 200
"""Time before the stalls from which on it is known well what is usual."""
SCALE = 0.6
"""Share of the longest usual low run by which the longest one varies from range to range."""
MIN_STATISTIC = 0.5
"""Minimum statistic of a finding."""


def find(grid: Grid) -> list[Finding]:
    """Return at most one finding for each series: that of the metric that shows it best."""
    return strongest(
        finding for metric in NEEDS if grid.has(metric) for finding in _in_metric(grid, candidates_of(grid, metric))
    )


def _in_metric(grid: Grid, candidates: Candidates) -> list[Finding]:
    values, begin = candidates.values, candidates.begin
    if len(values) == 0:
        return []
    second = 1000 / grid.interval_ms
    has_before = is_known_before(candidates, MIN_BEFORE_S * second, LONG_BEFORE_S * second)
    # Without a time before, stalls may be up to four tenths of the range.
    of_before, of_range = quantiles(values[:, :begin], 0.5, 0.25), quantiles(values[:, begin:], 0.7, 0.45)
    level, low = (np.where(has_before, before, here) for before, here in zip(of_before, of_range, strict=True))
    is_busy = (level >= candidates.floor) & (low >= STEADY * level)
    lowest = np.fmin.reduce(values[:, begin:], axis=1, initial=np.inf)  # of values
    found = []
    for at in np.flatnonzero(is_busy & (lowest < NOTHING * level)):
        before = values[at, :begin] / level[at] if has_before[at] else None
        stalls = _stalls(values[at, begin:] / level[at], before, second)
        if stalls is not None and stalls.statistic >= MIN_STATISTIC:
            found.append(_finding(grid, candidates, int(at), stalls, float(level[at])))
    return found


class _Stalls(NamedTuple):
    """The stalls of one series: the first tick of each, and the one after its last."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    statistic: float


def _finding(grid: Grid, candidates: Candidates, at: int, stalls: _Stalls, level: float) -> Finding:
    second = 1000 / grid.interval_ms
    time_ms, values = grid.time_ms[grid.begin :], candidates.values[at, candidates.begin :]
    lengths = (stalls.ends - stalls.starts) / second
    facts: dict[str, float | str] = {
        "count": len(lengths),
        "length_s": median(lengths),
        "longest_s": float(lengths.max()),
        "stalled_s": float(lengths.sum()),
        "usual": level,
        "lowest": min(float(np.nanmin(values[s:e])) for s, e in zip(stalls.starts, stalls.ends, strict=True)),
    }
    if len(lengths) > 1:
        facts["spacing_s"] = median(np.diff(stalls.starts)) / second
    ended = min(int(stalls.ends[-1]), len(time_ms) - 1)
    return Finding(
        "stall",
        int(candidates.rows[at]),
        candidates.metric,
        int(time_ms[stalls.starts[0]]),
        int(time_ms[ended]),
        stalls.statistic,
        facts,
    )


def _stalls(view: Floats, before: Floats | None, second: float) -> _Stalls | None:
    """Return the stalls of one series, whose values are shares of its usual level; None if there are none.

    `before`: what was before the range; None if that is not known.
    """
    starts, ends = _low_runs_between_work(view, second)
    if len(starts) == 0:
        return None
    sureness = 1.0
    if before is not None:
        usual = _longest_low_run(before)
        known = np.count_nonzero(~np.isnan(before)) + np.count_nonzero(~np.isnan(view[: starts[0]]))
        sureness = sureness_of(known / second, ENOUGH_BEFORE_S)
    else:
        is_long = ends - starts >= (ends - starts).max() / 2
        starts, ends = starts[is_long], ends[is_long]
        rest = view.copy()
        rest[max(starts[0] - 1, 0) : ends[0] + 1 if len(starts) == 1 else None] = np.nan
        usual, free_s = _longest_low_run(rest), float((~np.isnan(rest)).sum()) / second
        sureness = min(1.0, free_s / ENOUGH_S)
        if len(starts) > 1:  # several are new only if there were none for much longer than they are apart
            sureness *= min(1.0, free_s / (4 * median(np.diff(starts)) / second))
    is_longer = ends - starts > usual
    starts, ends = starts[is_longer], ends[is_longer]
    longer_s = float((ends - starts - usual).sum()) / second
    usual_s = 1 + SCALE * usual / second
    return _Stalls(starts, ends, sureness * float(np.log2(1 + longer_s / usual_s))) if len(starts) else None


def _low_runs_between_work(view: Floats, second: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the runs of nothing between times of work."""
    starts, ends = runs(view < NOTHING)
    around = round(AROUND_S * second)
    lengths = ends - starts
    is_stall = (lengths >= MIN_STALL_S * second) & (lengths <= MAX_STALL_S * second) & (starts > 0) & (ends < len(view))
    for at in np.flatnonzero(is_stall):
        start, end = starts[at], ends[at]
        sides = view[max(start - around, 0) : start], view[end : end + around]
        is_busy = all((~np.isnan(side)).sum() >= around / 4 and np.mean(side >= STEADY) >= 0.4 for side in sides)
        is_stall[at] = is_busy and not np.isnan(view[[start - 1, end]]).any()
    return starts[is_stall], ends[is_stall]


def _longest_low_run(shares: Floats) -> int:
    starts, ends = runs(shares < LOW)
    return int((ends - starts).max(initial=0))
