"""The one place where real time comes in; everything else is handed a Clock."""

import time
from typing import Protocol

import anyio

APART_S = 0.05


class Clock(Protocol):
    """Where a daemon gets its time from."""

    def wall_ns(self) -> int:
        """Return nanoseconds since 1970 UTC; may step when somebody sets the clock."""

    def monotonic(self) -> float:
        """Return seconds since some fixed instant; never steps."""

    async def sleep_until(self, deadline: float) -> None:
        """Return when `monotonic()` has reached the deadline; always a checkpoint, also when it is past."""


def read_both(clock: Clock) -> tuple[int, float]:
    """Return `wall_ns()` and `monotonic()` of one instant, also where the process was stopped between the two."""
    while True:
        before = clock.monotonic()
        wall_ns = clock.wall_ns()
        if (now := clock.monotonic()) - before < APART_S:
            return wall_ns, now


class SystemClock:
    """The machine's own clocks."""

    def wall_ns(self) -> int:
        """Return the realtime clock."""
        return time.time_ns()

    def monotonic(self) -> float:
        """Return the monotonic clock."""
        return time.monotonic()

    async def sleep_until(self, deadline: float) -> None:
        """Sleep on the event loop."""
        await anyio.sleep(max(0.0, deadline - time.monotonic()))
