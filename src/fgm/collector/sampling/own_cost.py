"""Cost of the collector itself (CPU time, memory, missed ticks), as metrics of the node's row."""

import os
import time

from fgm.collector.kernel.kernel_file import KernelFile, PlainParser, columns_of
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.parse.processes.process import statm

_NAMES = (
    "collector.cpu_usec",
    "collector.anon_bytes",
    "collector.sweep_usec",
    "collector.failed_reads",
    "collector.skipped_reads",
    "collector.missed_ticks",
)
COLUMNS_OF_COST = columns_of(_NAMES)


class OwnCost:
    """Measurements of this process. Used by one thread at a time.

    `missed_ticks`: number of ticks that were not sampled or not recorded; a task that drops a tick increases it.
    `skipped_reads`: number of reads that were left out to save time. Both count from the start.
    """

    def __init__(self, counts: ReadCounts, interval_ms: int) -> None:
        page_size = os.sysconf("SC_PAGE_SIZE")
        self.missed_ticks = 0
        self.skipped_reads = 0
        self._counts = counts
        self._interval_ms = interval_ms
        self._last_tick_ms: int | None = None
        self._statm = KernelFile("/proc/self/statm", PlainParser(lambda text: statm(text, page_size)))

    @property
    def failed_reads(self) -> int:
        """Number of failed reads of kernel files since the start."""
        return sum(tuple(self._counts.failed.values()))  # a copy, because other threads add names

    def begin_tick(self, time_ms: int) -> None:
        """Count the ticks between the last tick and this one as missed."""
        if self._last_tick_ms is not None:
            self.missed_ticks += max(0, (time_ms - self._last_tick_ms) // self._interval_ms - 1)
        self._last_tick_ms = time_ms

    def ignore_clock_step(self) -> None:
        """Count no missed ticks before the next tick, because the wall clock was set."""
        self._last_tick_ms = None

    def values(self, sweep_s: float) -> tuple[float, ...]:
        """Return the values of COLUMNS_OF_COST. `sweep_s`: duration of the current sweep."""
        resident, shared = self._statm.parse(self._statm.read())
        return (
            time.process_time_ns() // 1000,
            resident - shared,
            round(sweep_s * 1e6),
            self.failed_reads,
            self.skipped_reads,
            self.missed_ticks,
        )

    def close(self) -> None:
        """Close /proc/self/statm."""
        self._statm.close()
