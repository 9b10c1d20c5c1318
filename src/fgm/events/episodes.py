"""Episodes: times in which a counter of a series kept growing, such as that of its throttled periods.

An episode begins when the counter grew by BEGIN_COUNT within BEGIN_WITHIN_MS. It ends when it did not grow for
QUIET_MS. What a group counts because of a group below it is no episode of its own.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from fgm.events.columns import Floats
from fgm.events.groups import parents_of
from fgm.events.series_state import TickStep
from fgm.store.events.event import Event
from fgm.store.samples.series import Series

BEGIN_COUNT = 5
"""Minimum growth of the counter within BEGIN_WITHIN_MS for an episode to begin."""
MIN_OWN_SHARE = 0.1
"""Minimum share of the growth of a group that the groups below it do not explain, for an episode to begin.

The counters of a group and of those below it are read some milliseconds apart. A counter of memory.events may grow by
thousands in a second, so that the difference alone proves nothing.
"""
BEGIN_WITHIN_MS = 10_000
QUIET_MS = 30_000
"""Minimum time without growth for an episode to end."""


@dataclass(slots=True)
class Episode:
    """The episode of one series. `began_ms`: None if it has not begun; `count`, `amount`: sums since it began."""

    series: Series
    recent: deque[tuple[int, float, float, float]] = field(default_factory=deque)
    """Time, growth, growth of the amount, and growth of groups below, of each tick; empty after it began."""
    began_ms: int | None = None
    last_ms: int = 0
    count: float = 0
    amount: float = 0


class Episodes(ABC):
    """Finds the beginnings and ends of episodes of one kind. Remembers the series whose counter grew recently."""

    def __init__(self, counter: int, amount: int | None = None, *, is_hierarchical: bool = False) -> None:
        """`counter`: its column; `amount`: column of a second counter that is added up.

        `is_hierarchical`: whether the counter of a group includes those of the groups below it.
        """
        self._counter = counter
        self._is_hierarchical = is_hierarchical
        self._amount = amount
        self._episodes: dict[str, Episode] = {}
        self._series: tuple[Series, ...] = ()
        self._parents: list[int | None] = []

    def update(self, step: TickStep) -> list[Event]:
        """Return the beginnings and ends that this tick reveals. Their times may be earlier."""
        growth = step.growth(self._counter)
        if step.gap_ms:
            return []
        positions = np.flatnonzero(growth > 0).tolist()
        if not positions and not self._episodes:
            return []
        parents = self._parents_in(step) if len(positions) > 1 else ()
        amounts = np.zeros(len(growth)) if self._amount is None else np.fmax(step.growth(self._amount), 0)
        events = []
        for i in positions:
            if step.series[i].scope in ("container", "pod", "cgroup"):
                below = self._below(i, positions, growth, parents)
                events += self._add(step, i, float(growth[i]), float(amounts[i]), below)
        alive = {s.key for s, is_dead in zip(step.series, step.is_dead.tolist(), strict=True) if not is_dead}
        for key, episode in list(self._episodes.items()):
            if key not in alive or step.time_ms - episode.last_ms >= QUIET_MS:
                events += self._end(key)
        return events

    def end_all(self) -> list[Event]:
        """End all episodes, because of a gap or a clock step; return the events."""
        return [event for key in list(self._episodes) for event in self._end(key)]

    @abstractmethod
    def _began(self, step: TickStep, position: int, episode: Episode) -> Event:
        """Return the event for an episode that begins."""

    @abstractmethod
    def _ended(self, episode: Episode, began_ms: int) -> Event:
        """Return the event for an episode that ends."""

    def _parents_in(self, step: TickStep) -> Sequence[int | None]:
        if step.series is not self._series:
            self._series, self._parents = step.series, parents_of(step.series)
        return self._parents

    def _below(self, group: int, positions: Sequence[int], growth: Floats, parents: Sequence[int | None]) -> float:
        """Return how much of the growth of a group the groups below it explain."""
        if not parents:
            return 0.0
        if self._is_hierarchical:
            return sum(float(growth[i]) for i in positions if parents[i] == group)
        return max((float(growth[i]) for i in positions if _is_below(i, group, parents)), default=0.0)

    def _add(self, step: TickStep, position: int, growth: float, amount: float, below: float) -> list[Event]:
        series = step.series[position]
        episode = self._episodes.get(series.key)
        if episode is None:
            episode = self._episodes[series.key] = Episode(series)
        episode.last_ms = step.time_ms
        if episode.began_ms is not None:
            episode.count += growth
            episode.amount += amount
            return []
        episode.recent.append((step.time_ms, growth, amount, below))
        while step.time_ms - episode.recent[0][0] > BEGIN_WITHIN_MS:
            episode.recent.popleft()
        _, counts, sums, explained = (sum(column) for column in zip(*episode.recent, strict=True))
        if counts - explained < max(BEGIN_COUNT, MIN_OWN_SHARE * counts):
            return []
        episode.began_ms, episode.count, episode.amount = episode.recent[0][0], counts, sums
        episode.recent.clear()
        return [self._began(step, position, episode)]

    def _end(self, key: str) -> list[Event]:
        episode = self._episodes.pop(key)
        return [] if episode.began_ms is None else [self._ended(episode, episode.began_ms)]


def _is_below(position: int, group: int, parents: Sequence[int | None]) -> bool:
    above = parents[position]
    return above is not None and (above == group or _is_below(above, group, parents))
