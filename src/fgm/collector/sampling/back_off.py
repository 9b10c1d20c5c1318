"""When sweeps take too long, the files that are expensive to read are read at every second tick only.

At every second tick and not more rarely, since two intervals are not yet a gap: rates and lines go on.
"""

EXPENSIVE = frozenset({"memory.stat", "io.stat", "cpu.pressure", "memory.pressure", "io.pressure"})
"""For these the kernel adds up counters over all processors."""
TOO_LONG = 0.2
"""Of an interval. So long may sweeps take."""
SHORT = 0.1
"""Of an interval. So short must sweeps be to go back."""
AFTER_LONG_TICKS = 3
AFTER_SHORT_TICKS = 60


class BackOff:
    """Says whether to back off, by how long sweeps took."""

    def __init__(self, interval_s: float) -> None:
        self.is_on = False
        self._too_long_s = TOO_LONG * interval_s
        self._short_s = SHORT * interval_s
        self._ticks = 0

    def see(self, sweep_s: float) -> bool:
        """Take how long a sweep took; return whether that changed `is_on`."""
        speaks_for_change = sweep_s < self._short_s if self.is_on else sweep_s > self._too_long_s
        self._ticks = self._ticks + 1 if speaks_for_change else 0
        if self._ticks < (AFTER_SHORT_TICKS if self.is_on else AFTER_LONG_TICKS):
            return False
        self.is_on, self._ticks = not self.is_on, 0
        return True
