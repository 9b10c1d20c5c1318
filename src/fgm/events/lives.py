"""Starts, ends and restarts of containers."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from fgm.events.watched import MEMORY, Floats, Look, Memory
from fgm.events.wording import duration, plain, size
from fgm.store.events.event import Event, Value
from fgm.store.samples.series import SHORT_ID_LENGTH, Series

FOLLOWS_WITHIN_MS = 15 * 60_000
"""A container follows one that ended at most so long ago: the kubelet waits up to 5 min between restarts."""
_MOST_ENDED = 500


class Ended(NamedTuple):
    """A container that ended. `memory`: what was known last of it."""

    series: Series
    time_ms: int
    memory: float


@dataclass(slots=True)
class Lives:
    """The living containers, and those whose successor may come. `born_ms`: when what is alive was first seen alive."""

    born_ms: dict[str, int] = field(default_factory=dict)
    just_ended: list[Ended] = field(default_factory=list)
    """Those of the newest tick, and since."""
    ended_before: list[Ended] = field(default_factory=list)
    """Those of the tick before it."""
    _alive: dict[str, Series] = field(default_factory=dict)
    _seen: tuple[Series, ...] | None = None
    _seen_dead: bytes = b""
    _since_ms: int = 0
    _waiting: dict[str, Ended] = field(default_factory=dict)

    def begin(self, look: Look) -> None:
        """Take the first tick."""
        self._alive = _alive(look)
        self._seen, self._seen_dead, self._since_ms = look.series, look.dead.tobytes(), look.time_ms

    def see(self, look: Look, memory: Memory) -> list[Event]:
        """Return what started and ended."""
        self.ended_before, self.just_ended = self.just_ended, []
        if look.series is self._seen and look.dead.tobytes() == self._seen_dead:
            return []
        self._seen, self._seen_dead = look.series, look.dead.tobytes()
        before, self._alive = self._alive, _alive(look)
        places = {series.key: i for i, series in enumerate(look.series)}
        found = []
        for key in before.keys() - self._alive.keys():
            place = places.get(key)
            if place is not None and look.series[place].scope == "sandbox":  # it was recognised; it has not ended
                self.born_ms.pop(key, None)
            else:
                found.append(self._end_at_tick(look, memory, before[key], place))
        found += [self._start(look, series) for key, series in self._alive.items() if key not in before]
        return found

    def end(self, series: Series, time_ms: int, row: Floats | None) -> Event | None:
        """Return that a container ended, None where that is known. `row`: what was known last of it."""
        if series.key not in self._alive:
            return None
        del self._alive[series.key]
        self._seen = None
        return self._end(series, time_ms, row, 0)

    def _end_at_tick(self, look: Look, memory: Memory, series: Series, place: int | None) -> Event:
        time_ms = look.time_ms
        if place is not None and look.late_ms[place] < 0:  # it was read when it ended
            time_ms += round(float(look.late_ms[place]))
        row = look.before[place] if place is not None else memory.last(series.key)
        return self._end(series, time_ms, row, look.gap_ms)

    def _end(self, series: Series, time_ms: int, row: Floats | None, gap_ms: int) -> Event:
        before: dict[str, float] = {}
        what = "ended"
        born_ms = self.born_ms.pop(series.key, None)
        if gap_ms:
            what += f" while nothing was recorded ({duration(gap_ms)})"
        elif born_ms is not None:
            what += f" after {duration(max(0, time_ms - born_ms))}"
        if row is not None and row[MEMORY] >= 0:
            before["memory.current"] = plain(float(row[MEMORY]))
            what += f"; its memory was {size(before['memory.current'])}"
        ended = Ended(series, time_ms, before.get("memory.current", 0.0))
        self.just_ended.append(ended)
        self._waiting.pop(series.key, None)
        self._waiting[series.key] = ended
        if len(self._waiting) > _MOST_ENDED:
            del self._waiting[next(iter(self._waiting))]
        return Event(time_ms, "exit", series.key, what, before)

    def _start(self, look: Look, series: Series) -> Event:
        self.born_ms[series.key] = look.time_ms
        while_unseen = f" while nothing was recorded ({duration(look.gap_ms)})" if look.gap_ms else ""
        earlier = self._predecessor(series, look.time_ms)
        if earlier is None:
            return Event(look.time_ms, "start", series.key, f"started{while_unseen}")
        del self._waiting[earlier.series.key]
        passed = duration(max(0, look.time_ms - earlier.time_ms))
        known: dict[str, Value] = {"container": earlier.series.key, "ended_ms": earlier.time_ms}
        what = (
            f"restarted{while_unseen}: it follows {earlier.series.key[:SHORT_ID_LENGTH]}, which ended {passed} before"
        )
        return Event(look.time_ms, "restart", series.key, what, known, {"container": series.key})

    def _predecessor(self, series: Series, time_ms: int) -> Ended | None:
        """Return who ended and is followed by a new container, the last such; None: nobody."""
        if series.key in self._waiting:
            return self._waiting[series.key]
        recent = (e for e in reversed(self._waiting.values()) if time_ms - e.time_ms <= FOLLOWS_WITHIN_MS)
        return next((ended for ended in recent if _may_follow(series, ended.series)), None)


def names_differ(one: Series, other: Series) -> bool:
    """Say whether two containers are known to be of different names, and so no successors of each other."""
    return None not in (one.container_name, other.container_name) and one.container_name != other.container_name


def _may_follow(new: Series, old: Series) -> bool:
    if names_differ(new, old):
        return False
    if new.pod_uid is not None or old.pod_uid is not None:
        return new.pod_uid == old.pod_uid
    return new.container_name is not None and new.container_name == old.container_name


def _alive(look: Look) -> dict[str, Series]:
    return dict(_containers(look))


def _containers(look: Look) -> Iterator[tuple[str, Series]]:
    for series, dead in zip(look.series, look.dead.tolist(), strict=True):
        if series.scope == "container" and not dead:
            yield series.key, series
