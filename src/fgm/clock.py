"""The only module that reads the wall clock and the monotonic clock, as the linter checks; others are handed a Clock.

Processor time and the time since boot are readings of the process and the kernel, and are taken where they are needed.
"""

import time
from typing import Protocol

import anyio

MAX_APART_S = 0.05
"""Maximum time between two readings that count as one instant."""


class Clock(Protocol):
    """A source of time for a daemon."""

    def wall_ns(self) -> int:
        """Return nanoseconds since 1970 UTC; it steps if the machine's clock is set."""

    def monotonic(self) -> float:
        """Return seconds since a fixed instant; it never steps."""

    async def sleep_until(self, deadline: float) -> None:
        """Return when `monotonic()` has reached the deadline. It is a checkpoint even if the deadline has passed."""


def read_both(clock: Clock) -> tuple[int, float]:
    """Return `wall_ns()` and `monotonic()` of one instant, even if the process is stopped between the two readings."""
    while True:
        before = clock.monotonic()
        wall_ns = clock.wall_ns()
        if (now := clock.monotonic()) - before < MAX_APART_S:
            return wall_ns, now


class SystemClock:
    """The clocks of the machine."""

    def wall_ns(self) -> int:
        """Return the time of the realtime clock, which can be set back; for timestamps."""
        return time.time_ns()

    def monotonic(self) -> float:
        """Return the time of the monotonic clock, which is never set; for deadlines and durations."""
        return time.monotonic()

    async def sleep_until(self, deadline: float) -> None:
        """Sleep on the event loop."""
        await anyio.sleep(max(0.0, deadline - time.monotonic()))
