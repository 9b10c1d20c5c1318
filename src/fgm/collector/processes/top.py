"""The processes of each container that use most: one read of /proc/<pid>/stat each, every ten seconds, on a budget."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest

from fgm.collector.processes.proc_files import ENDED, open_files, read
from fgm.collector.processes.turns import Budget, Turns
from fgm.collector.sampling.process_list import Listing
from fgm.collector.sampling.series_reader import ReadCounts
from fgm.parse.errors import ParseError
from fgm.parse.process import ProcessStat, pid_stat
from fgm.store.parquet.process_tables import ProcessRow

EVERY_S = 10.0
BUDGET_S_PER_S = 0.004
TOP = 10
MOST_A_ROUND = 500
"""Of a container with more processes, as many are looked at in a round, others in the next; the top ones in each."""


@dataclass(frozen=True, slots=True)
class Host:
    """What turns the kernel's numbers into units. `booted_ms`: since 1970 UTC; `since_boot`: a clock, in seconds."""

    proc_root: str
    ticks_per_second: int
    page_size_bytes: int
    booted_ms: int
    since_boot: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Visit:
    """A process as it was seen in a round. `at`: when, in seconds since boot; `cpu_rate`: seconds a second."""

    stat: ProcessStat
    at: float
    cpu_rate: float


@dataclass(slots=True)
class _Container:
    """What is known of a container from its last round. `next`: where the next round begins to look."""

    visits: dict[int, Visit] = field(default_factory=dict)
    top: list[int] = field(default_factory=list)
    next: int = 0


class TopReader:
    """Finds the top processes, a little at each step. Used by one thread at a time."""

    def __init__(self, host: Host, counts: ReadCounts) -> None:
        self.largest: dict[str, ProcessStat] = {}
        """The process with most resident memory of each container, by key."""
        self._host = host
        self._counts = counts
        self._budget = Budget(BUDGET_S_PER_S)
        self._turns: Turns[dict[int, Visit]] = Turns(EVERY_S, dict, self._choose)
        self._containers: dict[str, _Container] = {}

    def step(self, listings: Mapping[str, Listing], time_ms: int) -> list[ProcessRow]:
        """Read as much as the budget allows; return the rows of the containers whose round is complete."""
        clock, rows = self._host.since_boot, list[ProcessRow]()
        for key in self._containers.keys() - listings.keys():
            del self._containers[key]
            self.largest.pop(key, None)
        self._turns.see(listings, clock())
        while self._budget.is_left(began := clock()) and (turn := self._turns.next()) is not None:
            key, found = turn
            pid = found.take()
            if pid is not None:
                self._visit(key, pid, found.result)
            if not found.pending:
                self._turns.end(key, clock())
                rows += self._finish(key, found.listing, found.result, time_ms)
            self._budget.spend(clock() - began)
        return rows

    def _choose(self, key: str, pids: Sequence[int]) -> list[int]:
        if len(pids) <= MOST_A_ROUND:
            return list(pids)
        known = self._containers.setdefault(key, _Container())
        first = known.next if known.next < len(pids) else 0
        known.next = first + MOST_A_ROUND
        there = set(pids)
        return list(dict.fromkeys([*filter(there.__contains__, known.top), *pids[first : known.next]]))

    def _visit(self, key: str, pid: int, visits: dict[int, Visit]) -> None:
        path = f"{self._host.proc_root}/{pid}/stat"
        try:
            stat = pid_stat(read(path))
        except (OSError, ParseError) as error:
            if not isinstance(error, OSError) or error.errno not in ENDED:
                self._counts.fail("pid/stat", path, error)
            return
        known = self._containers.get(key)
        at = self._host.since_boot()
        visits[pid] = Visit(stat, at, self._cpu_rate(stat, at, known.visits.get(pid) if known is not None else None))

    def _cpu_rate(self, stat: ProcessStat, at: float, before: Visit | None) -> float:
        """Return the processor time used since the last visit; since its start where that was another process."""
        ticks, since = stat.utime_ticks + stat.stime_ticks, stat.starttime_ticks / self._host.ticks_per_second
        if before is not None and before.stat.starttime_ticks == stat.starttime_ticks:
            ticks -= before.stat.utime_ticks + before.stat.stime_ticks
            since = before.at
        return ticks / self._host.ticks_per_second / max(at - since, 1 / self._host.ticks_per_second)

    def _finish(self, key: str, listing: Listing, visits: dict[int, Visit], time_ms: int) -> list[ProcessRow]:
        busy = [pid for pid, visit in visits.items() if visit.cpu_rate > 0]
        resident = [pid for pid, visit in visits.items() if visit.stat.rss_pages > 0]
        by_cpu = nlargest(TOP, busy, key=lambda pid: visits[pid].cpu_rate)
        by_memory = nlargest(TOP, resident, key=lambda pid: visits[pid].stat.rss_pages)
        known = self._containers.setdefault(key, _Container())
        known.visits, known.top = visits, sorted({*by_cpu, *by_memory})
        if by_memory:
            self.largest[key] = visits[by_memory[0]].stat
        return [self._row(listing, visits[pid].stat, time_ms) for pid in known.top]

    def _row(self, listing: Listing, stat: ProcessStat, time_ms: int) -> ProcessRow:
        host, series = self._host, listing.series
        return ProcessRow(
            time_ms=time_ms,
            container_id=series.container_id,
            container_name=series.container_name,
            pod_name=series.pod_name,
            namespace=series.namespace,
            pod_uid=series.pod_uid,
            pid=stat.pid,
            start_time_ms=start_ms(host, stat),
            comm=stat.comm,
            cpu_usec=(stat.utime_ticks + stat.stime_ticks) * 1e6 / host.ticks_per_second,
            rss_bytes=stat.rss_pages * host.page_size_bytes,
            threads=stat.num_threads,
            fds=open_files(f"{host.proc_root}/{stat.pid}/fd"),
        )


def start_ms(host: Host, stat: ProcessStat) -> int:
    """Return when a process started, in ms since 1970 UTC."""
    return host.booted_ms + stat.starttime_ticks * 1000 // host.ticks_per_second
