"""Counts of OOM kills as the kernel counts them, and the number of processes that they stand for.

If the kernel kills a whole cgroup (memory.oom.group), it kills and counts the first process twice: for itself, and with
the group. Without a group, or before Linux 5.17, which has no counter of group kills, the counter is the number.

Source: oom_kill_process() in mm/oom_kill.c.
"""

from dataclasses import dataclass, field
from typing import NamedTuple


class OomCounts(NamedTuple):
    """Growth of the counters `oom_kill` and `oom_group_kill` of a cgroup."""

    kills: int = 0
    group_kills: int = 0

    def plus(self, other: "OomCounts") -> "OomCounts":
        """Return the sum of both."""
        return OomCounts(self.kills + other.kills, self.group_kills + other.group_kills)

    def minus(self, other: "OomCounts") -> "OomCounts":
        """Return the difference of both."""
        return OomCounts(self.kills - other.kills, self.group_kills - other.group_kills)

    @property
    def positive(self) -> "OomCounts":
        """The counts, with 0 for negative ones."""
        return OomCounts(max(0, self.kills), max(0, self.group_kills))

    @property
    def processes(self) -> int:
        """The number of killed processes.

        A process that is gone before its group is killed is counted once. But each group kill has killed a process.
        """
        return max(self.kills - self.group_kills, min(self.kills, self.group_kills))


@dataclass(slots=True)
class _Episode:
    counts: OomCounts = field(default_factory=OomCounts)
    reported: int = 0
    is_quiet: bool = False


@dataclass(slots=True)
class OomEpisodes:
    """Kills that follow each other within two ticks, by series key.

    The counters may be read in the middle of a group kill. So the number of processes is computed from the counts of
    the whole episode, and an event has what was not reported before.
    """

    _episodes: dict[str, _Episode] = field(default_factory=dict)

    def add(self, key: str, counts: OomCounts) -> int:
        """Add counts of a series; return the number of killed processes that were not reported before."""
        episode = self._episodes.setdefault(key, _Episode())
        episode.counts, episode.is_quiet = episode.counts.plus(counts), False
        unreported = max(0, episode.counts.processes - episode.reported)
        episode.reported += unreported
        return unreported

    def end_tick(self) -> None:
        """End the episodes to which nothing was added since the tick before."""
        for key, episode in list(self._episodes.items()):
            if episode.is_quiet:
                del self._episodes[key]
            episode.is_quiet = True
