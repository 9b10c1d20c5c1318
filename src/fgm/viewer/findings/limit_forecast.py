"""When a growing series reaches a limit: its own, that of its pod or of a group above, or the memory of the node."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from fgm.events.groups import depth_of, path_at
from fgm.viewer.findings.grid import Grid, Row

Facts = dict[str, float | str]
OWN, POD, GROUP, NODE = "its own", "its pod's", "a group's", "the node's"


class _Limit(NamedTuple):
    """A limit, and what its group uses of it; NaN if that is not known."""

    value: float
    used: float
    owner: str

    @property
    def room(self) -> float:
        return max(0.0, self.value - self.used)


def until_memory_limit(grid: Grid, row: int, tick: int, slopes: Sequence[float]) -> Facts:
    """Return the smallest memory limit on the way up from a series, and when memory that grows so reaches it.

    Page cache does not count as used: the kernel takes it back first. `slopes`: lowest, likely and highest growth per
    second. Without a limit that is known, there are no facts.
    """
    limit = _memory_limit(grid, row, tick)
    if limit is None:
        return {}
    return {"limit_bytes": limit.value, "limit_of": limit.owner, **_until(limit, slopes)}


def until_thread_limit(grid: Grid, row: int, tick: int, slopes: Sequence[float]) -> Facts:
    """Return the limit of threads of a series or of its pod that is reached first, and when growing threads do."""
    pod = int(grid.pod_of[row])
    limits, used = grid.value("pids.max"), grid.value("pids.current")
    owners = [(row, OWN), *([(pod, POD)] if pod >= 0 else [])]
    every = [_Limit(_last(limits[owner], tick), _last(used[owner], tick), name) for owner, name in owners]
    known = [limit for limit in every if not np.isnan(limit.value)]
    if not known:
        return {}
    limit = min(known, key=lambda each: each.room)
    return {"limit_threads": limit.value, "limit_of": limit.owner, **_until(limit, slopes)}


def memory_in_use(values_of: Callable[[str], Row], tick: int) -> float:
    """Return the bytes that a series uses and that the kernel cannot take back; NaN if that is not known.

    `values_of`: returns the values of one of its metrics.
    """
    current, file, shared = (
        _last(values_of(name), tick) for name in ("memory.current", "memory.stat.file", "memory.stat.shmem")
    )
    used = current - file + (0.0 if np.isnan(shared) else shared)
    return _last(values_of("memory_working_set"), tick) if np.isnan(used) else max(0.0, used)


def _memory_limit(grid: Grid, row: int, tick: int) -> _Limit | None:
    series = grid.series[row]

    def values_of(name: str, of: int = row) -> Row:
        values: Row = grid.value(name)[of]
        return values

    value, depth = (_last(values_of(name), tick) for name in ("effective_memory_max", "effective_memory_max_depth"))
    if np.isnan(value) or np.isnan(depth):
        value, depth = _last(values_of("memory.max"), tick), float(depth_of(series))
    if np.isnan(value):
        return None
    if depth == 0:
        return _Limit(value, memory_in_use(grid.value_of_node, tick), NODE)
    if depth >= depth_of(series):
        return _Limit(value, memory_in_use(values_of, tick), OWN)
    path = path_at(series, int(depth))
    above = next((number for number, each in enumerate(grid.series) if each.cgroup == path), None)
    is_pod = series.pod_uid is not None and depth == depth_of(series) - 1
    if above is None:  # a pod has no row if this container is alone in it
        return _Limit(value, memory_in_use(values_of, tick) if is_pod else float("nan"), POD if is_pod else GROUP)
    return _Limit(value, memory_in_use(lambda name: values_of(name, above), tick), POD if is_pod else GROUP)


def _until(limit: _Limit, slopes: Sequence[float]) -> Facts:
    """Return when the limit is reached; the upper end is left out if the lowest slope does not reach it."""
    if np.isnan(limit.used):
        return {}
    low, likely, high = slopes
    names = (("reaches_limit_in_s_low", high), ("reaches_limit_in_s", likely), ("reaches_limit_in_s_high", low))
    return {"limit_used": limit.used, **{name: limit.room / slope for name, slope in names if slope > 0}}


def _last(values: Row, tick: int) -> float:
    """Return the last value up to a tick; NaN if there is none."""
    known = np.flatnonzero(~np.isnan(values[: tick + 1]))
    return float(values[known[-1]]) if len(known) else float("nan")
