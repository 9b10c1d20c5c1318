"""Reads the memory regions of each container's largest process, if --verbose-perf-risk is set.

Reading smaps costs several times as much as reading smaps_rollup, and large processes are not skipped.
"""

from collections.abc import Mapping, Sequence
from heapq import nlargest

from fgm.collector.processes.host_units import Host
from fgm.collector.processes.proc_files import ENDED, REFUSED, REFUSED_REST_S, folder, read, read_long
from fgm.collector.processes.turns import Budget, Turns
from fgm.collector.sampling.process_list import Listing
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.parse.errors import ParseError
from fgm.parse.processes.process import ProcessStat, Region, pid_stat, smaps
from fgm.store.samples.series import Series
from fgm.store.tables.table_rows import RegionRow

EVERY_S = 60.0
"""Minimum interval between two reads of a container."""
BUDGET_S_PER_S = 0.010
"""Maximum time spent on reading, in seconds per second."""
TOP = 20
"""Number of regions that are recorded of a process: the largest ones."""


class RegionReader:
    """Reads smaps, a few processes at each step. Used by one thread at a time."""

    def __init__(self, host: Host, counts: ReadCounts) -> None:
        self._host = host
        self._counts = counts
        self._budget = Budget(BUDGET_S_PER_S)
        self._turns: Turns[None] = Turns(EVERY_S, lambda: None, self._choose)
        self._largest: Mapping[str, ProcessStat] = {}

    def step(
        self, listings: Mapping[str, Listing], largest: Mapping[str, ProcessStat], time_ms: int
    ) -> list[RegionRow]:
        """Read as much as the budget allows; return the rows. `largest`: process to read, by container key."""
        clock, rows = self._host.since_boot, list[RegionRow]()
        self._largest = largest
        self._turns.update({key: listing for key, listing in listings.items() if key in largest}, clock())
        while self._budget.is_left(began := clock()) and (turn := self._turns.next()) is not None:
            key, current = turn
            rest_s = None
            if current.next_pid() is not None:
                try:
                    rows += self._read(current.listing.series, largest[key], time_ms)
                except PermissionError as error:
                    self._counts.count_failure("pid/smaps", self._path(largest[key]), error)
                    rest_s = REFUSED_REST_S
            self._turns.end(key, clock(), rest_s)
            self._budget.spend(clock() - began)
        return rows

    def _choose(self, key: str, pids: Sequence[int]) -> list[int]:
        return [pid for pid in pids if pid == self._largest[key].pid]

    def _read(self, series: Series, expected: ProcessStat, time_ms: int) -> list[RegionRow]:
        """Return the rows of a process; none if its pid belongs to another process by now.

        Raises: PermissionError if the kernel refuses the read.
        """
        try:
            with folder(self._host.proc_root, expected.pid) as fd:
                stat = pid_stat(read("stat", fd))
                if stat.starttime_ticks != expected.starttime_ticks:
                    return []
                regions = smaps(read_long("smaps", fd))
        except (OSError, ParseError) as error:
            if isinstance(error, OSError) and error.errno in REFUSED:
                raise
            if not isinstance(error, OSError) or error.errno not in ENDED:
                self._counts.count_failure("pid/smaps", self._path(expected), error)
            return []
        largest = nlargest(TOP, regions, key=lambda region: region.rss_bytes + region.swap_bytes)
        return [self._row(series, stat, region, time_ms) for region in largest]

    def _path(self, stat: ProcessStat) -> str:
        return f"{self._host.proc_root}/{stat.pid}/smaps"

    def _row(self, series: Series, stat: ProcessStat, region: Region, time_ms: int) -> RegionRow:
        return RegionRow(
            *self._host.identity(time_ms, series, stat),
            region=region.name,
            size_bytes=region.size_bytes,
            rss_bytes=region.rss_bytes,
            pss_bytes=region.pss_bytes,
            private_dirty_bytes=region.private_dirty_bytes,
            swap_bytes=region.swap_bytes,
            cgroup=series.cgroup,
        )
