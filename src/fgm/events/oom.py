"""Events for OOM kills. Each kill is reported once, for the container whose processes were killed.

The counter of a cgroup (`memory.events.oom_kill`) includes kills in the cgroups below it, even in removed ones. So
growth in a container is its own. If a pod's counter grows by more than those of its containers, the rest belongs to a
container whose cgroup was removed. Any further growth in a slice or in the node belongs to cgroups that are not
recorded.

The files of a tick are not read at the same moment. If a parent is read shortly before its child, its counter shows the
child's kill one tick later. So kills that a parent's counter does not show yet are remembered, and are not reported
again.
"""

from collections.abc import Sequence

import numpy as np

from fgm.events.columns import MEMORY, MEMORY_MAX, OOM_KILLS, Floats
from fgm.events.lives import Lives
from fgm.events.series_state import SeriesState, TickStep
from fgm.events.wording import count, duration, plain, size
from fgm.store.events.event import Event, Value
from fgm.store.samples.series import Series

_LEAVES = frozenset({"container", "sandbox"})


class OomKills:
    """Finds OOM kills. Remembers reported kills until the counters of all cgroups above show them, too."""

    def __init__(self, interval_ms: int) -> None:
        self._interval_ms = interval_ms
        self._ahead: dict[str, tuple[int, int]] = {}
        """By key of a parent: number of kills that its counter does not show yet, and for how many ticks to keep it."""
        self._read_between: dict[str, float] = {}
        """By key of a container: its counter, if it was read after the last tick."""

    def update(self, step: TickStep, state: SeriesState, lives: Lives) -> list[Event]:
        """Return an event for each series that had OOM kills since the last tick."""
        if self._read_between:
            self._correct(step)
        growth = _growth(step)
        if not growth and not self._ahead:
            return []
        ahead_before, self._ahead = self._ahead, {}
        parents = _parents(step.series)
        below: dict[int, int] = {}
        kills: dict[str, int] = {}
        for position in sorted(range(len(step.series)), key=lambda i: _order(step.series[i])):
            series = step.series[position]
            inside = below.get(position, 0)
            ahead, ticks = ahead_before.get(series.key, (0, 0))
            unexplained = growth.get(position, 0) - inside - ahead
            if unexplained > 0:
                victim = _victim(series, lives)
                kills[victim] = kills.get(victim, 0) + unexplained
            elif unexplained < 0 and (inside or ticks > 1):
                self._ahead[series.key] = (-unexplained, max(1, ticks - 1))
            parent = parents[position]
            if parent is not None and (reported := inside + max(0, unexplained)):
                below[parent] = below.get(parent, 0) + reported
        return [self._event_at_tick(key, killed, step, state) for key, killed in kills.items()]

    def add_kill(self, time_ms: int, key: str, series: Sequence[Series], newest: Floats, counter: float) -> list[Event]:
        """Return the event for a counter that was read after the last tick; no event if the counter did not grow.

        `series`: all series of the last tick; `newest`: last known values of the container. `counter` is written there.
        """
        growth = counter - float(newest[OOM_KILLS])
        if not growth > 0:
            return []
        killed = round(growth)
        event = _make_event(time_ms, key, killed, newest, 0)
        newest[OOM_KILLS] = self._read_between[key] = counter
        parents = _parents(series)
        position = parents[next(i for i, other in enumerate(series) if other.key == key)]
        while position is not None:
            parent = series[position].key
            # Remember it for two ticks: the next tick may have read the parent before the kill.
            self._ahead[parent] = (self._ahead.get(parent, (0, 0))[0] + killed, 2)
            position = parents[position]
        return [event]

    def _correct(self, step: TickStep) -> None:
        """Raise the counters of a tick to those read before it, because the tick may have read older values."""
        counters, self._read_between = self._read_between, {}
        for position, series in enumerate(step.series):
            if series.key in counters:
                step.now[position, OOM_KILLS] = np.fmax(step.now[position, OOM_KILLS], counters[series.key])

    def _event_at_tick(self, key: str, killed: int, step: TickStep, state: SeriesState) -> Event:
        position = next((i for i, series in enumerate(step.series) if series.key == key), None)
        time_ms, newest = step.time_ms, state.absent(key)
        if position is not None:
            newest = step.before[position]
            if -self._interval_ms < step.late_ms[position] < 0:  # its row was read when its last process exited
                time_ms += round(float(step.late_ms[position]))
        return _make_event(time_ms, key, killed, newest, step.gap_ms)


def _make_event(time_ms: int, key: str, killed: int, newest: Floats | None, gap_ms: int) -> Event:
    what = f"OOM kill: {count(killed, 'process', 'processes')} killed"
    if gap_ms:
        what += f" while nothing was recorded ({duration(gap_ms)})"
    if key == "node":
        what += ", in no container that is recorded"
    elif key.startswith("pod:"):
        what += ", in no container that was seen to end"
    before: dict[str, Value] = {}
    if newest is not None and not np.isnan(newest[MEMORY]):
        before["memory.current"] = plain(float(newest[MEMORY]))
        what += f"; memory before was {size(float(newest[MEMORY]))}"
        if np.isfinite(newest[MEMORY_MAX]):
            before["memory.max"] = plain(float(newest[MEMORY_MAX]))
            what += f" of a limit of {size(float(newest[MEMORY_MAX]))}"
    return Event(time_ms, "oom_kill", key, what, before, {"killed": killed})


def _growth(step: TickStep) -> dict[int, int]:
    """Return by how much counters grew, by position of the series. The counter of a new cgroup began at 0."""
    growth = step.growth(OOM_KILLS)
    began_at_0 = [
        is_new and (series.scope in _LEAVES or series.scope == "pod")
        for is_new, series in zip(step.is_new.tolist(), step.series, strict=True)
    ]
    growth = np.where(began_at_0, step.now[:, OOM_KILLS], growth)
    return {position: round(float(growth[position])) for position in np.flatnonzero(growth > 0).tolist()}


def _victim(series: Series, lives: Lives) -> str:
    """Return the key of the series to report for kills that `series` counted, but no cgroup below it.

    For a pod, it is the container with the most memory among those that exited recently.
    """
    if series.scope != "pod":
        return series.key
    in_pod = [
        [exited for exited in at_tick if exited.series.pod_uid == series.pod_uid]
        for at_tick in (lives.exited_now, lives.exited_before)
    ]
    candidates = in_pod[0] or in_pod[1]
    return max(candidates, key=lambda exited: exited.memory).series.key if candidates else series.key


def _parents(series: Sequence[Series]) -> list[int | None]:
    """Return, for each series, the position of the nearest recorded cgroup above it, or else of the node."""
    by_path = {s.cgroup: i for i, s in enumerate(series) if s.cgroup and s.scope in ("pod", "cgroup")}
    pods = {s.pod_uid: i for i, s in enumerate(series) if s.scope == "pod"}
    node = next((i for i, s in enumerate(series) if s.scope == "node"), None)
    parents: list[int | None] = []
    for child in series:
        if child.scope == "node":
            parents.append(None)
            continue
        parent = pods.get(child.pod_uid) if child.scope in _LEAVES and child.pod_uid else None
        path = child.cgroup or ""
        while parent is None and path:
            path = path.rpartition("/")[0]
            parent = by_path.get(path)
        parents.append(node if parent is None else parent)
    return parents


def _order(series: Series) -> tuple[int, int]:
    """Return a sort key that puts each cgroup before the cgroups above it."""
    level = 0 if series.scope in _LEAVES else 2 if series.scope == "node" else 1
    return level, -len(series.cgroup or "")
