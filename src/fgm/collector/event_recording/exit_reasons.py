"""Joins the reasons of exits, which the kubelet reports, to the exits that are derived from ticks.

Readers merge the events of one exit, and take the time of the first. The kubelet's time is rounded down to a second, so
the derived exit is written first: otherwise an exit could seem to come before the OOM kill that caused it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fgm.store.events.event import Event, exit_text

MAX_EXITS = 500
"""Maximum number of exits that are remembered, so that a reason that arrives later gets the same time."""
MAX_TICKS = 3
"""Maximum number of ticks that a reason waits for the exit. Then it is written with the time of the kubelet."""


@dataclass(slots=True)
class ExitReasons:
    """The recent exits, and the reasons that wait for their exit. Pure."""

    _exits: dict[str, Event] = field(default_factory=dict)
    _waiting: dict[str, tuple[Event, int]] = field(default_factory=dict)
    """By series key: the reason, and for how many ticks it waits."""

    def wait(self, reason: Event) -> None:
        """Keep a reason until the exit of its series is written."""
        self._waiting[reason.series] = (reason, MAX_TICKS)

    def complete(self, reason: Event) -> Event:
        """Return a reason with the time and the cause of the derived exit, if there is one."""
        exited = self._exits.get(reason.series)
        if exited is None:
            return reason
        # Readers merge only events of one day's file, so the time must be the same.
        what = exit_text({**exited.after, **reason.after}) or reason.what
        return replace(reason, time_ms=exited.time_ms, what=what)

    def add_to(self, events: Sequence[Event]) -> list[Event]:
        """Return events to write, with the reason behind each exit for which one waits. Remember the exits."""
        result = []
        for event in events:
            result.append(event)
            if event.kind == "exit" and "finished_ms" not in event.after:
                self._exits.pop(event.series, None)
                self._exits[event.series] = event
                if event.series in self._waiting:
                    result.append(self.complete(self._waiting.pop(event.series)[0]))
        while len(self._exits) > MAX_EXITS:
            del self._exits[next(iter(self._exits))]
        return result

    def take_late(self) -> list[Event]:
        """Call it after each tick. Return the reasons that have waited too long."""
        late = [reason for reason, ticks in self._waiting.values() if ticks <= 1]
        self._waiting = {key: (reason, ticks - 1) for key, (reason, ticks) in self._waiting.items() if ticks > 1}
        return late

    def take_all(self) -> list[Event]:
        """Return all reasons that wait."""
        reasons = [reason for reason, _ in self._waiting.values()]
        self._waiting.clear()
        return reasons
