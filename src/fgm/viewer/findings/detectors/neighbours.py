"""Neighbours: containers wait for a resource in the time in which another one uses much more of it than usual.

For processors, memory and I/O: the pressure of all containers beyond their usual one is added up, without what a
container does to itself: time in which its own or its pod's limit holds it, and its part of the rise in use. The
range in which this sum is highest is looked at. The culprit is the container with the largest part of the rise in use
in it, if its use and the pressure rise and fall together: by their rank correlation at the best lag. That is evidence,
not proof.

Source: pressure stall information, Documentation/accounting/psi.rst.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.grid import Grid, Matrix
from fgm.viewer.findings.statistics.levels import levels_and_spreads, medians, zero_for_null
from fgm.viewer.findings.statistics.rank_correlation import lagged
from fgm.viewer.findings.statistics.segments import heaviest, usual_part

Floats = NDArray[np.float64]
Vector = NDArray[np.floating]
ALLOWED = 0.02
"""Share of time that may be waited beyond what is usual: less is not worth a sentence."""
SPREADS = 3.0
"""Number of robust standard deviations by which pressure may exceed its median."""
MIN_WAITED_S = 1.0
"""Minimum time that all victims together waited beyond what is allowed."""
MIN_SHARE, MIN_CORRELATION = 0.5, 0.4
"""Minimum part of the culprit in the rise of use, and minimum rank correlation of its use with the pressure."""
MIN_PART_OF_USE = 0.05
"""Minimum rise of the culprit as a part of what all use: less leaves the others enough."""
CACHE_LEFT, MIN_LOST_BYTES = 0.8, float(8 << 20)
"""Share of the usual page cache below which a container has lost some, and what it has lost at least."""
MAX_LAG_S = 5
"""Maximum time from a change in use to the change in pressure that follows it."""
MIN_EDGE_S, MAX_EDGE_S = 30, 120
"""Time before and after the pressure rises in which it is compared with the use."""
PAGE_BYTES = 4096
BYTES_A_REQUEST = 32 << 10
"""Cost of an I/O request in addition to its bytes: what 4,000 requests and 128 MB a second have in common."""


class _Resource(NamedTuple):
    """A resource that containers share.

    `use`: returns what each series uses of it. `metric`: the one that shows it. `least_rise`: a smaller rise of the
    culprit's use is not blamed. `lead_s`: maximum time from the rise to the pressure. `onset`: share of the rise at
    which it has begun. `held_by`: metrics that are above 0 while a limit of a series or of its pod holds it.
    """

    name: str
    pressure: str
    metric: str
    use: Callable[[Grid], Matrix]
    least_rise: float
    lead_s: int
    onset: float
    held_by: tuple[str, ...] = ()


def _processors(grid: Grid) -> Matrix:
    return zero_for_null(grid.value("total_cpu_usage_millicores"))


def _memory(grid: Grid) -> Matrix:
    return zero_for_null(grid.value("memory.current"))


def _io(grid: Grid) -> Matrix:
    requests = zero_for_null(grid.value("io_read_iops")) + zero_for_null(grid.value("io_write_iops"))
    return zero_for_null(grid.value("io_bytes_per_s")) + BYTES_A_REQUEST * requests


MIB = float(1 << 20)
RESOURCES = (
    _Resource(
        "cpu", "psi_cpu_some_ratio", "total_cpu_usage_millicores", _processors, 100.0, 30, 0.5, ("throttle_ratio",)
    ),
    _Resource(
        "memory",
        "psi_memory_some_ratio",
        "memory.current",
        _memory,
        32 * MIB,
        300,
        0.1,
        ("memory.events.max", "memory.events.high"),
    ),
    _Resource("io", "psi_io_some_ratio", "io_bytes_per_s", _io, 2 * MIB, 30, 0.5),
)
REQUESTS = ("io_read_iops", "io_write_iops")
IO_PRESSURE, PAGE_CACHE = "psi_io_some_ratio", "memory.stat.file"
SWAPPED = ("memory.stat.pswpin", "memory.stat.pswpout", "memory.stat.workingset_refault_anon")
_MORE = {"io": (*REQUESTS, *SWAPPED), "memory": (IO_PRESSURE, PAGE_CACHE)}
GROUPS = tuple((each.pressure, each.metric, *each.held_by, *_MORE.get(each.name, ())) for each in RESOURCES)
"""Metrics that are needed together: those of each resource."""


def find(grid: Grid) -> list[Finding]:
    """Return a finding for each resource that one container took from others."""
    found = [_of_resource(grid, each) for each in RESOURCES if grid.has(each.pressure)]
    return [finding for finding in found if finding is not None]


def _of_resource(grid: Grid, resource: _Resource) -> Finding | None:
    leaves = np.flatnonzero(grid.is_leaf)
    begin, second = grid.begin, grid.interval_ms / 1000
    beyond = _beyond_usual(grid, resource, leaves)
    if beyond[:, begin:].sum() * second < MIN_WAITED_S:
        return None
    used = resource.use(grid)[leaves]
    waited = (beyond * (1 - _share_of_rise(used, begin))).sum(axis=0)
    waited = waited[None]
    level, spread = levels_and_spreads(usual_part(waited, begin))
    segment = heaviest((waited - (level + SPREADS * spread + ALLOWED)[:, None])[:, begin:])
    if segment.weight[0] * second < MIN_WAITED_S:
        return None
    # A short rise long before would weigh more than the time between, if the pressure is high: take half of its height.
    height = float(waited[0, begin:][segment.start[0] : segment.stop[0]].mean()) / 2
    segment = heaviest((waited - max(height, float((level + SPREADS * spread)[0]) + ALLOWED))[:, begin:])
    start, stop = int(segment.start[0]) + begin, int(segment.stop[0]) + begin
    rises = _rises(used, start, stop, begin)
    culprit = int(np.argmax(rises))
    part = float(rises[culprit] / max(rises.sum(), 1e-9))
    all_use = float(used[:, start:stop].sum(axis=0, dtype=np.float64).mean())
    if rises[culprit] < max(resource.least_rise, MIN_PART_OF_USE * all_use) or part < MIN_SHARE:
        return None
    if resource.name == "io" and _is_swapping(grid, int(leaves[culprit]), slice(start, stop)):
        return None
    is_other = np.arange(len(leaves)) != culprit
    margin = round(min(max(MIN_EDGE_S, (stop - start) * second), MAX_EDGE_S) / second)
    around = slice(max(0, start - margin), min(used.shape[1], start + margin))
    correlation, lag = lagged(used[culprit, around], beyond[is_other].sum(axis=0)[around], round(MAX_LAG_S / second))
    victims = [each for each in np.flatnonzero(is_other) if _is_victim(beyond[each], start, stop)]
    if correlation < MIN_CORRELATION or not victims:
        return None
    lengths = beyond[:, start:stop].sum(axis=1) * second
    victims.sort(key=lambda each: -lengths[each])
    waited_by_first = zero_for_null(_waiting(grid, resource)[leaves[victims[0]], start:stop])
    total_s, length_s = float(lengths[victims].sum()), (stop - start) * second
    facts: dict[str, float | str] = {
        "resource": resource.name,
        "share_of_rise": part,
        "rise": float(_rises(zero_for_null(grid.value(resource.metric)[leaves[[culprit]]]), start, stop, begin)[0]),
        "victims": float(len(victims)),
        "victim_waited_percent": 100 * float(waited_by_first.mean()),
        "waited_s": total_s,
        "correlation": correlation,
        "lag_s": lag * second,
        "seconds": length_s,
    }
    if grid.node is not None:
        of_node = grid.value(resource.pressure)[grid.node, start:stop]
        if np.isfinite(of_node).any():
            facts["node_waited_percent"] = 100 * float(np.nanmean(of_node))
    threshold = float(medians(usual_part(used[[culprit]], begin))[0]) + resource.onset * float(rises[culprit])
    onset = _onset(used[culprit], threshold, max(begin, start - round(resource.lead_s / second)), stop)
    return Finding(
        kind="neighbour",
        row=int(leaves[culprit]),
        metric=resource.metric,
        from_ms=int(grid.time_ms[onset]),
        to_ms=int(grid.time_ms[stop - 1]),
        statistic=math.log2(1 + total_s) * part * correlation,
        facts=facts,
        others=tuple(int(leaves[each]) for each in victims),
    )


def _share_of_rise(used: Matrix, begin: int) -> Matrix:
    """Return for each tick which part of the rise in use is that of each leaf: what it waits for is up to itself."""
    level, spread = levels_and_spreads(usual_part(used, begin))
    rise = np.maximum(used - (level + spread)[:, None].astype(np.float32), 0)
    share: Matrix = rise / np.maximum(rise.sum(axis=0), np.float32(1e-9))
    return share


def _rises(used: Matrix, start: int, stop: int, begin: int) -> Floats:
    """Return by how much each leaf uses more in a range: its mean, less that of the time before or outside."""
    usual = used[:, :begin] if begin else np.concatenate([used[:, :start], used[:, stop:]], axis=1)
    mean = usual.mean(axis=1, dtype=np.float64) if usual.shape[1] else 0.0
    rises: Floats = np.maximum(used[:, start:stop].mean(axis=1, dtype=np.float64) - mean, 0.0)
    return rises


def _beyond_usual(grid: Grid, resource: _Resource, leaves: NDArray[np.int64]) -> Matrix:
    """Return by how much each leaf waits longer than usual, as a share of time; 0 while a limit holds it.

    If none waits for long in the range, it is 0 before the range, too: what is usual need not be known then.
    """
    pressure = zero_for_null(_waiting(grid, resource)[leaves])
    if pressure[:, grid.begin :].max(initial=0) <= ALLOWED:
        return np.zeros_like(pressure)
    usual, spread = levels_and_spreads(usual_part(pressure, grid.begin))
    beyond = np.clip(pressure - (usual + ALLOWED + SPREADS * spread)[:, None].astype(np.float32), 0, 1)
    pods = grid.pod_of[leaves]
    for metric in resource.held_by:
        hits = zero_for_null(grid.value(metric)) > 0
        hits[:, 1:] |= hits[:, :-1].copy()
        beyond[hits[leaves] | (hits[pods] & (pods >= 0)[:, None])] = 0
    return beyond


def _waiting(grid: Grid, resource: _Resource) -> Matrix:
    """Return the pressure of each series; of memory, also the time it waits for I/O while it has lost page cache.

    What was read once is no working set, and reading it again is no memory pressure for the kernel.
    """
    waiting = grid.value(resource.pressure)
    if resource.name != "memory" or not grid.has(PAGE_CACHE):
        return waiting
    cache = zero_for_null(grid.value(PAGE_CACHE))
    usual = medians(usual_part(cache, grid.begin))[:, None]
    has_lost = (cache < CACHE_LEFT * usual) & (usual - cache > MIN_LOST_BYTES)
    both: Matrix = np.minimum(waiting + zero_for_null(grid.value(IO_PRESSURE)), np.float32(1))
    return np.where(has_lost, both, waiting)


def _is_swapping(grid: Grid, row: int, ticks: slice) -> bool:
    """Return whether half of a series' I/O is swapping, which the detector of paging reports."""
    into, out, refaulted = (zero_for_null(grid.value(name)[row, ticks]) for name in SWAPPED)
    # Before Linux 6.15 only the pages that came back are counted, which had gone out before.
    moved, again = into + out, 2 * refaulted
    whole = zero_for_null(grid.value("io_bytes_per_s")[row, ticks]).mean()
    return bool(PAGE_BYTES * np.maximum(moved, again).mean() >= max(1.0, whole / 2))


def _is_victim(beyond: Vector, start: int, stop: int) -> bool:
    """Return whether a leaf waited longer than usual in a range, and much longer than outside of it."""
    outside = np.concatenate([beyond[:start], beyond[stop:]])
    inside_mean, outside_mean = float(beyond[start:stop].mean()), float(outside.mean()) if len(outside) else 0.0
    return inside_mean >= ALLOWED and inside_mean > 3 * outside_mean


def _onset(used: Vector, level: float, first: int, stop: int) -> int:
    """Return the tick at which the culprit's use rose: the start of the range in which it is above a level."""
    return first + int(heaviest((used[first:stop] - level)[None]).start[0])
