"""What the processes of each container hold, summed up: memory (statm), open files, and PSS (smaps_rollup).

PSS is the one read that holds up the watched program, so it is rationed. While the kernel adds up the mappings of a
process, that process cannot change them: 10 to 17 ms for each GB of 4 KiB pages. So processes are read in turns, within
a budget, each at most every 30 s, and large ones not at all unless most of their memory is in huge pages, which are
added up 60 times faster.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fgm.collector.processes.proc_files import ENDED, REFUSED, open_files, read
from fgm.collector.processes.turns import Budget, Round, Turns
from fgm.collector.sampling.process_list import Listing
from fgm.collector.sampling.series_reader import ReadCounts
from fgm.logs import fields
from fgm.parse.errors import ParseError
from fgm.parse.process import smaps_rollup, statm

log = logging.getLogger(__name__)

EVERY_S = 30.0
BUDGET_S_PER_S = 0.010
SMALL_PAGES_LIMIT_BYTES = 256 << 20
REFUSED_REST_S = 3600.0
"""Each refused read may be a line in the host's audit log."""


@dataclass(slots=True)
class _Sum:
    """What came of a round so far. `total`: processes met, `read`: whose PSS was read, the first at `first_at`."""

    values: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    read: int = 0
    total: int = 0
    first_at: float | None = None
    is_refused: bool = False

    def add(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.values[name] += value


class SumReader:
    """Adds up, a little at each step. Used by one thread at a time. `monotonic`: a clock, in seconds."""

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
        self._was_refused = False

    def step(self, listings: Mapping[str, Listing]) -> dict[str, dict[str, float]]:
        """Read as much as the budget allows; return the metrics of each container whose round is complete, by key."""
        clock, done = self._monotonic, dict[str, dict[str, float]]()
        self._turns.see(listings, clock())
        while self._budget.is_left(began := clock()) and (turn := self._turns.next()) is not None:
            key, found = turn
            pid = found.take()
            if pid is not None:
                self._read(key, found, pid, began)
            if not found.pending:
                self._turns.end(key, clock())
                if found.result.total:
                    done[key] = _metrics(found.result, clock())
            self._budget.spend(clock() - began)
        return done

    def _read(self, key: str, found: Round[_Sum], pid: int, now: float) -> None:
        """Add a process to its container's sum; one that has ended meanwhile, or is a zombie, counts for nothing."""
        result, folder = found.result, f"{self._proc_root}/{pid}"
        try:
            memory = statm(read(f"{folder}/statm"), self._page_size_bytes)
        except (OSError, ParseError) as error:
            if not isinstance(error, OSError) or error.errno not in ENDED:
                self._counts.fail("pid/statm", f"{folder}/statm", error)
                result.total += 1
            return
        resident_bytes = memory["processes.resident_bytes"]
        if not resident_bytes:
            return
        result.total += 1
        result.add(memory)
        files = open_files(f"{folder}/fd")
        if files is not None:
            result.add({"processes.fd_count": files})
        if resident_bytes * (1 - found.listing.huge_share) <= SMALL_PAGES_LIMIT_BYTES:
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
                self._refused = {kept: until for kept, until in self._refused.items() if until > now}
                self._refused[key] = now + REFUSED_REST_S
                result.is_refused = True
            elif not isinstance(error, OSError) or error.errno not in ENDED:
                self._counts.fail("smaps_rollup", path, error)
            return
        result.add(pss)
        result.read += 1
        result.first_at = now if result.first_at is None else result.first_at

    def _note_refusal(self, error: OSError) -> None:
        if not self._was_refused:
            log.info(
                "PSS cannot be read; it is null for such containers, which are asked again in an hour. "
                "Give the collector CAP_SYS_PTRACE (and no AppArmor profile that denies it)",
                extra=fields(file=error.filename, reason=error.strerror),
            )
        self._was_refused = True


def _metrics(result: _Sum, now: float) -> dict[str, float]:
    if result.is_refused:  # a sum without some of them would mislead
        return {name: value for name, value in result.values.items() if not name.startswith("smaps_rollup.")}
    counts: dict[str, float] = {
        "smaps_rollup.pids_read": result.read,
        "smaps_rollup.pids_total": result.total,
    }
    if result.first_at is not None:
        counts["smaps_rollup.age_s"] = now - result.first_at
    return {**result.values, **counts}
