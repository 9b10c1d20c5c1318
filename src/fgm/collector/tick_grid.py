"""The instants of ticks: whole multiples of the interval since 1970, kept by the monotonic clock.

Time is the wall clock at the anchor plus the monotonic time since then. Between two anchors it never runs backwards,
even if the wall clock is set.
"""

import math


class TickGrid:
    """The grid of one run. Instants are ms since 1970; monotonic times are seconds."""

    def __init__(self, interval_ms: int, wall_ns: int, monotonic: float) -> None:
        self.interval_ms = interval_ms
        self.anchor(wall_ns, monotonic)

    def anchor(self, wall_ns: int, monotonic: float) -> None:
        """Set the time to the wall clock."""
        self._anchor_ms = wall_ns / 1e6
        self._anchor_monotonic = monotonic

    def at(self, monotonic: float) -> tuple[int, float]:
        """Return the last tick at or before a monotonic time, in ms since 1970 and by the monotonic clock."""
        now_ms = self._anchor_ms + (monotonic - self._anchor_monotonic) * 1000
        # One microsecond of tolerance: the instant of a tick, converted back and forth in floats, must give that tick.
        time_ms = math.floor((now_ms + 0.001) / self.interval_ms) * self.interval_ms
        return time_ms, self._anchor_monotonic + (time_ms - self._anchor_ms) / 1000

    def next_due(self, monotonic: float) -> float:
        """Return the monotonic time of the first tick after `monotonic`."""
        return self.at(monotonic)[1] + self.interval_ms / 1000

    def step_ms(self, wall_ns: int, monotonic: float) -> float:
        """Return how far the wall clock is ahead of the grid, because it was set."""
        return wall_ns / 1e6 - (self._anchor_ms + (monotonic - self._anchor_monotonic) * 1000)
