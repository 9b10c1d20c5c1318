"""Events for OOM kills. Each kill is reported once, for the container whose processes were killed.

The counter of a cgroup (`memory.events.oom_kill`) includes kills in the cgroups below it, even in removed ones. So
growth in a container is its own. If a pod's counter grows by more than those of its containers, the rest belongs to a
container whose cgroup was removed. Any further growth in a slice or in the node belongs to cgroups that are not
recorded.

On cgroup v1 a counter does not include the cgroups below, except that of the node. So there, what only the node counts
may be of a container with a limit whose cgroup was removed, as Docker does as soon as it has ended.

The files of a tick are not read at the same moment. If a parent is read shortly before its child, its counter shows the
child's kill one tick later. So kills that a parent's counter does not show yet are remembered, and are not reported
again.

All of this compares counters of the kernel. `oom_counts` makes the number of processes of what remains.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from fgm.events.columns import (
    MEMORY_PEAK,
    OOM_GROUP_KILLS,
    OOM_KILLS,
    OOMS,
    Floats,
)
from fgm.events.groups import LEAVES, parents_of
from fgm.events.lives import Lives
from fgm.events.oom.oom_counts import OomCounts, OomEpisodes
from fgm.events.oom.oom_text import NO_EVIDENCE, Kill, KillEvidence, Surroundings, oom_event
from fgm.events.oom.oom_victims import first_killed, victim_of
from fgm.events.series_state import SeriesState, TickStep
from fgm.store.events.event import Event
from fgm.store.samples.series import Series

COUNTERS = (OOM_KILLS, OOM_GROUP_KILLS)
NO_OOMS: Mapping[str, float] = MappingProxyType({})
_NONE = OomCounts()


class _Unfinished(NamedTuple):
    time_ms: int
    counts: OomCounts
    evidence: KillEvidence


class OomKills:
    """Finds OOM kills. Remembers reported kills until the counters of all cgroups above show them, too."""

    def __init__(self, interval_ms: int) -> None:
        self._interval_ms = interval_ms
        self._ahead: dict[str, tuple[OomCounts, int]] = {}
        """By key of a parent: kills that its counters do not show yet, and for how many ticks to keep them."""
        self._read_between: dict[str, Floats] = {}
        """By key of a container: its counters, if they were read after the last tick."""
        self._episodes = OomEpisodes()
        self._unfinished: dict[str, _Unfinished] = {}
        """By key of a container: kills after the last tick to which its pod may add some."""

    def update(
        self,
        step: TickStep,
        state: SeriesState,
        lives: Lives,
        removed: Collection[str] = (),
        ooms: Mapping[str, float] = NO_OOMS,
    ) -> list[Event]:
        """Return an event for each series that had OOM kills since the last tick.

        `removed`: keys of the containers whose cgroup was removed right after the tick. Their kills are reported at the
        next tick, because only their pods' counters show then whether there were more. `ooms`: see `KillEvidence`.
        """
        if self._read_between:
            self._correct(step)
        growth = _growth(step)
        if not growth and not self._ahead and not self._unfinished:
            self._episodes.end_tick()
            return []
        ahead_before, self._ahead = self._ahead, {}
        parents = parents_of(step.series)
        below: dict[int, OomCounts] = {}
        kills: dict[str, OomCounts] = {}
        inferred: set[str] = set()
        for position in sorted(range(len(step.series)), key=lambda i: _order(step.series[i])):
            series = step.series[position]
            inside = below.get(position, _NONE)
            ahead, ticks = ahead_before.get(series.key, (_NONE, 0))
            unexplained = growth.get(position, _NONE).minus(inside).minus(ahead)
            if series.scope == "node":  # its kernel file has no counter of group kills
                unexplained = OomCounts(unexplained.kills)
            own = unexplained.positive
            if any(own):
                victim = victim_of(position, step, lives, state) if own.kills else ""
                victim = victim or first_killed(position, step, parents, kills)
                inferred |= {victim} - {series.key, *kills} if series.scope == "node" else set()
                kills[victim] = kills.get(victim, _NONE).plus(own)
            if min(unexplained) < 0 and (any(inside) or ticks > 1):
                self._ahead[series.key] = (_NONE.minus(unexplained).positive, max(1, ticks - 1))
            parent = parents[position]
            if parent is not None and any(reported := inside.plus(own)):
                below[parent] = below.get(parent, _NONE).plus(reported)
        unfinished, self._unfinished = self._unfinished, {}
        for key, earlier in unfinished.items():
            kills[key] = kills.get(key, _NONE).plus(earlier.counts)
        for key in kills.keys() & set(removed):
            # The next tick compares with this one, so it needs what was before the kill.
            at_tick = KillEvidence(
                _ooms(step, ooms),
                _by_path(step.series, step.now, MEMORY_PEAK),
                _by_path(step.series, step.before, OOMS),
            )
            earlier = unfinished.get(key, _Unfinished(step.time_ms, _NONE, NO_EVIDENCE))
            evidence = at_tick.plus(earlier.evidence)
            self._unfinished[key] = earlier._replace(counts=kills.pop(key), evidence=evidence)
        evidence = KillEvidence(_ooms(step, ooms), _by_path(step.series, step.now, MEMORY_PEAK))
        events = [
            self._event_at_tick(
                key, killed, step, state, lives, unfinished.get(key), evidence, is_inferred=key in inferred
            )
            for key, counts in kills.items()
            if (killed := self._episodes.add(key, counts))
        ]
        self._episodes.end_tick()
        return events

    def add_kill(
        self,
        time_ms: int,
        key: str,
        around: Surroundings,
        values: Floats,
        evidence: KillEvidence,
        *,
        is_final: bool = True,
    ) -> list[Event]:
        """Return the event for counters that were read after the last tick; no event if they did not grow.

        `around`: all series of the last tick, with the container, and their last known values. The counters are written
        there. `values`: the values that were read, one for each of NEEDED_COLUMNS; NaN if the cgroup was removed.
        `is_final`: if not, the kill is reported at the next tick, with the kills that only the pod's counters show.
        """
        series = around.series
        position = next(i for i, other in enumerate(series) if other.key == key)
        newest = around.before[position]
        growth = np.nan_to_num(values[[*COUNTERS]] - newest[[*COUNTERS]])
        counts = OomCounts(*(round(float(each)) for each in growth)).positive
        if key in self._unfinished:
            earlier = self._unfinished.pop(key)
            time_ms, all_counts = min(time_ms, earlier.time_ms), counts.plus(earlier.counts)
            evidence = evidence.plus(earlier.evidence)
        else:
            all_counts = counts
        killed = 0
        if is_final:
            killed = self._episodes.add(key, all_counts) if any(all_counts) else 0
        else:
            self._unfinished[key] = _Unfinished(time_ms, all_counts, evidence)
        kill = Kill(time_ms, key, series[position], killed, newest, evidence)
        events = [oom_event(kill, around)] if killed else []
        if not any(counts):
            return events
        for i, each in enumerate(series) if killed else ():
            if each.cgroup is not None and each.cgroup in evidence.ooms:
                around.before[i, OOMS] = evidence.ooms[each.cgroup]
        newest[[*COUNTERS]] = self._read_between[key] = np.fmax(values[[*COUNTERS]], newest[[*COUNTERS]])
        parents = parents_of(series)
        above = parents[position]
        while above is not None:
            parent = series[above].key
            # Remember it for two ticks: the next tick may have read the parent before the kill.
            self._ahead[parent] = (self._ahead.get(parent, (_NONE, 0))[0].plus(counts), 2)
            above = parents[above]
        return events

    def _correct(self, step: TickStep) -> None:
        """Raise the counters of a tick to those read before it, because the tick may have read older values."""
        counters, self._read_between = self._read_between, {}
        for position, series in enumerate(step.series):
            if series.key in counters and series.key not in step.replaced:
                step.now[position, COUNTERS] = np.fmax(step.now[position, COUNTERS], counters[series.key])

    def _event_at_tick(  # noqa: PLR0917 - all that is known about the tick
        self,
        key: str,
        killed: int,
        step: TickStep,
        state: SeriesState,
        lives: Lives,
        unfinished: "_Unfinished | None",
        evidence: KillEvidence,
        *,
        is_inferred: bool,
    ) -> Event:
        position = next((i for i, series in enumerate(step.series) if series.key == key), None)
        time_ms, newest = step.time_ms, state.absent(key)
        victim = next((each.series for each in lives.exited if each.series.key == key), None)
        if position is not None:
            newest, victim = step.before[position], step.series[position]
            if -self._interval_ms < step.late_ms[position] < 0:  # its row was read when its last process exited
                time_ms += round(float(step.late_ms[position]))
        for exited in lives.exited if not lives.is_alive(key) else ():
            if exited.series.key == key:  # what killed it was before its exit, even if its pod counts it later
                time_ms = min(time_ms, exited.time_ms)
        if unfinished is not None:
            time_ms = min(time_ms, unfinished.time_ms)
            evidence = evidence.plus(unfinished.evidence)
        kill = Kill(time_ms, key, victim, killed, newest, evidence, step.gap_ms, is_inferred=is_inferred)
        return oom_event(kill, Surroundings(step.series, step.before))


def _by_path(series: Sequence[Series], rows: Floats, column: int) -> dict[str, float]:
    """Return the values of a column, by path of the cgroup."""
    values = zip(series, rows[:, column].tolist(), strict=True)
    return {each.cgroup: value for each, value in values if each.cgroup and not np.isnan(value)}


def _ooms(step: TickStep, read_later: Mapping[str, float]) -> dict[str, float]:
    """Return `memory.events.oom` of each group at a tick, by path; from reads after the tick if there are some."""
    has_kill = step.growth(OOM_KILLS) > 0  # a group that shows no kill was read before it
    at_tick = zip(step.series, step.now[:, OOMS].tolist(), has_kill.tolist(), strict=True)
    return {each.cgroup: ooms for each, ooms, is_later in at_tick if each.cgroup and is_later} | dict(read_later)


def _growth(step: TickStep) -> dict[int, OomCounts]:
    """Return by how much counters grew, by position of the series. The counters of a new cgroup began at 0."""
    growth = np.column_stack([step.growth(counter) for counter in COUNTERS])
    began_at_0 = [
        is_new and (series.scope in LEAVES or series.scope == "pod")
        for is_new, series in zip(step.is_new.tolist(), step.series, strict=True)
    ]
    growth[began_at_0] = step.now[began_at_0][:, COUNTERS]
    growth = np.fmax(growth, 0)
    positions = np.flatnonzero(growth.any(axis=1)).tolist()
    return {i: OomCounts(*(round(float(each)) for each in growth[i])) for i in positions}


def _order(series: Series) -> tuple[int, int]:
    """Return a sort key that puts each cgroup before the cgroups above it."""
    level = 0 if series.scope in LEAVES else 2 if series.scope == "node" else 1
    return level, -len(series.cgroup or "")
