"""Adds up the processes of each container: memory (statm), open files and PSS (smaps_rollup).

Only reading PSS delays the process that is read, so this is limited. While the kernel adds up the mappings of a
process, the process cannot change them (mmap_lock). That takes 10 to 17 ms for each GB of 4 KiB pages, as measured on
Linux 6.18. So processes are read in turns and within a budget, each at most every 30 s. The PSS of large processes is
not read at all, unless most of their memory is in huge pages, which the kernel adds up 60 times faster.
Source: fs/proc/task_mmu.c (show_smaps_rollup)
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fgm.collector.processes.proc_files import ENDED, REFUSED, REFUSED_REST_S, open_files, read
from fgm.collector.processes.turns import Budget, Round, Turns
from fgm.collector.sampling.process_list import Listing
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.logs import fields
from fgm.parse.errors import ParseError
from fgm.parse.processes.process import smaps_rollup, statm

log = logging.getLogger(__name__)

EVERY_S = 30.0
"""Minimum interval between two rounds of a container."""
BUDGET_S_PER_S = 0.010
"""Maximum time spent on reading, in seconds per second."""
MAX_SMALL_PAGES_BYTES = 256 << 20
"""Maximum memory of a process outside huge pages for its PSS to be read. Reading more would block it too long."""


@dataclass(slots=True)
class _Sum:
    """Sums of a round so far.

    `total`: number of processes; `read`: number of processes whose PSS was read; `first_at`: time of the first of these
    reads; `is_refused`: whether the kernel refused to show a PSS; `is_partial`: whether a living process is missing.
    """

    values: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    read: int = 0
    total: int = 0
    first_at: float | None = None
    is_refused: bool = False
    is_partial: bool = False

    def add(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.values[name] += value


class SumReader:
    """Adds up processes, a few at each step. Used by one thread at a time. `monotonic`: clock in seconds."""

    def __init__(
        self, proc_root: str, page_size_bytes: int, monotonic: Callable[[], float], counts: ReadCounts
    ) -> None:
        self._proc_root = proc_root
        self._page_size_bytes = page_size_bytes
        self._monotonic = monotonic
        self._counts = counts
        self._budget = Budget(BUDGET_S_PER_S)
        self._turns: Turns[_Sum] = Turns(EVERY_S, _Sum, lambda _, pids: list(pids))
        self._refused: dict[str, float] = {}
        self._has_logged_refusal = False

    def step(self, listings: Mapping[str, Listing]) -> dict[str, dict[str, float]]:
        """Read as much as the budget allows; return the metrics of the containers whose round is complete, by key."""
        clock, complete = self._monotonic, dict[str, dict[str, float]]()
        self._turns.update(listings, clock())
        while self._budget.is_left(began := clock()) and (turn := self._turns.next()) is not None:
            key, current = turn
            pid = current.next_pid()
            if pid is not None:
                self._read(key, current, pid, began)
            if not current.pending:
                self._turns.end(key, clock())
                if current.result.total and not current.result.is_partial:
                    complete[key] = _metrics(current.result, clock())
            self._budget.spend(clock() - began)
        return complete

    def _read(self, key: str, current: Round[_Sum], pid: int, now: float) -> None:
        """Add a process to the sum of its container, unless it has ended or is a zombie."""
        result, folder = current.result, f"{self._proc_root}/{pid}"
        try:
            memory = statm(read(f"{folder}/statm"), self._page_size_bytes)
        except (OSError, ParseError) as error:
            if not isinstance(error, OSError) or error.errno not in ENDED:
                self._counts.count_failure("pid/statm", f"{folder}/statm", error)
                result.is_partial = True
            return
        resident_bytes = memory["processes.resident_bytes"]
        if not resident_bytes:
            return
        result.total += 1
        result.add(memory)
        files = open_files(f"{folder}/fd")
        if files is not None:
            result.add({"processes.fd_count": files})
        if resident_bytes * (1 - current.listing.huge_share) <= MAX_SMALL_PAGES_BYTES:
            self._add_pss(key, result, f"{folder}/smaps_rollup", now)

    def _add_pss(self, key: str, result: _Sum, path: str, now: float) -> None:
        if self._refused.get(key, now) > now:
            result.is_refused = True
            return
        try:
            pss = smaps_rollup(read(path))
        except (OSError, ParseError) as error:
            if isinstance(error, OSError) and error.errno in REFUSED:
                self._note_refusal(error)
                self._refused = {other: until for other, until in self._refused.items() if until > now}
                self._refused[key] = now + REFUSED_REST_S
                result.is_refused = True
            elif not isinstance(error, OSError) or error.errno not in ENDED:
                self._counts.count_failure("smaps_rollup", path, error)
            return
        result.add(pss)
        result.read += 1
        result.first_at = now if result.first_at is None else result.first_at

    def _note_refusal(self, error: OSError) -> None:
        if not self._has_logged_refusal:
            log.info(
                "cannot read the PSS of a container; trying again in an hour. "
                "PSS needs CAP_SYS_PTRACE, and an AppArmor profile that allows it",
                extra=fields(file=error.filename, reason=error.strerror),
            )
        self._has_logged_refusal = True


def _metrics(result: _Sum, now: float) -> dict[str, float]:
    if result.is_refused:  # a sum without the refused processes would mislead
        return {name: value for name, value in result.values.items() if not name.startswith("smaps_rollup.")}
    counts: dict[str, float] = {
        "smaps_rollup.pids_read": result.read,
        "smaps_rollup.pids_total": result.total,
    }
    if result.first_at is not None:
        counts["smaps_rollup.age_s"] = now - result.first_at
    return {**result.values, **counts}
