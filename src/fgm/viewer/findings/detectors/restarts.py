"""Restart loops: a workload whose containers exit and are started again, several times.

The collector records exits and starts, so a loop is certain; only from what number on it is one is a rule. A job that
is started by a schedule has another pod each time, and is no loop.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from fgm.store.events.event import Event, Value
from fgm.store.samples.series import Series, workload_of
from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.grid import Grid
from fgm.viewer.findings.statistics.levels import median

METRIC = "total_cpu_usage_millicores"
"""Metric that shows the lives of a container best: a missing value is one where it does not run."""
NEEDS: tuple[str, ...] = (METRIC,)
MIN_RESTARTS = 3
"""Minimum number of restarts of a loop, with at least one of them in the range."""
MAX_BETWEEN_MS = 6 * 60_000
"""Maximum time between two restarts of a loop: the kubelet waits for up to five minutes."""


class _Restart(NamedTuple):
    """A restart. `ended_ms`: when the container before it exited, whose key is `earlier`. `row`: of the new one."""

    time_ms: int
    ended_ms: int
    earlier: str
    row: int


def find(grid: Grid) -> list[Finding]:
    """Return the restart loops of a grid, one for each workload at most."""
    row_of = {series.key: row for row, series in enumerate(grid.series)}
    by_workload: dict[tuple[str, ...], list[_Restart]] = {}
    for event in grid.events:
        if event.kind == "restart" and event.series in row_of:
            row = row_of[event.series]
            by_workload.setdefault(_identity(grid.series[row]), []).append(_restart(event, row))
    loops = [_last_loop(restarts) for restarts in by_workload.values()]
    begin_ms = int(grid.time_ms[grid.begin])
    return [_finding(grid, loop) for loop in loops if len(loop) >= MIN_RESTARTS and loop[-1].time_ms >= begin_ms]


def _restart(event: Event, row: int) -> _Restart:
    ended_ms, earlier = event.before.get("ended_ms"), event.before.get("container")
    ended_ms = int(ended_ms) if isinstance(ended_ms, int | float) else event.time_ms
    return _Restart(event.time_ms, ended_ms, earlier if isinstance(earlier, str) else event.series, row)


def _last_loop(restarts: Sequence[_Restart]) -> list[_Restart]:
    """Return the last restarts that follow each other soon enough."""
    ordered = sorted(restarts, key=lambda each: each.time_ms)
    apart = np.flatnonzero(np.diff([each.time_ms for each in ordered]) > MAX_BETWEEN_MS)
    return ordered[int(apart[-1]) + 1 if len(apart) else 0 :]


def _finding(grid: Grid, loop: Sequence[_Restart]) -> Finding:
    rows = [each.row for each in loop]
    keys = {grid.series[row].key for row in rows} | {each.earlier for each in loop}
    began_ms = loop[0].ended_ms
    exits = [each for each in grid.events if each.kind == "exit" and each.series in keys and each.time_ms >= began_ms]
    last_ms = max([loop[-1].time_ms, *(each.time_ms for each in exits)])
    lived_ms = [later.ended_ms - earlier.time_ms for earlier, later in itertools.pairwise(loop)]
    facts: dict[str, float | str] = {
        "restarts": float(len(loop)),
        "between_s": median(np.diff([each.time_ms for each in loop])) / 1000,
        "lived_s": median(lived_ms) / 1000,
        "waited_s": median([each.time_ms - each.ended_ms for each in loop]) / 1000,
    }
    facts |= _reason(exits)
    return Finding("restarts", rows[-1], METRIC, began_ms, last_ms, float(len(loop)), facts)


def _reason(exits: Sequence[Event]) -> Mapping[str, float | str]:
    """Return the last known reason of an exit and its exit code."""
    for event in reversed(exits):
        reason: Value = event.after.get("reason")
        code: Value = event.after.get("exit_code")
        if reason is None and event.after.get("oom_killed"):
            reason = "OOM kill"
        if reason is not None or code is not None:
            facts: dict[str, float | str] = {"last_reason": str(reason)} if reason is not None else {}
            return facts | ({"exit_code": float(code)} if isinstance(code, int | float) else {})
    return {}


def _identity(series: Series) -> tuple[str, ...]:
    """Return what the containers of one workload share; without names, that is their pod."""
    return workload_of(series) or (series.pod_uid or series.key,)
