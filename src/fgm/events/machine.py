"""The state machine that derives events from ticks. It is synchronous and pure: the ticks contain the time.

The first tick yields no events, because nothing is known about the time before it. If the caller has the last tick of
an earlier run, it adds that tick first. The second tick then yields the gap, and what started, exited or changed in it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from fgm.events.columns import MEMORY_PEAK, NEEDED_COLUMNS, OOMS, Floats
from fgm.events.episodes import Episodes
from fgm.events.limits import limit_changes
from fgm.events.lives import Lives
from fgm.events.oom.oom_kills import COUNTERS, NO_OOMS, OomKills
from fgm.events.oom.oom_text import NO_EVIDENCE, KillEvidence, Surroundings
from fgm.events.series_state import SeriesState
from fgm.events.slowing import MemorySlowing, NetworkSlowing
from fgm.events.throttling import Throttling
from fgm.events.wording import UNKNOWN_MS, count, duration
from fgm.metrics.rates import gap_ms
from fgm.store.events.event import Event, Value
from fgm.store.samples.series import Series

NODE = "node"
"""Key of the series for events that concern the whole recording."""


class EventMachine:
    """Derives events from the ticks that are added to it. It keeps only the newest values, not the ticks."""

    def __init__(self, columns: Sequence[str], interval_ms: int) -> None:
        """`columns`: metrics of the ticks' columns, without the first column (`late_ms`)."""
        self._interval_ms = interval_ms
        self._last_ms: int | None = None
        self._state = SeriesState(columns)
        self._lives = Lives()
        self._oom_kills = OomKills(interval_ms)
        self._episodes: tuple[Episodes, ...] = (Throttling(), MemorySlowing(), NetworkSlowing())
        self._killed: set[str] = set()
        self._asleep_ms = 0.0
        self._follows_earlier_run = False

    def add_tick(
        self,
        time_ms: int,
        series: tuple[Series, ...],
        rows: Floats,
        *,
        opened: Collection[str] = (),
        first_ms: Mapping[str, int] | None = None,
        removed: Collection[str] = (),
        ooms: Mapping[str, float] = NO_OOMS,
    ) -> list[Event]:
        """Add the next tick; return the events that it reveals. Some of them have an earlier time than the tick.

        While the series do not change, pass the same tuple object: a new one costs time. `opened`: keys of the series
        whose cgroup was created since the last tick, if that is known. `first_ms`: for the first tick, the time of an
        earlier one that had the cgroup, by key. `removed`: keys of the containers whose cgroup was removed right after
        the tick; their OOM kills are reported at the next one. `ooms`: what was read after the tick, if a container had
        OOM kills; see `KillEvidence`.

        Shape: `rows` is float64[len(series), 1 + columns]: `late_ms` first, NaN for null.
        """
        is_set_back = self._follows_earlier_run and self._last_ms is not None and time_ms <= self._last_ms
        self._follows_earlier_run = self._last_ms is None and first_ms is not None
        if is_set_back and self._last_ms is not None:
            self._state.shift(time_ms - self._last_ms)
        step = self._state.step_to(time_ms, series, rows, opened=opened, first_ms=first_ms)
        last_ms, self._last_ms = self._last_ms, time_ms
        if last_ms is None:
            self._lives.begin(step)
            self._state.take_over(step)
            return []
        events: list[Event] = []
        asleep_ms, self._asleep_ms = self._asleep_ms, 0.0
        if is_set_back:
            step.gap_ms = UNKNOWN_MS
            events += [*self._end_episodes(), *_set_back(last_ms, time_ms)]
        elif time_ms - last_ms > gap_ms(self._interval_ms):
            step.gap_ms = time_ms - last_ms
            events += self._end_episodes()
            events.append(_gap(last_ms, time_ms, self._interval_ms, asleep_ms))
        lives = self._lives.update(step, self._state)
        kills = self._oom_kills.update(step, self._state, self._lives, removed, ooms)
        killed_before, self._killed = self._killed, {kill.series for kill in kills}
        lives = [_with_cause(event, self._killed | killed_before) for event in lives]
        late = {key for key in self._killed - killed_before if not self._lives.is_alive(key)}
        lives += [_with_cause(exited.event, late) for exited in self._lives.exited_before if exited.series.key in late]
        slowed = [event for episodes in self._episodes for event in episodes.update(step)]
        changes = limit_changes(step)
        self._state.take_over(step)
        return [*events, *changes, *slowed, *kills, *lives]

    def add_exit(self, time_ms: int, series: Series, row: Floats, evidence: KillEvidence = NO_EVIDENCE) -> list[Event]:
        """Add the last row of a container, read when its last process exited; return its exit and its OOM kills.

        The next tick does not report them again. `evidence`: what was read then, if it had OOM kills.

        Shape: `row` is float64[1 + columns]: `late_ms` first, NaN for null.
        """
        newest = self._state.newest(series.key)
        exit_event = self._lives.add_exit(series, time_ms, newest)
        if exit_event is None or newest is None:
            return [] if exit_event is None else [exit_event]
        values, around = self._state.values(row), Surroundings(*self._state.current)
        own = {name: float(values[column]) for name, column in (("ooms", OOMS), ("peaks", MEMORY_PEAK))}
        of_row = {name: {series.cgroup: value} for name, value in own.items() if series.cgroup and not np.isnan(value)}
        evidence = evidence.plus(KillEvidence(**of_row))
        kills = self._oom_kills.add_kill(time_ms, series.key, around, values, evidence)
        self._killed.update(kill.series for kill in kills)
        return [*kills, _with_cause(exit_event, self._killed)]

    def add_kill(
        self,
        time_ms: int,
        key: str,
        kills: float,
        group_kills: float | None,
        evidence: KillEvidence = NO_EVIDENCE,
        *,
        is_final: bool = True,
    ) -> list[Event]:
        """Add the OOM kill counters of a container, read after the last tick; return an event if they grew.

        `key`: key of the container; it is ignored if the last tick does not have it. `group_kills`: None if unknown.
        `evidence`: what was read with them; `is_final`: whether the counters were read after the kill. If not, the next
        tick reports it.
        """
        if self._state.newest(key) is None:
            return []
        values = np.full(len(NEEDED_COLUMNS), np.nan)
        values[[*COUNTERS]] = kills, np.nan if group_kills is None else group_kills
        around = Surroundings(*self._state.current)
        events = self._oom_kills.add_kill(time_ms, key, around, values, evidence, is_final=is_final)
        self._killed.update(kill.series for kill in events)
        return events

    def is_alive(self, key: str) -> bool:
        """Return whether a container has started and its exit was not reported yet."""
        return self._lives.is_alive(key)

    def suspend(self, asleep_ms: float) -> None:
        """Add a time for which the machine was suspended before the next tick, which shows it as a gap."""
        self._asleep_ms += asleep_ms

    def step_clock(self, time_ms: int, step_ms: float) -> list[Event]:
        """Add a step of the wall clock; return its events.

        The step is not part of a gap: only ticks that are missing after it are.

        `time_ms`: time after the step; `step_ms`: negative if the clock was set back.
        """
        events = [*self._end_episodes(), _clock_step(time_ms, step_ms)]
        self._state.shift(round(step_ms))
        self._lives.shift(round(step_ms))
        if self._last_ms is not None:
            self._last_ms = max(self._last_ms + round(step_ms), time_ms - self._interval_ms)
        return events

    def _end_episodes(self) -> list[Event]:
        return [event for episodes in self._episodes for event in episodes.end_all()]


def _with_cause(event: Event, killed: set[str]) -> Event:
    """Return an event. If it is the exit of a container in `killed`, it names the OOM kill as the cause."""
    if event.kind != "exit" or event.series not in killed:
        return event
    return replace(event, what=event.what.replace("ended", "ended by an OOM kill", 1), after={"oom_killed": 1})


def _gap(last_ms: int, time_ms: int, interval_ms: int, asleep_ms: float) -> Event:
    missed = (time_ms - last_ms) // interval_ms - 1
    what = f"nothing was recorded for {duration(time_ms - last_ms)}: {count(missed, 'tick is', 'ticks are')} missing"
    after: dict[str, Value] = {"tick_ms": time_ms}
    if asleep_ms:
        what = f"the node was suspended for {duration(asleep_ms)}, and nothing was recorded"
        after["suspended_ms"] = round(asleep_ms)
    return Event(time_ms, "gap", NODE, what, {"tick_ms": last_ms}, after)


def _clock_step(time_ms: int, step_ms: float) -> Event:
    direction = "forward" if step_ms > 0 else "back"
    what = f"the wall clock was set {direction} by {duration(abs(step_ms))}"
    return Event(time_ms, "clock_step", NODE, what, {"clock_ms": round(time_ms - step_ms)}, {"clock_ms": time_ms})


def _set_back(last_ms: int, time_ms: int) -> list[Event]:
    """Return the events of a tick that is not later than the last tick of the run before: the clock was set between."""
    at_least = f"the wall clock was set back by at least {duration(last_ms - time_ms)} while nothing was recorded"
    step = Event(time_ms, "clock_step", NODE, at_least, {"clock_ms": last_ms}, {"clock_ms": time_ms})
    what = "nothing was recorded for an unknown time, in which the wall clock was set back"
    return [step, Event(time_ms, "gap", NODE, what, {}, {"tick_ms": time_ms})]
