"""Finds the top processes of each container by CPU time and by memory, from /proc/<pid>/stat."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from heapq import nlargest

from fgm.collector.processes.host_units import Host
from fgm.collector.processes.proc_files import ENDED, open_files, read
from fgm.collector.processes.turns import Budget, Turns
from fgm.collector.sampling.process_list import AnyListing
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.parse.errors import ParseError
from fgm.parse.processes.process import ProcessStat, pid_stat
from fgm.store.tables.table_rows import ProcessRow

EVERY_S = 10.0
"""Minimum interval between two rounds of a container."""
CLOSE_EVERY_S = 1.0
"""The same for a container in trouble. There is a step every two seconds, so this makes a round in each."""
EMPTY_EVERY_S = 30.0
"""The same for a cgroup that had no process, as most pods: all their processes are in their containers."""
REMEMBERED_S = 30.0
"""Time for which processes are remembered that are gone, so that an OOM kill can name them."""
BUDGET_S_PER_S = 0.004
"""Maximum time spent on reading, in seconds per second."""
TOP = 10
"""Number of processes that are recorded for their CPU time, and the same number for their memory."""
MAX_PER_ROUND = 500
"""Maximum number of processes to read in one round of a container, in addition to its last top processes.

Half of them are new ones, if there are so many, the newest first. The others follow in the next rounds.
"""


@dataclass(frozen=True, slots=True)
class Visit:
    """A process that was read. `at`: time of the read in seconds since boot; `cpu_rate`: CPU seconds per second.

    The rate includes children that have ended, so that a process is recorded that starts many short-lived ones.
    """

    stat: ProcessStat
    at: float
    cpu_rate: float


@dataclass(slots=True)
class _Container:
    """The last round of a container. `earlier`: its processes at the round before that are not in this one.

    `known`: processes that were read, if there are too many for a round; `next`: index of the first of them to read in
    the next round.
    """

    visits: dict[int, Visit] = field(default_factory=dict)
    earlier: dict[int, Visit] = field(default_factory=dict)
    top: list[int] = field(default_factory=list)
    known: set[int] = field(default_factory=set)
    next: int = 0


class TopReader:
    """Finds the top processes of each container, reading a few per step. Used by one thread at a time.

    `largest`: for each container's key, its process with the most resident memory.
    """

    def __init__(self, host: Host, counts: ReadCounts) -> None:
        self.largest: dict[str, ProcessStat] = {}
        self._host = host
        self._counts = counts
        self._budget = Budget(BUDGET_S_PER_S)
        self._turns: Turns[dict[int, Visit]] = Turns(EVERY_S, dict, self._choose)
        self._containers: dict[str, _Container] = {}
        self._in_trouble: set[str] = set()
        self._ended: dict[str, tuple[float, _Container]] = {}

    def step(
        self, listings: Mapping[str, AnyListing], time_ms: int, in_trouble: AbstractSet[str] = frozenset()
    ) -> list[ProcessRow]:
        """Read as much as the budget allows; return the rows of the containers whose round is complete.

        `in_trouble`: keys of the containers to read more often.
        """
        clock, rows = self._host.since_boot, list[ProcessRow]()
        for key in self._containers.keys() - listings.keys():
            self._ended[key] = clock(), self._containers.pop(key)
            self.largest.pop(key, None)
        self._ended = {key: ended for key, ended in self._ended.items() if clock() - ended[0] <= REMEMBERED_S}
        self._turns.hasten(in_trouble - self._in_trouble, clock())
        self._in_trouble = set(in_trouble)
        self._turns.update(listings, clock())
        while self._budget.is_left(began := clock()) and (turn := self._turns.next()) is not None:
            key, current = turn
            pid = current.next_pid()
            if pid is not None:
                self._visit(key, pid, current.result)
            if not current.pending:
                self._turns.end(key, clock(), self._rest_s(key, current.result))
                rows += self._finish(key, current.listing, current.result, time_ms)
            self._budget.spend(clock() - began)
        return rows

    def _rest_s(self, key: str, visits: Mapping[int, Visit]) -> float:
        if key in self._in_trouble:
            return CLOSE_EVERY_S
        return EVERY_S if visits else EMPTY_EVERY_S

    def last_seen(self, key: str) -> Mapping[int, Visit]:
        """Return the processes of a series at its last two readings, by pid, for a while also after its end.

        Thread-safe.
        """
        container = self._containers.get(key) or self._ended.get(key, (0.0, None))[1]
        if container is None:
            return {}
        oldest = self._host.since_boot() - REMEMBERED_S
        return {pid: visit for pid, visit in {**container.earlier, **container.visits}.items() if visit.at >= oldest}

    def _choose(self, key: str, pids: Sequence[int]) -> list[int]:
        if len(pids) <= MAX_PER_ROUND:
            return list(pids)
        container = self._containers.setdefault(key, _Container())
        present = set(pids)
        container.known &= present
        new = [pid for pid in reversed(pids) if pid not in container.known][: MAX_PER_ROUND // 2]
        first = container.next if container.next < len(pids) else 0
        container.next = first + MAX_PER_ROUND - len(new)
        others = pids[first : container.next]
        container.known.update(new, others)
        return list(dict.fromkeys([*filter(present.__contains__, container.top), *new, *others]))

    def _visit(self, key: str, pid: int, visits: dict[int, Visit]) -> None:
        path = f"{self._host.proc_root}/{pid}/stat"
        try:
            stat = pid_stat(read(path))
        except (OSError, ParseError) as error:
            if not isinstance(error, OSError) or error.errno not in ENDED:
                self._counts.count_failure("pid/stat", path, error)
            return
        container = self._containers.get(key)
        at = self._host.since_boot()
        before = container.visits.get(pid) if container is not None else None
        visits[pid] = Visit(stat, at, self._cpu_rate(stat, at, before))

    def _cpu_rate(self, stat: ProcessStat, at: float, before: Visit | None) -> float:
        """Return the CPU seconds per second since the last visit, or since the start if there was no visit."""
        ticks, since = _ticks(stat), stat.starttime_ticks / self._host.ticks_per_second
        if before is not None and before.stat.starttime_ticks == stat.starttime_ticks:
            ticks -= _ticks(before.stat)
            since = before.at
        return ticks / self._host.ticks_per_second / max(at - since, 1 / self._host.ticks_per_second)

    def _finish(self, key: str, listing: AnyListing, visits: dict[int, Visit], time_ms: int) -> list[ProcessRow]:
        busy = [pid for pid, visit in visits.items() if visit.cpu_rate > 0]
        resident = [pid for pid, visit in visits.items() if visit.stat.rss_pages > 0]
        by_cpu = nlargest(TOP, busy, key=lambda pid: visits[pid].cpu_rate)
        by_memory = nlargest(TOP, resident, key=lambda pid: visits[pid].stat.rss_pages)
        container = self._containers.setdefault(key, _Container())
        container.earlier = {pid: visit for pid, visit in container.visits.items() if pid not in visits}
        container.visits, container.top = visits, sorted({*by_cpu, *by_memory})
        if by_memory:
            self.largest[key] = visits[by_memory[0]].stat
        return [self._row(listing, visits[pid], time_ms) for pid in container.top]

    def _row(self, listing: AnyListing, visit: Visit, time_ms: int) -> ProcessRow:
        host, stat = self._host, visit.stat
        return ProcessRow(
            *host.identity(time_ms, listing.series, stat),
            cpu_usec=(stat.utime_ticks + stat.stime_ticks) * 1e6 / host.ticks_per_second,
            rss_bytes=stat.rss_pages * host.page_size_bytes,
            threads=stat.num_threads,
            fds=open_files(f"{host.proc_root}/{stat.pid}/fd"),
            cgroup=listing.series.cgroup,
            late_ms=round(host.booted_ms + visit.at * 1000 - time_ms, 1),
            children_cpu_usec=stat.children_ticks * 1e6 / host.ticks_per_second,
        )


def _ticks(stat: ProcessStat) -> int:
    return stat.utime_ticks + stat.stime_ticks + stat.children_ticks
