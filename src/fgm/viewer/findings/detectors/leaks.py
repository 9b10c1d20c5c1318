"""Leaks: memory, threads or file descriptors that are taken and not given back, and when they reach the limit.

What has to grow is the lower envelope: the saw-tooth of a garbage collector returns to the same level, and page cache
is not counted. The slope is that of Theil and Sen with Sen's interval (1968), and its significance that of Mann and
Kendall, corrected for autocorrelation (Yue and Wang 2004).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.candidates import sureness_of
from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.floors import floor_of
from fgm.viewer.findings.grid import Grid, Matrix
from fgm.viewer.findings.limit_forecast import until_memory_limit, until_thread_limit
from fgm.viewer.findings.statistics.growths import Measured, growths
from fgm.viewer.findings.statistics.trend import SURE, decimated, trends

Rows = NDArray[np.int64]


class Resource(NamedTuple):
    """Something that can leak. `unit`: as in names of facts."""

    metric: str
    unit: str

    @property
    def floor(self) -> float:
        """Minimum growth that is worth a sentence."""
        return floor_of(self.metric)


MEMORY = tuple(
    Resource(metric, "bytes")
    for metric in (
        *("memory.stat.anon", "memory.stat.shmem", "memory.stat.slab_unreclaimable", "memory.swap.current"),
        *("memory_working_set", "processes.resident_bytes"),
    )
)
FALLBACKS = MEMORY[-2:]
"""Memory of series for which the kernel does not say what is anonymous."""
THREADS, DESCRIPTORS = Resource("pids.current", "threads"), Resource("processes.fd_count", "fds")
RESOURCES = (*MEMORY, THREADS, DESCRIPTORS)
STARTS = ("memory.current", "pids.current")
"""Metrics that show when a series started, each alone or both together."""
GROUPS: tuple[tuple[str, ...], ...] = (
    (
        *(resource.metric for resource in MEMORY),
        *("effective_memory_max", "effective_memory_max_depth", "memory.max", "memory.stat.file"),
        STARTS[0],
    ),
    (DESCRIPTORS.metric, "pids.max", *STARTS),
)
"""Metrics that are needed together: those of memory; those of threads and file descriptors."""
GONE_MS = 45_000
"""Time without a value after which a series has ended: file descriptors are not read at each tick."""
ENOUGH_S = 700
"""Recorded time from which on it is known well how far series wander: what grows in two of four minutes is no leak."""
START_S = 60
"""Time after the start of a series in which growth is that of a start."""


def find(grid: Grid) -> list[Finding]:
    """Return the leaks of a grid, at most one of memory, of threads and of file descriptors for each series.

    Only those of the resources that the grid has.
    """
    best: dict[tuple[int, str], tuple[Resource, Measured]] = {}
    for row, resource, measured in measure(grid):
        key = (row, resource.unit)
        if key not in best or measured.preference > best[key][1].preference:
            best[key] = (resource, measured)
    return [_finding(grid, row, *of_row) for (row, _), of_row in best.items()]


def measure(grid: Grid) -> Iterator[tuple[int, Resource, Measured]]:
    """Yield the growths of all series and resources that are worth a sentence, each with its row in the grid."""
    starts = _ends_of_starts(grid)
    for resource in RESOURCES:
        if not grid.has(resource.metric):
            continue
        values = grid.value(resource.metric)
        rows = np.flatnonzero(grid.is_leaf & ~np.isnan(values).all(axis=1))
        if resource in FALLBACKS:
            rows = rows[np.isnan(grid.value(MEMORY[0].metric)[rows]).all(axis=1)]
        without_starts = _without_starts(values[rows], starts[rows])
        for measured in growths(without_starts, resource.floor, grid.begin, grid.interval_ms / 1000):
            yield int(rows[measured.row]), resource, measured


def _ends_of_starts(grid: Grid) -> Rows:
    """Return the tick at which the start of each series is over; 0 if it began before the grid."""
    memory, threads = (grid.value(name) for name in STARTS)
    has_value = ~np.isnan(memory) | ~np.isnan(threads)
    first = has_value.argmax(axis=1) if has_value.size else np.zeros(len(has_value), np.int64)
    return np.where(first > 1, first + round(1000 * START_S / grid.interval_ms), 0)


def _without_starts(values: Matrix, ends: Rows) -> Matrix:
    """Return values without the first seconds of series that start in the grid: a start takes what it needs."""
    result = values.copy()
    for row in np.flatnonzero(ends).tolist():
        result[row, : ends[row]] = np.nan
    return result


def _finding(grid: Grid, row: int, resource: Resource, measured: Measured) -> Finding:
    end, unit, fitted = measured.end, resource.unit, measured.fitted
    times, values = (column[-measured.count :] for column in measured.points)
    trend = trends(*(column[np.newaxis] for column in decimated(times, values)))
    low, likely, high = (float(column[0]) for column in (trend.slope_low, trend.slope, trend.slope_high))
    facts: dict[str, float | str] = {
        f"grown_{unit}": measured.grown,
        f"from_{unit}": fitted.level,
        f"to_{unit}": float(values[-1]),
        f"slope_{unit}_per_s": likely,
        f"slope_{unit}_per_s_low": low,
        f"slope_{unit}_per_s_high": high,
        "sure_ratio": SURE,
        "slope_in_errors": measured.steepness,
    }
    if fitted.is_whole:
        facts["began"] = "before"
    following = grid.value(resource.metric)[row, end + 1 :]
    following = following[~np.isnan(following)]
    if len(following):
        facts[f"given_back_{unit}"] = max(0.0, float(values[-1] - following.min()))
    elif grid.time_ms[-1] - grid.time_ms[end] > GONE_MS:
        facts["ended"] = "exit"
    elif resource is THREADS:
        facts |= until_thread_limit(grid, row, end, (low, likely, high))
    elif unit == "bytes":
        facts |= until_memory_limit(grid, row, end, (low, likely, high))
    begin_ms = int(grid.time_ms[0] + max(0, 1000 * fitted.begin))
    statistic = measured.statistic * sureness_of(len(grid.time_ms) * grid.interval_ms / 1000, ENOUGH_S)
    return Finding("leak", row, resource.metric, begin_ms, int(grid.time_ms[end]), statistic, facts)
