"""Storms of paging: far more swapping, major or minor page faults than the series has usually.

The mean of ten seconds is compared with the highest such mean in the time before: a ratio of peaks, which bursts that
happen all the time do not raise.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.floors import floor_of
from fgm.viewer.findings.grid import Grid
from fgm.viewer.findings.statistics.levels import zero_for_null

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


class Storm(NamedTuple):
    """A kind of storm. `metrics`: whose sum is its rate, the one that is shown first."""

    metrics: tuple[str, ...]
    fact: str
    subtracted: str = ""

    @property
    def floor(self) -> float:
        """Minimum mean rate that is worth a sentence."""
        return floor_of(self.metrics[0])


PRESSURE = "psi_memory_some_ratio"
SWAP = Storm(("memory.stat.pswpin", "memory.stat.pswpout"), "swapped_pages_per_s")
REFAULTS = Storm(("memory.stat.workingset_refault_anon",), "swapped_in_again_pages_per_s")
MAJOR = Storm(("memory.stat.pgmajfault",), "major_faults_per_s")
MINOR = Storm(("memory.stat.pgfault",), "minor_faults_per_s", subtracted="memory.stat.pgmajfault")
STORMS = (SWAP, REFAULTS, MAJOR, MINOR)
"""The most specific first: what is swapped in is a major fault, too."""
NEEDS: tuple[str, ...] = (
    *dict.fromkeys(name for storm in STORMS for name in storm.metrics),
    PRESSURE,
)
LENGTH_S = 10
"""Length of the means that are compared."""
MIN_BEFORE_S = 60
"""Minimum length of the time before the range that says what is usual."""
START_S = 30
"""Time after the start of a series in which its page faults are those of a start."""
MIN_RATIO = 1.0
"""Minimum ratio of the highest mean in the range and the usual one."""
BEGIN_SHARE = 0.25
"""Share of the rise that the rate exceeds while a storm lasts."""


def find(grid: Grid) -> list[Finding]:
    """Return the storms of a grid, at most one for each series."""
    found: dict[int, Finding] = {}
    for storm in STORMS:
        if any(grid.has(name) for name in storm.metrics):
            for finding in _storms(grid, storm):
                found.setdefault(finding.row, finding)
    return list(found.values())


def _storms(grid: Grid, storm: Storm) -> list[Finding]:
    rows = np.flatnonzero(grid.is_leaf & _may_reach(grid, storm))
    if not len(rows):
        return []
    rate = _rate(grid, storm, rows)
    length = max(1, round(1000 * LENGTH_S / grid.interval_ms))
    means = _means(_without_start(grid, rate), length)
    top, usual = _highest(grid, means, storm.floor, length)
    peak = means[np.arange(len(means)), top]
    result = []
    for at in np.flatnonzero(peak >= MIN_RATIO * (usual + storm.floor)).tolist():
        row = int(rows[at])
        threshold = float(usual[at] + BEGIN_SHARE * (peak[at] - usual[at]))
        begin, end = _bounds(rate[at], means[at], threshold, int(top[at]), length)
        facts = {
            storm.fact: _mean(rate[at, begin : end + 1]),
            f"usual_{storm.fact}": float(usual[at]),
            "duration_s": (end - begin + 1) * grid.interval_ms / 1000,
            "memory_pressure_ratio": _mean(grid.value(PRESSURE)[row, begin : end + 1]),
        }
        metric = next(name for name in storm.metrics if grid.has(name))
        statistic = float(np.log(peak[at] / (usual[at] + storm.floor)))
        times = int(grid.time_ms[begin]), int(grid.time_ms[end])
        known = {name: value for name, value in facts.items() if not np.isnan(value)}
        result.append(Finding("paging", row, metric, *times, statistic, known))
    return result


def _may_reach(grid: Grid, storm: Storm) -> NDArray[np.bool_]:
    """Return whether the rate of each series may reach the floor: its mean is not higher than its highest value."""
    before = round(1000 * max(LENGTH_S, MIN_BEFORE_S) / grid.interval_ms)
    highest = np.zeros(len(grid.series))
    for name in storm.metrics:
        if grid.has(name):
            highest += np.fmax.reduce(grid.value(name)[:, max(0, grid.begin - before) :], axis=1, initial=0)
    return highest >= MIN_RATIO * storm.floor


def _rate(grid: Grid, storm: Storm, rows: Rows) -> Floats:
    rate = np.zeros((len(rows), len(grid.time_ms)))
    is_missing = np.ones(rate.shape, np.bool_)
    for name in storm.metrics:
        values = grid.value(name)[rows]
        rate += zero_for_null(values)
        is_missing &= np.isnan(values)
    if storm.subtracted:
        rate -= zero_for_null(grid.value(storm.subtracted)[rows])
    return np.where(is_missing, np.nan, np.maximum(rate, 0))


def _without_start(grid: Grid, rate: Floats) -> Floats:
    """Return a rate, 0 where it is missing, and in the first seconds of a series that starts in the grid."""
    has_value = ~np.isnan(rate)
    first = has_value.argmax(axis=1)
    start = round(1000 * START_S / grid.interval_ms)
    since = np.arange(rate.shape[1]) - first[:, np.newaxis]
    is_starting = (since < start) & (first > 3)[:, np.newaxis]
    return np.where(has_value & ~is_starting, rate, 0)


def _means(rate: Floats, length: int) -> Floats:
    """Return the mean of the `length` ticks that end with each tick."""
    sums = np.cumsum(np.pad(rate, ((0, 0), (length, 0))), axis=1)
    return np.asarray((sums[:, length:] - sums[:, :-length]) / length, dtype=np.float64)


def _highest(grid: Grid, means: Floats, floor: float, length: int) -> tuple[Rows, Floats]:
    """Return the tick of the highest mean of each series in the range, and the highest usual mean.

    Usual is what was before the range. If that is shorter than MIN_BEFORE_S, it is what was before the tick: the one at
    which the mean exceeds all means before it most is the highest then.
    """
    ticks = max(1, round(1000 * MIN_BEFORE_S / grid.interval_ms))
    rows = np.arange(len(means))
    if grid.begin >= ticks:
        return grid.begin + means[:, grid.begin :].argmax(axis=1), means[:, : grid.begin].max(axis=1)
    if means.shape[1] <= ticks + length:
        return np.zeros(len(means), np.int64), np.full(len(means), np.inf)
    before = np.maximum.accumulate(means, axis=1)[:, ticks:-length]
    top = (means[:, ticks + length :] / (before + floor)).argmax(axis=1)
    return top + ticks + length, before[rows, top]


def _bounds(rate: Floats, means: Floats, threshold: float, top: int, length: int) -> tuple[int, int]:
    """Return the first and the last tick of the storm around the highest mean, at the tick `top`."""
    is_low = means <= threshold
    low_before, low_after = np.flatnonzero(is_low[:top]), np.flatnonzero(is_low[top:])
    begin = int(low_before[-1]) + 1 if len(low_before) else 0
    end = top + int(low_after[0]) - 1 if len(low_after) else len(means) - 1
    # A mean includes ticks before it: the storm began when a single tick was high.
    earliest = max(0, begin - length + 1)
    begin = earliest + int((zero_for_null(rate[earliest : begin + 1]) > threshold).argmax())
    while end > begin and not rate[end] > threshold:
        end -= 1
    return begin, end


def _mean(values: NDArray[np.floating]) -> float:
    """Return the mean of the values that are not null; NaN if there is none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
