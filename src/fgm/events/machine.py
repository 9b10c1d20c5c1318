"""Derives events from ticks that follow one another. Synchronous and pure; the ticks bring the time.

The first tick is only looked at, so what is alive in it was not "started". Whoever has the last tick of an earlier run
gives that first: what came, ended and changed since is told then, and that nothing was recorded in between.
"""

from collections.abc import Sequence
from dataclasses import replace

from fgm.events.limits import limit_changes
from fgm.events.lives import Lives
from fgm.events.oom import OomKills
from fgm.events.throttling import Throttling
from fgm.events.watched import OOM_KILLS, Floats, Memory
from fgm.events.wording import count, duration
from fgm.metrics.rates import gap_ms
from fgm.store.events.event import Event
from fgm.store.samples.series import Series

NODE = "node"
"""The series of what concerns all."""


class EventMachine:
    """Everything that has to be known of the ticks before."""

    def __init__(self, columns: Sequence[str], interval_ms: int) -> None:
        """`columns`: what the rows of the ticks have behind `late_ms`."""
        self._interval_ms = interval_ms
        self._last_ms: int | None = None
        self._memory = Memory(columns)
        self._lives = Lives()
        self._oom_kills = OomKills(interval_ms)
        self._throttling = Throttling()
        self._killed: set[str] = set()

    def see(self, time_ms: int, series: tuple[Series, ...], rows: Floats) -> list[Event]:
        """Take the next tick; return what happened since the one before, or a little earlier.

        `rows`: float64[len(series), 1 + columns], `late_ms` first, NaN for null. Pass the same tuple while the series
        are the same: that is cheap.
        """
        look = self._memory.look(time_ms, series, rows)
        last_ms, self._last_ms = self._last_ms, time_ms
        if last_ms is None:
            self._lives.begin(look)
            self._memory.keep(look)
            return []
        found: list[Event] = []
        if time_ms - last_ms > gap_ms(self._interval_ms):
            look.gap_ms = time_ms - last_ms
            found += self._throttling.stop()
            found.append(_gap(last_ms, time_ms, self._interval_ms))
        lives = self._lives.see(look, self._memory)
        kills = self._oom_kills.see(look, self._memory, self._lives)
        killed_before, self._killed = self._killed, {kill.series for kill in kills}
        lives = [_with_cause(event, self._killed | killed_before) for event in lives]
        throttled = self._throttling.see(look)
        changes = limit_changes(look, self._lives.born_ms)
        self._memory.keep(look)
        return [*found, *changes, *throttled, *kills, *lives]

    def see_end(self, time_ms: int, series: Series, row: Floats) -> list[Event]:
        """Take what was read between two ticks of a container whose last process has ended; the tick will know it."""
        there, known = self._memory.known(series.key)
        end = self._lives.end(series, time_ms, known)
        if end is None or known is None:
            return [] if end is None else [end]
        kills = self._oom_kills.see_kill(time_ms, series.key, there, known, float(self._memory.values(row)[OOM_KILLS]))
        self._killed.update(kill.series for kill in kills)
        return [*kills, _with_cause(end, self._killed)]

    def see_kill(self, time_ms: int, key: str, kills: float) -> list[Event]:
        """Take what the counter of a container, that was in the last tick, says between two ticks."""
        there, known = self._memory.known(key)
        found = [] if known is None else self._oom_kills.see_kill(time_ms, key, there, known, kills)
        self._killed.update(kill.series for kill in found)
        return found

    def step_clock(self, time_ms: int, step_ms: float) -> list[Event]:
        """Note that somebody set the wall clock, which shows `time_ms` since; the next tick follows it."""
        found = [*self._throttling.stop(), _clock_step(time_ms, step_ms)]
        if self._last_ms is not None:
            self._last_ms = max(self._last_ms + round(step_ms), time_ms - self._interval_ms)
        return found


def _with_cause(event: Event, killed: set[str]) -> Event:
    """Return an exit that says that it was an OOM kill, where it was."""
    if event.kind != "exit" or event.series not in killed:
        return event
    return replace(event, what=event.what.replace("ended", "ended by an OOM kill", 1), after={"oom_killed": 1})


def _gap(last_ms: int, time_ms: int, interval_ms: int) -> Event:
    missed = (time_ms - last_ms) // interval_ms - 1
    what = f"nothing was recorded for {duration(time_ms - last_ms)}: {count(missed, 'tick is', 'ticks are')} missing"
    return Event(time_ms, "gap", NODE, what, {"tick_ms": last_ms}, {"tick_ms": time_ms})


def _clock_step(time_ms: int, step_ms: float) -> Event:
    direction = "forward" if step_ms > 0 else "back"
    what = f"the wall clock was set {direction} by {duration(abs(step_ms))}"
    return Event(time_ms, "clock_step", NODE, what, {"clock_ms": round(time_ms - step_ms)}, {"clock_ms": time_ms})
