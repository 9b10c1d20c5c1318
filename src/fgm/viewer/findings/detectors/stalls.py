"""Stalls: a series that is busy all the time does nothing for some seconds, once or again and again.

A stall is a run of ticks far below the median of the range, with busy ticks before and after it. The statistic says
how many times as deep the series falls as it did before the range, on a logarithmic scale, and how long it stalls.
Missing values are not a stall: what was not recorded may have been busy.

Source: runs below a threshold; the depth is compared as a log ratio to the lowest run of the same length before.
"""

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.candidates import Candidates, before_of, candidates_of, strongest
from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.grid import Grid
from fgm.viewer.findings.statistics.levels import quantiles
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
"""Maximum share of the median that is nothing: a container that waits still answers probes."""
STEADY = 0.4
"""Minimum share of the median that a busy series has in three of four ticks."""
MIN_STALL_S = 2
"""Minimum length of a stall."""
MAX_STALL_S = 90
"""Maximum length of a stall; after a longer one the work may have been over."""
AROUND_S = 20
"""Time before and after a stall in which the series must be busy."""
MIN_BEFORE_S = 120
"""Minimum time before the range from which on it is known what is usual."""
DEEPEST = 0.02
"""Share of the median below which it does not matter how deep a series falls."""
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
    median, low = quantiles(values[:, begin:], 0.5, 0.25)
    is_steady = (median >= 2 * candidates.floor) & (low >= STEADY * median)
    has_before = before_of(values, begin) >= MIN_BEFORE_S * second
    found = []
    for at in np.flatnonzero(is_steady & (np.nanmin(values[:, begin:], axis=1) < NOTHING * median)):
        view = values[at, begin:] / median[at]
        starts, ends = _stalls(view, second)
        if len(starts) == 0:
            continue
        lost = int((ends - starts).sum())
        depth = float(np.mean([np.nanmean(view[start:end]) for start, end in zip(starts, ends, strict=True)]))
        before = values[at, :begin] / median[at]
        usual = _lowest(before) if has_before[at] else _lowest(_without(view, starts, ends))
        lost_before = 0.0
        if has_before[at]:
            begun, ended = runs(before < NOTHING)
            is_long = ended - begun >= MIN_STALL_S * second
            lost_before = float((ended - begun)[is_long].sum()) * len(view) / begin
        statistic = _statistic(depth, usual, lost / second, lost_before / second)
        if statistic < MIN_STATISTIC:
            continue
        time_ms = grid.time_ms[begin:]
        lengths = (ends - starts) / second
        facts: dict[str, float | str] = {
            "count": len(starts),
            "length_s": float(np.median(lengths)),
            "longest_s": float(lengths.max()),
            "stalled_s": lost / second,
            "usual": float(median[at]),
            "lowest": float(np.nanmin(values[at, begin:])),
        }
        if len(starts) > 1:
            facts["spacing_s"] = float(np.median(np.diff(starts))) / second
        row = int(candidates.rows[at])
        last = min(int(ends[-1]), len(time_ms) - 1)
        found.append(
            Finding("stall", row, candidates.metric, int(time_ms[starts[0]]), int(time_ms[last]), statistic, facts)
        )
    return found


def _stalls(view: NDArray[np.float64], second: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the stalls of one series, whose values are shares of its median."""
    starts, ends = runs(view < NOTHING)
    around = round(AROUND_S * second)
    lengths = ends - starts
    is_stall = (lengths >= MIN_STALL_S * second) & (lengths <= MAX_STALL_S * second)
    for at in np.flatnonzero(is_stall):
        before, after = view[max(starts[at] - around, 0) : starts[at]], view[ends[at] : ends[at] + around]
        is_stall[at] = all(
            (~np.isnan(side)).sum() >= around / 4 and np.nanmean(side >= STEADY) >= 0.5 for side in (before, after)
        ) and not (np.isnan(view[starts[at] - 1]) or np.isnan(view[ends[at] : ends[at] + 1]).any())
    return starts[is_stall], ends[is_stall]


def _lowest(shares: NDArray[np.float64]) -> float:
    """Return the lowest value that two neighbouring ticks do not exceed."""
    pairs = np.maximum(shares[1:], shares[:-1])
    pairs = pairs[~np.isnan(pairs)]
    return float(pairs.min()) if len(pairs) else 1.0


def _without(view: NDArray[np.float64], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the shares without the stalls and the ticks next to them."""
    rest = view.copy()
    for start, end in zip(starts, ends, strict=True):
        rest[max(start - 1, 0) : end + 1] = np.nan
    return rest


def _statistic(depth: float, usual: float, lost_s: float, lost_before_s: float) -> float:
    fall, usual_fall = (-np.log(np.clip(share, DEEPEST, 0.9)) for share in (depth, usual))
    return float(np.log2(fall / usual_fall) + 0.5 * np.log2((lost_s + 1) / (lost_before_s + 1)))
