"""Starts, exits and restarts of containers, and of services that had run for a while."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from fgm.events.columns import MEMORY, Floats
from fgm.events.series_state import SeriesState, TickStep
from fgm.events.wording import duration, in_gap, plain, size
from fgm.store.events.event import Event, Value
from fgm.store.samples.series import SHORT_ID_LENGTH, Series

FOLLOWS_WITHIN_MS = 15 * 60_000
"""Maximum time between an exit and its restart. A later start is a new container.

The kubelet waits up to 5 min between restarts.
"""
MIN_SERVICE_MS = 60_000
"""Minimum age of a service for its exit to be an event. Timers start others, which run for seconds, all the time."""
_MAX_EXITED = 500
"""Maximum number of exited containers that are remembered until a container replaces them."""


class Exited(NamedTuple):
    """A container or service that exited.

    `memory`: its last `memory.current` in bytes; 0 if unknown. `event`: its exit.
    """

    series: Series
    time_ms: int
    memory: float
    event: Event


@dataclass(slots=True)
class Lives:
    """The running containers and services, and the exited ones that another container may still replace."""

    born_ms: dict[str, int] = field(default_factory=dict)
    """Time of the first tick of each running container, by key. Containers of the very first tick have no entry."""
    exited_now: list[Exited] = field(default_factory=list)
    """Exits that were found at the newest tick or after it."""
    exited_before: list[Exited] = field(default_factory=list)
    """Exits that were found at the tick before the newest, or after that tick."""
    _alive: dict[str, Series] = field(default_factory=dict)
    _last_series: tuple[Series, ...] | None = None
    _last_dead: bytes = b""
    _sandboxes: frozenset[str] = frozenset()
    _without_successor: dict[str, Exited] = field(default_factory=dict)

    @property
    def exited(self) -> list[Exited]:
        """Exits of the last two ticks, the older ones first."""
        return [*self.exited_before, *self.exited_now]

    def begin(self, step: TickStep) -> None:
        """Start with the first tick. Its containers get no start event, because they may have run before."""
        self._alive = dict(_living(step))
        self._sandboxes = _sandboxes(step)
        self._last_series, self._last_dead = step.series, step.is_dead.tobytes()

    def is_alive(self, key: str) -> bool:
        """Return whether a container runs, as far as is known."""
        return key in self._alive

    def shift(self, step_ms: int) -> None:
        """Follow a step of the wall clock, so that ages of containers and times since exits stay right."""
        self.born_ms = {key: born_ms + step_ms for key, born_ms in self.born_ms.items()}
        self._without_successor = {
            key: exited._replace(time_ms=exited.time_ms + step_ms) for key, exited in self._without_successor.items()
        }

    def update(self, step: TickStep, state: SeriesState) -> list[Event]:
        """Return the events of containers and services that exited or started between the last tick and this one."""
        self.exited_before, self.exited_now = self.exited_now, []
        if step.series is self._last_series and step.is_dead.tobytes() == self._last_dead and not step.replaced:
            return []
        self._last_series, self._last_dead = step.series, step.is_dead.tobytes()
        before, self._alive = self._alive, dict(_living(step))
        positions = {series.key: i for i, series in enumerate(step.series)}
        exits = [
            self._exit(before.pop(key), step.time_ms, step.replaced[key], step.gap_ms)
            for key in step.replaced
            if key in before and key in self._alive
        ]
        for key in [key for key in before if key not in self._alive]:
            position = positions.get(key)
            if position is not None and step.series[position].scope == "sandbox":
                self.born_ms.pop(key, None)  # it turned out to be a sandbox; it did not exit
            else:
                exits.append(self._exit_at_tick(step, state, before[key], position))
        sandboxes, self._sandboxes = self._sandboxes, _sandboxes(step)
        # A sandbox that turned out to be used is recorded as a container from now on; it did not start.
        started = [series for key, series in self._alive.items() if key not in before and key not in sandboxes]
        return [event for event in (*exits, *(self._start(step, series) for series in started)) if event is not None]

    def add_exit(self, series: Series, time_ms: int, newest: Floats | None) -> Event | None:
        """Add an exit that was noticed between two ticks; return its event, or None if the exit is already known.

        `newest`: last known values of the container, one for each of NEEDED_COLUMNS.
        """
        if series.key not in self._alive:
            return None
        del self._alive[series.key]
        self._last_series = None
        return self._exit(series, time_ms, newest, 0)

    def _exit_at_tick(self, step: TickStep, state: SeriesState, series: Series, position: int | None) -> Event | None:
        time_ms = step.time_ms
        if position is not None and step.late_ms[position] < 0:  # its row was read when its last process exited
            time_ms += round(float(step.late_ms[position]))
        newest = step.before[position] if position is not None else state.absent(series.key)
        return self._exit(series, time_ms, newest, step.gap_ms)

    def _exit(self, series: Series, time_ms: int, newest: Floats | None, gap_ms: int) -> Event | None:
        before: dict[str, float] = {}
        what = "ended"
        born_ms = self.born_ms.pop(series.key, None)
        if gap_ms:
            what += in_gap(gap_ms)
        elif born_ms is not None:
            what += f" after {duration(max(0, time_ms - born_ms))}"
        if newest is not None and newest[MEMORY] >= 0:
            before["memory.current"] = plain(float(newest[MEMORY]))
            what += f"; its memory was {size(before['memory.current'])}"
        event = Event(time_ms, "exit", series.key, what, before)
        exited = Exited(series, time_ms, before.get("memory.current", 0.0), event)
        self.exited_now.append(exited)
        if series.scope == "cgroup" and born_ms is not None and time_ms - born_ms < MIN_SERVICE_MS:
            return None
        self._without_successor.pop(series.key, None)  # so that the newest exit is the last one in the dict
        self._without_successor[series.key] = exited
        if len(self._without_successor) > _MAX_EXITED:
            del self._without_successor[next(iter(self._without_successor))]
        return event

    def _start(self, step: TickStep, series: Series) -> Event | None:
        self.born_ms[series.key] = step.time_ms
        earlier = self._predecessor(series, step.time_ms)
        if earlier is None and series.scope == "cgroup":
            return None
        if earlier is None:
            return Event(step.time_ms, "start", series.key, f"started{in_gap(step.gap_ms)}")
        del self._without_successor[earlier.series.key]
        passed = duration(max(0, step.time_ms - earlier.time_ms))
        before: dict[str, Value] = {"container": earlier.series.key, "ended_ms": earlier.time_ms}
        follows = f"it follows {earlier.series.key[:SHORT_ID_LENGTH]}, which ended {passed} before"
        if series.scope == "cgroup":
            follows = f"it ended {passed} before"
        what = f"restarted{in_gap(step.gap_ms)}: {follows}"
        return Event(step.time_ms, "restart", series.key, what, before, {"container": series.key})

    def _predecessor(self, series: Series, time_ms: int) -> Exited | None:
        """Return the exited container that a new one replaces; None if there is none.

        It is the container itself if that runs again, else the last exited one that matches.
        """
        if series.key in self._without_successor:
            return self._without_successor[series.key]
        newest_first = reversed(self._without_successor.values())
        recent = (exited for exited in newest_first if time_ms - exited.time_ms <= FOLLOWS_WITHIN_MS)
        return next((exited for exited in recent if _may_follow(series, exited.series)), None)


def _sandboxes(step: TickStep) -> frozenset[str]:
    return frozenset(series.key for series in step.series if series.scope == "sandbox")


def names_differ(container: Series, other: Series) -> bool:
    """Return whether two containers have known names that differ. Then neither can have replaced the other."""
    if container.container_name is None or other.container_name is None:
        return False
    return container.container_name != other.container_name


def _may_follow(new: Series, old: Series) -> bool:
    if names_differ(new, old):
        return False
    if new.pod_uid is not None or old.pod_uid is not None:
        return new.pod_uid == old.pod_uid
    return new.container_name is not None and new.container_name == old.container_name


def _living(step: TickStep) -> Iterator[tuple[str, Series]]:
    for series, is_dead in zip(step.series, step.is_dead.tolist(), strict=True):
        if not is_dead and (series.scope == "container" or _is_service(series)):
            yield series.key, series


def _is_service(series: Series) -> bool:
    return series.scope == "cgroup" and (series.cgroup or "").endswith(".service")
