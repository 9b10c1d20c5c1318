"""Limits: a container that is at its limit and suffers from it: memory.max, memory.high, its CPU quota, its threads.

Memory at its limit alone is no finding: page cache fills a limit and is reclaimed at no cost. So tasks must have
waited for memory meanwhile, by PSI, or the working set must fill the limit if the kernel keeps no PSI.
"""

import math
from typing import NamedTuple

import numpy as np

from fgm.store.samples.distinct import distinct
from fgm.viewer.findings import quotas
from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.grid import Grid, Matrix
from fgm.viewer.findings.owners import is_stand_in, named, owners, whose
from fgm.viewer.findings.quotas import NEAR_QUOTA, QuotaStretch, stretches
from fgm.viewer.findings.statistics.levels import levels_and_spreads, zero_for_null
from fgm.viewer.findings.statistics.likelihood import likeliest_range_in_view
from fgm.viewer.findings.statistics.segments import heaviest


class _MemoryLimit(NamedTuple):
    """A kind of memory limit: the metrics with a series' own, the smallest one, its depth, and how often it was hit."""

    name: str
    own: str
    smallest: str
    depth: str
    hits: str


MEMORY_LIMITS = (
    _MemoryLimit("memory.max", "memory.max", "memory_limit_bytes", "effective_memory_max_depth", "memory.events.max"),
    _MemoryLimit(
        "memory.high", "memory.high", "effective_memory_high", "effective_memory_high_depth", "memory.events.high"
    ),
)
PRESSURE, THREAD_HITS = "psi_memory_some_ratio", "pids.events.max"
OF_MEMORY = (
    *(name for each in MEMORY_LIMITS for name in (each.own, each.smallest, each.depth, each.hits)),
    "memory.current",
    "memory_working_set",
    PRESSURE,
)
GROUPS: tuple[tuple[str, ...], ...] = (quotas.NEEDS, OF_MEMORY, (THREAD_HITS, "pids.current", "pids.max"))
"""Metrics that are needed together: those of each resource."""
AT_LIMIT, FULL = 0.95, 0.95
"""Share of a limit from which on memory, and the working set, are at it: the kernel reclaims in batches."""
SUFFERS = 0.02
"""Share of time beyond what is usual in which tasks wait for memory, from which on a container suffers."""
PAUSE_WEIGHT = 0.2
"""Weight of a second that is not at the limit, in seconds at it: a range at the limit may have pauses."""
IS_AT = np.array([0.5])
"""Class bound between ticks that are not at the limit and those that are."""
MIN_S = 5.0
"""Minimum length of a range at a limit, pauses subtracted."""


def find(grid: Grid) -> list[Finding]:
    """Return a finding for each limit that something was at and suffered from."""
    found = [finding for limit in MEMORY_LIMITS for finding in _at_memory_limit(grid, limit)]
    found += [_at_quota(grid, each) for each in stretches(grid) if each.use_share >= NEAR_QUOTA]
    return [*found, *_at_thread_limit(grid)]


def _at_memory_limit(grid: Grid, limit: _MemoryLimit) -> list[Finding]:
    if not (grid.has(limit.own) or grid.has(limit.depth)):
        return []
    owned = owners(grid, limit.own, limit.depth)
    rows = distinct(owned[owned >= 0])
    begin, second = grid.begin, grid.interval_ms / 1000
    memory, bound = grid.value("memory.current")[rows], grid.value(limit.smallest)[rows]
    bound = np.where(np.isfinite(bound), bound, grid.value(limit.own)[rows])
    pressure, hits = grid.value(PRESSURE)[rows], grid.value(limit.hits)[rows]
    hits = np.where(is_stand_in(grid, rows, limit.depth)[:, None], np.float32(np.nan), hits)
    full = grid.value("memory_working_set")[rows] >= FULL * bound
    usual, spread = levels_and_spreads(zero_for_null(pressure[:, :begin] if begin else pressure))
    suffers = np.where(np.isfinite(pressure), pressure >= (usual + spread + SUFFERS)[:, None], full)
    is_at = (memory >= AT_LIMIT * bound) & suffers & ~(_recent(hits) == 0)
    segments = heaviest(np.where(is_at, 1.0, -PAUSE_WEIGHT)[:, begin:])
    found = []
    for place in np.flatnonzero(segments.weight * second >= MIN_S):
        owner, first, last = int(rows[place]), int(segments.start[place]) + begin, int(segments.stop[place]) + begin
        start, stop, log_ratio = likeliest_range_in_view(is_at[place].astype(np.float32), begin, first, last, IS_AT)
        if not is_at[place, start:stop].any():  # it is always at its limit, and unusual is only a gap
            continue
        row, others = named(grid, owner, owned, grid.value("memory.current")[:, start:stop])
        waiting = pressure[place, start:stop]
        waited = float(np.nansum(waiting)) * second if np.isfinite(waiting).any() else math.nan
        length_s = (stop - start) * second
        facts: dict[str, float | str] = {
            "limit": limit.name,
            "limit_of": whose(grid.series[row], grid.series[owner]),
            "limit_bytes": float(np.nanmax(bound[place, start:stop])),
            "times_at_limit": float(np.round(hits[place, start:stop].sum() * second)),
            "waited_percent": 100 * waited / length_s,
            "usual_waited_percent": 100 * float(usual[place]) if math.isfinite(waited) else math.nan,
            "seconds": length_s,
        }
        metric = "memory_limit_ratio" if limit.name == "memory.max" else "memory.current"
        found.append(_finding(grid, row, metric, slice(start, stop), log_ratio, facts, others))
    return found


def _at_quota(grid: Grid, stretch: QuotaStretch) -> Finding:
    facts: dict[str, float | str] = {
        "limit": "cpu.max",
        "limit_of": "its own",
        "limit_millicores": stretch.quota_millicores,
        "mean_use_percent_of_limit": 100 * stretch.use_share,
        "throttled_percent": 100 * stretch.throttled_share,
        "usual_throttled_percent": 100 * stretch.usual_share,
        "lost_ms_per_s": stretch.lost_ms_per_s,
        "seconds": (stretch.stop - stretch.start) * grid.interval_ms / 1000,
    }
    ticks = slice(stretch.start, stretch.stop)
    return _finding(grid, stretch.row, "total_cpu_percentage", ticks, stretch.log_ratio, facts, stretch.held)


def _at_thread_limit(grid: Grid) -> list[Finding]:
    if not grid.has(THREAD_HITS):
        return []
    refused = zero_for_null(grid.value(THREAD_HITS))
    found = []
    for row in np.flatnonzero((refused[:, grid.begin :] > 0).any(axis=1) & grid.is_leaf).tolist():
        at = np.flatnonzero(refused[row, grid.begin :] > 0) + grid.begin
        ticks = slice(int(at[0]), int(at[-1]) + 1)
        length_s = (ticks.stop - ticks.start) * grid.interval_ms / 1000
        count = float(refused[row, ticks].sum()) * grid.interval_ms / 1000
        # Poisson: one in the whole time is what may be usual.
        log_ratio = count * (math.log(max(1.0, count / length_s * len(grid.time_ms) * grid.interval_ms / 1000)) - 1)
        pod, limits = int(grid.pod_of[row]), grid.value("pids.max")[:, ticks]
        owner = next((each for each in (row, pod) if each >= 0 and np.isfinite(limits[each]).any()), None)
        facts: dict[str, float | str] = {
            "limit": "pids.max",
            "limit_of": "a group's" if owner is None else whose(grid.series[row], grid.series[owner]),
            "limit_threads": math.nan if owner is None else float(np.nanmax(limits[owner])),
            "times_at_limit": float(round(count)),
            "seconds": length_s,
        }
        found.append(_finding(grid, row, "pids.current", ticks, log_ratio, facts))
    return found


def _finding(  # noqa: PLR0917 - the fields of a finding
    grid: Grid,
    row: int,
    metric: str,
    ticks: slice,
    statistic: float,
    facts: dict[str, float | str],
    others: tuple[int, ...] = (),
) -> Finding:
    """Return a finding. `statistic`: log-likelihood ratio of being at the limit as often as that, and as usual."""
    finite = {name: value for name, value in facts.items() if isinstance(value, str) or math.isfinite(value)}
    time_ms = grid.time_ms[ticks]
    return Finding("limit", row, metric, int(time_ms[0]), int(time_ms[-1]), statistic, finite, others)


def _recent(hits: Matrix) -> Matrix:
    """Return for each tick the highest value of it and the two before; NaN if none is recorded."""
    padded = np.pad(hits, ((0, 0), (2, 0)), mode="edge")
    return np.fmax(np.fmax(padded[:, 2:], padded[:, 1:-1]), padded[:, :-2])
