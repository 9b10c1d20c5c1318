"""PSS of containers from smaps_rollup: the one read that holds up the watched program, so it is rationed.

While the kernel adds up the mappings of a process, that process cannot change them: 10 to 17 ms for each GB of 4 KiB
pages. So processes are read in turns, within a budget, each at most every 30 s, and large ones not at all unless most
of their memory is in huge pages, which are added up 60 times faster.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fgm.collector.process_list import Listing
from fgm.collector.processes.reading import ENDED, REFUSED, read
from fgm.collector.processes.turns import Budget, Round, Turns
from fgm.collector.series_reader import ReadCounts
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
    """What came of a round so far. `total`: processes met, read or not; `first_at`: when the first was read."""

    values: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    read: int = 0
    total: int = 0
    first_at: float | None = None


class PssReader:
    """Reads PSS, a little at each step. Used by one thread at a time. `monotonic`: a clock, in seconds."""

    def __init__(
        self, proc_root: str, page_size_bytes: int, monotonic: Callable[[], float], counts: ReadCounts
    ) -> None:
        self._proc_root = proc_root
        self._page_size_bytes = page_size_bytes
        self._monotonic = monotonic
        self._counts = counts
        self._budget = Budget(BUDGET_S_PER_S)
        self._turns: Turns[_Sum] = Turns(EVERY_S, _Sum, lambda _, pids: list(pids))
        self._was_refused = False

    def step(self, listings: Mapping[str, Listing]) -> dict[str, dict[str, float]]:
        """Read as much as the budget allows; return the metrics of each container whose round is complete, by key."""
        clock, done = self._monotonic, dict[str, dict[str, float]]()
        self._turns.see(listings, clock())
        while self._budget.is_left(began := clock()) and (turn := self._turns.next()) is not None:
            key, found = turn
            try:
                pid = found.take()
                if pid is not None:
                    self._read(found, pid, began)
            except PermissionError as error:
                self._note_refusal(error)
                self._turns.end(key, began, REFUSED_REST_S)
            else:
                if not found.pending:
                    self._turns.end(key, clock())
                    if found.result.total:
                        done[key] = _metrics(found.result, clock())
            self._budget.spend(clock() - began)
        return done

    def _read(self, found: Round[_Sum], pid: int, now: float) -> None:
        """Add a process to its container's sum. Raises PermissionError."""
        result, folder = found.result, f"{self._proc_root}/{pid}"
        try:
            memory = statm(read(f"{folder}/statm"), self._page_size_bytes)
            if memory["processes.resident_bytes"] * (1 - found.listing.huge_share) > SMALL_PAGES_LIMIT_BYTES:
                result.total += 1
                return
            values = smaps_rollup(read(f"{folder}/smaps_rollup"))
        except (OSError, ParseError) as error:
            if isinstance(error, OSError) and error.errno in REFUSED:
                raise
            if not isinstance(error, OSError) or error.errno not in ENDED:
                self._counts.fail("smaps_rollup", f"{folder}/smaps_rollup", error)
                result.total += 1
            return
        for name, value in values.items():
            result.values[name] += value
        result.read += 1
        result.total += 1
        result.first_at = now if result.first_at is None else result.first_at

    def _note_refusal(self, error: PermissionError) -> None:
        if not self._was_refused:
            log.warning(
                "PSS cannot be read; it is null for such containers, which are asked again in an hour. "
                "Give the collector CAP_SYS_PTRACE (and no AppArmor profile that denies it)",
                extra=fields(file=error.filename, reason=error.strerror),
            )
        self._was_refused = True


def _metrics(result: _Sum, now: float) -> dict[str, float]:
    counts: dict[str, float] = {
        "smaps_rollup.pids_read": result.read,
        "smaps_rollup.pids_total": result.total,
    }
    if result.first_at is not None:
        counts["smaps_rollup.age_s"] = now - result.first_at
    return {**result.values, **counts}
