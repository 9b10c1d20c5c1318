"""The wall clock and the monotonic clock: no other module reads them, so that tests can replace them.

Other modules get a `Clock` as an argument; the linter checks that. Processor time and the start times of processes,
which count from boot, are not covered: modules that need them read them directly.
"""

import time
from typing import Protocol

import anyio

MAX_APART_S = 0.05
"""Maximum time between two reads of clocks that count as simultaneous."""


class Clock(Protocol):
    """A source of time for a daemon."""

    def wall_ns(self) -> int:
        """Return nanoseconds since 1970 UTC. The time jumps if the clock of the machine is set."""

    def monotonic(self) -> float:
        """Return seconds since a fixed, arbitrary instant. It never jumps, and stands still during suspension."""

    def asleep_s(self) -> float:
        """Return for how many seconds the machine has been suspended since it booted."""

    async def sleep_until(self, deadline: float) -> None:
        """Wait until `monotonic()` reaches the deadline. Other tasks can run, even if it has passed already."""


def read_both(clock: Clock) -> tuple[int, float]:
    """Return `wall_ns()` and `monotonic()` of one instant: if the process was paused between the reads, read again."""
    while True:
        before = clock.monotonic()
        wall_ns = clock.wall_ns()
        if (now := clock.monotonic()) - before < MAX_APART_S:
            return wall_ns, now


class SystemClock:
    """The real clocks of the machine."""

    def wall_ns(self) -> int:
        """Return the time of the realtime clock. Use it for timestamps only, because it can be set back."""
        return time.time_ns()

    def monotonic(self) -> float:
        """Return the time of the monotonic clock. Use it for deadlines and durations."""
        return time.monotonic()

    def asleep_s(self) -> float:
        """Return the time by which the clock that includes suspension is ahead of the monotonic clock.

        Source: timekeeping in the kernel, and clock_gettime(2).
        """
        while True:
            before = time.monotonic()
            since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
            if (now := time.monotonic()) - before < MAX_APART_S:
                return since_boot - now

    async def sleep_until(self, deadline: float) -> None:
        """Sleep until the deadline without blocking the event loop."""
        await anyio.sleep(max(0.0, deadline - time.monotonic()))
