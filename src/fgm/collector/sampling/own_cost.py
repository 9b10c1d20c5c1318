"""What watching costs: the collector's own processor time, memory and troubles, as metrics in the node's row."""

import os
import time

from fgm.collector.kernel.kernel_file import KernelFile, PlainParser, columns_of
from fgm.parse.process import statm

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
    """Measures this process. `missed_ticks`: how many were overrun, or dropped; whoever knows adds to it."""

    def __init__(self) -> None:
        page_size = os.sysconf("SC_PAGE_SIZE")
        self.missed_ticks = 0
        self._statm = KernelFile("/proc/self/statm", PlainParser(lambda text: statm(text, page_size)))

    def values(self, sweep_s: float, failed_reads: int, skipped_reads: int) -> tuple[float, ...]:
        """Return the values of COLUMNS_OF_COST. `sweep_s`: how long the tick took so far."""
        resident, shared = self._statm.take(self._statm.fetch())
        return (
            time.process_time_ns() / 1000,
            resident - shared,
            sweep_s * 1e6,
            failed_reads,
            skipped_reads,
            self.missed_ticks,
        )

    def close(self) -> None:
        """Close what it reads."""
        self._statm.close()
