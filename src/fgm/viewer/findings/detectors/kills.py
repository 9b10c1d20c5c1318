"""OOM kills, and how it came to them: how memory grew before, whose limit was reached, and who else held memory.

The kernel counts a kill, so it is certain. The run-up is the growth up to the kill that a level and a line fit best
(least squares; Hinkley 1971, "Inference in two-phase regression"). At the limit of a group, the kernel kills the
largest process, even if another container grew: then that one is the culprit, and the killed one its victim. Of a kill
that only the node counted, it is not known whose limit was reached: nothing is said about its run-up.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.store.events.event import Event
from fgm.store.samples.series import Series, workload_of
from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.floors import floor_of
from fgm.viewer.findings.grid import Grid
from fgm.viewer.findings.statistics.trend import growth

METRIC = "memory.current"
NEEDS: tuple[str, ...] = (METRIC, "memory.max")
MIN_TICKS = 4
"""Minimum number of values before a kill from which its run-up is derived."""
MAX_DIP_SHARE = 0.25
"""Maximum share of a run-up by which memory may fall within it; what was before a larger fall is not part of it."""
INNOCENT_SHARE = 0.5
"""A container that grew by less than this share of the growth of another one in the group was killed for that one."""
MIN_HELD_SHARE = 0.05
"""Minimum memory of others that are named, as a share of the limit."""
MAX_HOLDERS = 2
"""Maximum number of others that held memory."""


class RunUp(NamedTuple):
    """How the memory of one series grew up to a kill. `begin`: index of a tick; that of the kill if nothing grew.

    Unit: bytes.
    """

    row: int
    begin: int
    rise: float
    last: float
    per_s: float


class _Kill(NamedTuple):
    event: Event
    row: int
    culprit: RunUp
    holders: tuple[int, ...]
    limit_bytes: float


def find(grid: Grid) -> list[Finding]:
    """Return one finding for each workload that was the culprit of OOM kills in the range."""
    row_of = {series.key: row for row, series in enumerate(grid.series)}
    begin_ms = grid.time_ms[grid.begin]
    events = [each for each in grid.events if each.kind == "oom_kill" and each.time_ms >= begin_ms]
    kills = [_kill(grid, each, row_of[each.series]) for each in events if each.series in row_of]
    kills.sort(key=lambda kill: (_identity(grid.series[kill.culprit.row]), kill.event.time_ms))
    grouped = groupby(kills, lambda kill: _identity(grid.series[kill.culprit.row]))
    return [_finding(grid, list(group)) for _, group in grouped]


def _kill(grid: Grid, event: Event, row: int) -> _Kill:
    tick = int(np.searchsorted(grid.time_ms, event.time_ms, side="right"))
    others = [other for other in _group(grid, event, row) if other != row]
    memory = grid.value(METRIC)
    own = run_up(grid, row, tick)
    largest = max((run_up(grid, other, tick) for other in others), key=lambda other: other.rise, default=own)
    is_innocent = largest.rise >= floor_of(METRIC) and own.rise < INNOCENT_SHARE * largest.rise
    limit = _limit(grid, event, row, tick)
    held = {other: _last(memory[other, :tick]) for other in others}
    least = MIN_HELD_SHARE * (limit if np.isfinite(limit) else sum(held.values()))
    holders = sorted((other for other in others if held[other] >= least), key=lambda other: -held[other])
    return _Kill(event, row, largest if is_innocent else own, tuple(holders[:MAX_HOLDERS]), limit)


def run_up(grid: Grid, row: int, end: int) -> RunUp:
    """Return how the memory of a series grew up to the tick before `end`."""
    values = grid.value(METRIC)[row, :end].astype(np.float64)
    ticks = np.flatnonzero(~np.isnan(values))
    if not len(ticks):
        return RunUp(row, max(0, end - 1), 0.0, np.nan, np.nan)
    values = values[ticks]
    last = float(values[-1])
    ticks, values = _without_falls(ticks, values)
    rise = last - float(values.min())
    if len(ticks) < MIN_TICKS or rise < floor_of(METRIC):
        return RunUp(row, int(ticks[-1]), max(0.0, rise), last, np.nan)
    seconds = (ticks * (grid.interval_ms / 1000)).astype(np.float64)
    fitted = growth(seconds, values)
    begin = int(np.clip(round(fitted.begin * 1000 / grid.interval_ms), ticks[0], ticks[-1]))
    return RunUp(row, begin, max(0.0, last - fitted.level), last, fitted.slope)


def _without_falls(
    ticks: NDArray[np.intp], values: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the last values, from after the last fall that is too large for a run-up."""
    lowest_after = np.minimum.accumulate(values[::-1])[::-1]
    fall = values - lowest_after
    large = np.flatnonzero(fall > np.maximum(MAX_DIP_SHARE * (values[-1] - lowest_after), floor_of(METRIC) / 4))
    first = int(large[-1]) + 1 if len(large) else 0
    return ticks[first:], values[first:]


def _group(grid: Grid, event: Event, row: int) -> Iterator[int]:
    """Yield the rows of the containers and services in the group whose limit was reached, if it is not the victim's."""
    victim = grid.series[row]
    owner = event.after.get("limit_of")
    path = owner if isinstance(owner, str) else victim.cgroup
    for other in np.flatnonzero(grid.is_leaf).tolist():
        inside = grid.series[other].cgroup
        if inside is not None and (owner == "node" or inside.startswith(f"{path}/")):
            yield other


def _limit(grid: Grid, event: Event, row: int, tick: int) -> float:
    """Return the limit that was reached; NaN if it is not known."""
    recorded = event.after.get("limit_bytes", event.before.get("memory.max"))
    if isinstance(recorded, int | float):
        return float(recorded)
    return np.nan if "limit_of" in event.after else _last(grid.value("memory.max")[row, :tick])


def _finding(grid: Grid, kills: Sequence[_Kill]) -> Finding:
    """Return the finding for all kills of one culprit; it is about the first one."""
    first, last = kills[0], kills[-1]
    culprit = first.culprit
    if culprit.row == grid.node:
        return _counted_by_node(culprit.row, kills)
    facts: dict[str, float | str] = {
        "kills": float(len(kills)),
        "killed": float(sum(_number(kill.event.after.get("killed"), 1.0) for kill in kills)),
        "killed_ms": float(first.event.time_ms),
        "memory_bytes": culprit.last,
        "limit_bytes": first.limit_bytes,
        "limit_of": _owner(grid, first),
        "rise_bytes": culprit.rise,
        "rise_bytes_per_s": culprit.per_s,
    }
    is_innocent = culprit.row != first.row
    victims = [kill.row for kill in kills if kill.row != culprit.row and is_innocent]
    others = dict.fromkeys((*victims, *(row for row in first.holders if row != culprit.row)))
    facts["victims"] = float(len(set(victims)))
    known = {name: value for name, value in facts.items() if isinstance(value, str) or np.isfinite(value)}
    from_ms = min(int(grid.time_ms[culprit.begin]), first.event.time_ms)
    if culprit.rise < floor_of(METRIC):
        from_ms = first.event.time_ms
    statistic = float(len(kills))
    return Finding("oom_kill", culprit.row, METRIC, from_ms, last.event.time_ms, statistic, known, tuple(others))


def _counted_by_node(row: int, kills: Sequence[_Kill]) -> Finding:
    """Return the finding for kills that no container or service was seen to count."""
    first_ms, last_ms = kills[0].event.time_ms, kills[-1].event.time_ms
    facts: dict[str, float | str] = {
        "counted_by": "node",
        "kills": float(len(kills)),
        "killed": float(sum(_number(kill.event.after.get("killed"), 1.0) for kill in kills)),
        "killed_ms": float(first_ms),
    }
    victim = kills[0].event.after.get("victim")
    if isinstance(victim, str):
        facts["process"] = victim
    return Finding("oom_kill", row, METRIC, first_ms, last_ms, float(len(kills)), facts)


def _owner(grid: Grid, kill: _Kill) -> str:
    """Return whose limit was reached, as in "its own limit"."""
    path = kill.event.after.get("limit_of")
    if not isinstance(path, str) or path == grid.series[kill.row].cgroup:
        return "its own"
    if path == "node":
        return "the node's"
    uid = grid.series[kill.row].pod_uid
    is_pod = uid is not None and uid.replace("-", "_") in path.replace("-", "_").rpartition("/")[2]
    return "its pod's" if is_pod else f"{path}'s"


def _identity(series: Series) -> tuple[str, ...]:
    return workload_of(series) or (series.key,)


def _last(values: NDArray[np.float32]) -> float:
    """Return the last value that is not missing; 0 if all are."""
    known = np.flatnonzero(~np.isnan(values))
    return float(values[known[-1]]) if len(known) else 0.0


def _number(value: object, otherwise: float) -> float:
    return float(value) if isinstance(value, int | float) else otherwise
