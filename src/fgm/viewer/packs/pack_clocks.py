"""Clocks for viewers of packs, in which time does not go on."""

from fgm.clock import Clock


class ClockAhead:
    """A clock whose wall time is ahead of the real one."""

    def __init__(self, ahead_ns: int, real: Clock) -> None:
        self._ahead_ns, self._real = ahead_ns, real

    def wall_ns(self) -> int:
        """Return the time of the real clock and what it is ahead, in nanoseconds since 1970 UTC."""
        return self._real.wall_ns() + self._ahead_ns

    def monotonic(self) -> float:
        """Return the time of the real monotonic clock."""
        return self._real.monotonic()

    def asleep_s(self) -> float:
        """Return what the real clock does."""
        return self._real.asleep_s()

    async def sleep_until(self, deadline: float) -> None:
        """Sleep as the real clock does."""
        await self._real.sleep_until(deadline)


class ClockAt(ClockAhead):
    """A clock whose wall time stands still: what is alive at the end of the range of a pack stays so."""

    def __init__(self, wall_ms: int, real: Clock) -> None:
        super().__init__(0, real)
        self._wall_ms = wall_ms

    def wall_ns(self) -> int:
        """Return the instant, in nanoseconds since 1970 UTC."""
        return self._wall_ms * 1_000_000
