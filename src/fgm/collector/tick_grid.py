"""The times of ticks: whole multiples of the interval since 1970.

Time is the wall clock at the last anchor plus the monotonic time since then. So between two anchors it never runs
backwards, even if the wall clock is set.
"""

import math

from fgm.metrics.rates import gap_ms
from fgm.store.directory import layout


class TickGrid:
    """The grid of one run. Tick times are in ms since 1970, monotonic times in seconds."""

    def __init__(self, interval_ms: int, wall_ns: int, monotonic: float) -> None:
        self.interval_ms = interval_ms
        self.anchor(wall_ns, monotonic)

    def anchor(self, wall_ns: int, monotonic: float) -> None:
        """Restart the grid: time is now `wall_ns` plus the monotonic time since `monotonic`."""
        self._anchor_ms = wall_ns / 1e6
        self._anchor_monotonic = monotonic

    def at(self, monotonic: float) -> tuple[int, float]:
        """Return the time of the last tick at or before `monotonic`: in ms since 1970, and as monotonic time."""
        now_ms = self._anchor_ms + (monotonic - self._anchor_monotonic) * 1000
        # Tolerate one microsecond: the time of a tick, converted to monotonic time and back, must give the same tick.
        time_ms = math.floor((now_ms + 0.001) / self.interval_ms) * self.interval_ms
        return time_ms, self._anchor_monotonic + (time_ms - self._anchor_ms) / 1000

    def next_due(self, monotonic: float) -> float:
        """Return the monotonic time of the first tick after `monotonic`."""
        return self.at(monotonic)[1] + self.interval_ms / 1000

    def may_follow(self, time_ms: int, newest_ms: int, rotation_s: int) -> bool:
        """Return whether a tick after a clock step may follow a recorded tick without a gap, which gives a false rate.

        If the clock was set back, the window of the tick is recorded again, and the one before it is kept.
        """
        if time_ms <= newest_ms:
            newest_ms = layout.window_at(time_ms, rotation_s).start_ms
        return time_ms - newest_ms <= gap_ms(self.interval_ms)

    def step_ms(self, wall_ns: int, monotonic: float) -> float:
        """Return by how many ms the wall clock is ahead of the grid; negative if it is behind."""
        return wall_ns / 1e6 - (self._anchor_ms + (monotonic - self._anchor_monotonic) * 1000)
