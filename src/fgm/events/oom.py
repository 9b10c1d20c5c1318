"""OOM kills: counted once, and put down to the container that they ended.

The counter of a cgroup includes those of cgroups below it, and outlives them. So what grew in a container is its own;
what grew in its pod beyond that was in a container that took its cgroup with it; what grew in a slice or on the node
beyond all that, somewhere that is not recorded. A parent that was read a moment before its child tells of the child's
kill one tick later: that much is known already then, and is not told again.
"""

from collections.abc import Sequence

import numpy as np

from fgm.events.lives import Lives
from fgm.events.watched import MEMORY, MEMORY_MAX, OOM_KILLS, Floats, Look, Memory
from fgm.events.wording import count, duration, plain, size
from fgm.store.events.event import Event, Value
from fgm.store.samples.series import Series

_LEAVES = frozenset({"container", "sandbox"})


class OomKills:
    """What was told ahead of a parent's counter, by its key: how much, and for how many ticks that holds."""

    def __init__(self, interval_ms: int) -> None:
        self._interval_ms = interval_ms
        self._told_ahead: dict[str, tuple[int, int]] = {}
        self._noted: dict[str, float] = {}

    def see(self, look: Look, memory: Memory, lives: Lives) -> list[Event]:
        """Return an event for each container, or what is above it, in which processes were killed."""
        if self._noted:
            self._correct(look)
        grown = _kills(look)
        if not grown and not self._told_ahead:
            return []
        told_ahead, self._told_ahead = self._told_ahead, {}
        parents = _parents(look.series)
        below: dict[int, int] = {}
        kills: dict[str, int] = {}
        for place in sorted(range(len(look.series)), key=lambda i: _order(look.series[i])):
            series = look.series[place]
            inside = below.get(place, 0)
            ahead, ticks = told_ahead.get(series.key, (0, 0))
            left = grown.get(place, 0) - inside - ahead
            if left > 0:
                target = _target(series, lives)
                kills[target] = kills.get(target, 0) + left
            elif left < 0 and (inside or ticks > 1):
                self._told_ahead[series.key] = (-left, max(1, ticks - 1))
            parent = parents[place]
            if parent is not None and (told := inside + max(0, left)):
                below[parent] = below.get(parent, 0) + told
        return [self._event(key, number, look, memory) for key, number in kills.items()]

    def see_kill(self, time_ms: int, key: str, there: Sequence[Series], known: Floats, now: float) -> list[Event]:
        """Return what a container's counter tells between two ticks, before those above it are looked at.

        `there`: the series of the tick before; `known`: what is known of the container, where the counter is noted.
        """
        grown = now - float(known[OOM_KILLS])
        if not grown > 0:
            return []
        killed = round(grown)
        event = _event(time_ms, key, killed, known, 0)
        known[OOM_KILLS] = self._noted[key] = now
        parents = _parents(there)
        place = parents[next(i for i, one in enumerate(there) if one.key == key)]
        while place is not None:
            above = there[place].key
            # The next tick may have been begun before.
            self._told_ahead[above] = (self._told_ahead.get(above, (0, 0))[0] + killed, 2)
            place = parents[place]
        return [event]

    def _correct(self, look: Look) -> None:
        """Put counters that were read since into a tick that was begun before."""
        noted, self._noted = self._noted, {}
        for place, series in enumerate(look.series):
            if series.key in noted:
                look.now[place, OOM_KILLS] = np.fmax(look.now[place, OOM_KILLS], noted[series.key])

    def _event(self, key: str, killed: int, look: Look, memory: Memory) -> Event:
        place = next((i for i, series in enumerate(look.series) if series.key == key), None)
        time_ms, row = look.time_ms, memory.last(key)
        if place is not None:
            row = look.before[place]
            if -self._interval_ms < look.late_ms[place] < 0:  # it was read when its last process ended
                time_ms += round(float(look.late_ms[place]))
        return _event(time_ms, key, killed, row, look.gap_ms)


def _event(time_ms: int, key: str, killed: int, row: Floats | None, gap_ms: int) -> Event:
    what = f"OOM kill: {count(killed, 'process', 'processes')} killed"
    if gap_ms:
        what += f" while nothing was recorded ({duration(gap_ms)})"
    if key == "node":
        what += ", in no container that is recorded"
    elif key.startswith("pod:"):
        what += ", in no container that was seen to end"
    before: dict[str, Value] = {}
    if row is not None and not np.isnan(row[MEMORY]):
        before["memory.current"] = plain(float(row[MEMORY]))
        what += f"; memory before was {size(float(row[MEMORY]))}"
        if np.isfinite(row[MEMORY_MAX]):
            before["memory.max"] = plain(float(row[MEMORY_MAX]))
            what += f" of a limit of {size(float(row[MEMORY_MAX]))}"
    return Event(time_ms, "oom_kill", key, what, before, {"killed": killed})


def _kills(look: Look) -> dict[int, int]:
    """Return by how much the counter of each series grew, where it did. It began at 0 in a cgroup that is new."""
    grown = look.grown(OOM_KILLS)
    began = [
        new and (series.scope in _LEAVES or series.scope == "pod")
        for new, series in zip(look.is_new.tolist(), look.series, strict=True)
    ]
    grown = np.where(began, look.now[:, OOM_KILLS], grown)
    return {place: round(float(grown[place])) for place in np.flatnonzero(grown > 0).tolist()}


def _target(series: Series, lives: Lives) -> str:
    """Return whose kills those are that a series counted, but nothing below it."""
    if series.scope != "pod":
        return series.key
    of_pod = [
        [e for e in ended if e.series.pod_uid == series.pod_uid] for ended in (lives.just_ended, lives.ended_before)
    ]
    ended = of_pod[0] or of_pod[1]
    return max(ended, key=lambda one: one.memory).series.key if ended else series.key


def _parents(series: Sequence[Series]) -> list[int | None]:
    """Return the place of the nearest recorded cgroup above each series."""
    by_path = {one.cgroup: i for i, one in enumerate(series) if one.cgroup and one.scope in ("pod", "cgroup")}
    pods = {one.pod_uid: i for i, one in enumerate(series) if one.scope == "pod"}
    node = next((i for i, one in enumerate(series) if one.scope == "node"), None)
    found: list[int | None] = []
    for one in series:
        if one.scope == "node":
            found.append(None)
            continue
        parent = pods.get(one.pod_uid) if one.scope in _LEAVES and one.pod_uid else None
        path = one.cgroup or ""
        while parent is None and path:
            path = path.rpartition("/")[0]
            parent = by_path.get(path)
        found.append(node if parent is None else parent)
    return found


def _order(series: Series) -> tuple[int, int]:
    """Return the place of a series in a walk from what is below to what is above."""
    level = 0 if series.scope in _LEAVES else 2 if series.scope == "node" else 1
    return level, -len(series.cgroup or "")
