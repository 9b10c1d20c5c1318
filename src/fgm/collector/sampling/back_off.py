"""The decision to read expensive files at every second tick, taken while sweeps take too long.

Every second tick is rare enough to halve the cost, and two intervals are not yet a gap: rates and lines continue.
"""

EXPENSIVE = frozenset({"memory.stat", "io.stat", "cpu.pressure", "memory.pressure", "io.pressure"})
"""Files for which the kernel adds up counters of all processors at each read."""
LONG_SHARE = 0.2
"""Maximum share of the interval that a sweep may take; longer sweeps make the collector back off."""
SHORT_SHARE = 0.1
"""Share of the interval below which sweeps have to stay before the collector returns to reading everything."""
BACK_OFF_AFTER_TICKS = 3
"""Number of long sweeps in a row before the collector backs off."""
RETURN_AFTER_TICKS = 60
"""Number of short sweeps in a row before the collector reads everything again."""


class BackOff:
    """Whether the collector backs off (`is_on`), decided by the duration of its sweeps."""

    def __init__(self, interval_s: float) -> None:
        self.is_on = False
        self._long_s = LONG_SHARE * interval_s
        self._short_s = SHORT_SHARE * interval_s
        self._ticks = 0

    def add(self, sweep_s: float) -> bool:
        """Take the duration of a sweep; return whether `is_on` changed."""
        argues_for_change = sweep_s < self._short_s if self.is_on else sweep_s > self._long_s
        self._ticks = self._ticks + 1 if argues_for_change else 0
        if self._ticks < (RETURN_AFTER_TICKS if self.is_on else BACK_OFF_AFTER_TICKS):
            return False
        self.is_on, self._ticks = not self.is_on, 0
        return True
