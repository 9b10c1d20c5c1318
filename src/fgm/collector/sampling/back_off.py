"""Decides whether to read expensive files only at every second tick, because sweeps take too long.

This halves their cost. Two intervals are not a gap yet, so rates and lines continue.
"""

EXPENSIVE = frozenset({"memory.stat", "io.stat", "cpu.pressure", "memory.pressure", "io.pressure"})
"""Files for which the kernel adds up counters of all CPUs at each read."""
LONG_SHARE = 0.2
"""Maximum share of the interval that a sweep may take. After longer sweeps, the collector backs off."""
SHORT_SHARE = 0.1
"""Maximum share of the interval that a sweep may take for the collector to stop backing off."""
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
        """Add the duration of a sweep; return whether `is_on` changed."""
        argues_for_change = sweep_s < self._short_s if self.is_on else sweep_s > self._long_s
        self._ticks = self._ticks + 1 if argues_for_change else 0
        if self._ticks < (RETURN_AFTER_TICKS if self.is_on else BACK_OFF_AFTER_TICKS):
            return False
        self.is_on, self._ticks = not self.is_on, 0
        return True
