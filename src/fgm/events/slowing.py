"""Events for times in which the kernel kept slowing a cgroup down for its memory: at memory.high, or its network."""

import numpy as np

from fgm.events.columns import HIGH_DEPTH, HIGH_EVENTS, MEMORY, SMALLEST_MEMORY_HIGH, SOCK_THROTTLED
from fgm.events.episodes import Episode, Episodes
from fgm.events.groups import owner_name, path_at
from fgm.events.series_state import TickStep
from fgm.events.wording import count, duration, plain, size
from fgm.store.events.event import Event, Kind, Value


class MemorySlowing(Episodes):
    """Finds the beginnings and ends of slowing at memory.high."""

    def __init__(self) -> None:
        super().__init__(HIGH_EVENTS, is_hierarchical=True)

    def _began(self, step: TickStep, position: int, episode: Episode) -> Event:
        series = step.series[position]
        high, depth = step.now[position, SMALLEST_MEMORY_HIGH], step.now[position, HIGH_DEPTH]
        limit = ""
        facts: dict[str, Value] = {"slowed": plain(episode.count)}
        if np.isfinite(high):
            limit = f" of {size(float(high))}"
            if not np.isnan(depth):
                limit += f", {owner_name(series, path_at(series, int(depth)), step.series)} limit"
            facts["memory.high"] = plain(float(high))
        held = step.now[position, MEMORY]
        memory = "" if np.isnan(held) else f"; its memory was {size(float(held))}"
        what = f"slowed at memory.high{limit}: {count(episode.count, 'time', 'times')}{memory}"
        return Event(_began_ms(episode), "memory_high_began", series.key, what, {}, facts)

    def _ended(self, episode: Episode, began_ms: int) -> Event:
        return _end("memory_high_ended", "slowing at memory.high", "slowed", episode, began_ms)


class NetworkSlowing(Episodes):
    """Finds the beginnings and ends of slowing of a network by memory pressure. Since Linux 6.19."""

    def __init__(self) -> None:
        super().__init__(SOCK_THROTTLED, is_hierarchical=True)

    def _began(self, step: TickStep, position: int, episode: Episode) -> Event:
        what = f"network slowed by memory pressure: sockets were held back {count(episode.count, 'time', 'times')}"
        facts: dict[str, Value] = {"slowed": plain(episode.count)}
        return Event(_began_ms(episode), "network_slowed_began", step.series[position].key, what, {}, facts)

    def _ended(self, episode: Episode, began_ms: int) -> Event:
        return _end("network_slowed_ended", "slowing of the network by memory pressure", "held back", episode, began_ms)


def _began_ms(episode: Episode) -> int:
    assert episode.began_ms is not None
    return episode.began_ms


def _end(kind: Kind, title: str, done: str, episode: Episode, began_ms: int) -> Event:
    passed = duration(episode.last_ms - began_ms)
    what = f"{title} ended after {passed}: {done} {count(episode.count, 'time', 'times')}"
    before: dict[str, Value] = {"began_ms": began_ms, "slowed": plain(episode.count)}
    return Event(episode.last_ms, kind, episode.series.key, what, before)
