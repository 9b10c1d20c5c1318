"""Leaks: memory, threads or file descriptors that are taken and not given back, and when they reach the limit.

What has to grow is the lower envelope: the saw-tooth of a garbage collector returns to the same level, and page cache
is not counted. A growth begins where the level and the line meet that fit best (least squares; Hinkley 1971). Its slope
is that of Theil and Sen with Sen's interval (1968), and its significance that of Mann and Kendall, corrected for
autocorrelation (Yue and Wang 2004).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.floors import floor_of
from fgm.viewer.findings.grid import Grid, Matrix
from fgm.viewer.findings.limit_forecast import until_memory_limit, until_thread_limit
from fgm.viewer.findings.statistics.envelope import (
    LowerEnvelopes,
    coarser,
    kept,
    largest_fall,
    lower_envelopes,
    troughs,
)
from fgm.viewer.findings.statistics.trend import SURE, Growth, decimated, growth, slope_error, trends

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Resource:
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
NEEDS: tuple[str, ...] = (
    *(resource.metric for resource in RESOURCES),
    *(
        "effective_memory_max",
        "effective_memory_max_depth",
        "memory.max",
        "memory.current",
        "memory.stat.file",
        "pids.max",
    ),
)
MIN_POINTS = 8
"""Minimum number of points of the lower envelope in a growth."""
MIN_TROUGHS = 5
"""Minimum number of troughs of a saw-tooth in a growth."""
SAW_TOOTH_SHARE = 0.25
"""Share of the growth above which what was given back meanwhile makes a series a saw-tooth."""
MIN_LEVEL = 3
"""Minimum number of points before a growth that began in the range."""
GONE_MS = 45_000
"""Time without a value after which a series has ended: file descriptors are not read at each tick."""
PREFERS_LONG = 0.2
"""How much growths are preferred that more time was looked at for: half of the time counts 13 % less."""
PARAMETERS = 4
"""Number of points that certainty is not counted from: level, begin, slope and noise are fitted to them."""
SIZE_WEIGHT, MAX_RATIO = 0.4, 8.0
"""How much a growth counts that is higher than what the series gave back, and up to which ratio."""
RATIO_WEIGHT = 3.0
"""Statistic of a growth that is as high as what the series gave back before."""
START_S = 60
"""Time after the start of a series in which growth is that of a start."""
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
    resource: Resource
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


def find(grid: Grid) -> list[Finding]:
    """Return the leaks of a grid, at most one of memory, of threads and of file descriptors for each series."""
    best: dict[tuple[int, str], Measured] = {}
    for measured in measure(grid):
        key = (measured.row, measured.resource.unit)
        if key not in best or measured.preference > best[key].preference:
            best[key] = measured
    return [_finding(grid, each) for each in best.values()]


def measure(grid: Grid) -> Iterator[Measured]:
    """Yield the growths of all series and resources that are worth a sentence."""
    starts = _ends_of_starts(grid)
    for resource in RESOURCES:
        values = grid.value(resource.metric)
        rows = np.flatnonzero(grid.is_leaf & ~np.isnan(values).all(axis=1))
        if resource in FALLBACKS:
            rows = rows[np.isnan(grid.value(MEMORY[0].metric)[rows]).all(axis=1)]
        if not len(rows):
            continue
        envelopes = lower_envelopes(_without_starts(values[rows], starts[rows]))
        for index, last in candidates(envelopes, resource.floor, grid.begin):
            ticks, lows = envelopes.points(index, last)
            interval_s, end = grid.interval_ms / 1000, envelopes.last_tick(last)
            lowest = (np.asarray(ticks * interval_s, dtype=np.float64), lows, end * interval_s)
            later = envelopes.values_after(index, last)
            growths = [_measured(int(rows[index]), resource, end, lowest, later, share) for share in WINDOWS]
            yield from (each for each in growths if each is not None)


def _ends_of_starts(grid: Grid) -> Rows:
    """Return the tick at which the start of each series is over; 0 if it began before the grid."""
    has_value = ~np.isnan(grid.value("memory.current")) | ~np.isnan(grid.value("pids.current"))
    first = has_value.argmax(axis=1) if has_value.size else np.zeros(len(has_value), np.int64)
    return np.where(first > 1, first + round(1000 * START_S / grid.interval_ms), 0)


def _without_starts(values: Matrix, ends: Rows) -> Matrix:
    """Return values without the first seconds of series that start in the grid: a start takes what it needs."""
    result = values.copy()
    for row in np.flatnonzero(ends).tolist():
        result[row, : ends[row]] = np.nan
    return result


def candidates(envelopes: LowerEnvelopes, floor: float, begin: int) -> list[tuple[int, int]]:
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


def _measured(  # noqa: PLR0917 - what is looked at, and where
    row: int, resource: Resource, end: int, lowest: tuple[Floats, Floats, float], later: Floats, share: float
) -> Measured | None:
    """Return the growth in the last part of a series; None if there is none that is high enough.

    `lowest`: times in s and values of the lower envelope, and the time in s at which it ends. `later`: what follows.
    """
    time_s, lows, end_s = lowest
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
    if count < points.least or is_cut or is_short or grown < resource.floor:
        return None
    if len(later) and not _falls_soon(later, fitted.level + grown / 2, int((time_s >= fitted.begin).sum())):
        return None
    given_back = max(largest_fall(points.of(lows[: first + 1])), largest_fall(-later))
    ratio = grown / max(given_back, NOISE_SHARE * resource.floor)
    times, residuals = points.time_s[in_growth], points.values - fitted.at(points.time_s)
    error = slope_error(times, residuals, NOISE_SHARE * resource.floor)
    all_points = (points.time_s, points.values)
    return Measured(row, resource, end, fitted, all_points, count, grown, share, fitted.slope / error, ratio)


def _falls_soon(later: Floats, below: float, bins: int) -> bool:
    """Return whether values fall within a quarter of the time that they grew: else they have levelled off."""
    return bool(later[: max(2, bins // 4)].min() < below)


@dataclass(frozen=True, slots=True)
class _Envelope:
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


def _finding(grid: Grid, measured: Measured) -> Finding:
    resource, row, end, unit = measured.resource, measured.row, measured.end, measured.resource.unit
    fitted = measured.fitted
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
        "z": float(trend.z[0]),
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
    return Finding("leak", row, resource.metric, begin_ms, int(grid.time_ms[end]), measured.statistic, facts)
