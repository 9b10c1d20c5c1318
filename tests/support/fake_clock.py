"""A clock whose time moves only when the test moves it."""

import heapq
import itertools

import anyio
from anyio.lowlevel import checkpoint


class FakeClock:
    """A Clock for loops that sleep; a loop has finished its turn when it sleeps again."""

    def __init__(self, wall_ns: int = 1_700_000_000_000_000_000) -> None:
        self._wall_at_zero, self._now, self._asleep_s = wall_ns, 0.0, 0.0
        self._sleepers: list[tuple[float, int, anyio.Event]] = []
        self._order = itertools.count()
        self._parked = anyio.Event()

    def wall_ns(self) -> int:
        return self._wall_at_zero + round(self._now * 1e9)

    def monotonic(self) -> float:
        return self._now

    def asleep_s(self) -> float:
        return self._asleep_s

    async def sleep_until(self, deadline: float) -> None:
        if deadline <= self._now:
            await checkpoint()
            return
        entry = (deadline, next(self._order), anyio.Event())
        heapq.heappush(self._sleepers, entry)
        self._parked.set()
        self._parked = anyio.Event()
        try:
            await entry[2].wait()
        finally:
            if entry in self._sleepers:  # cancelled while asleep
                self._sleepers.remove(entry)
                heapq.heapify(self._sleepers)

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock of the machine forward or back."""
        self._wall_at_zero += round(seconds * 1e9)

    def suspend(self, seconds: float) -> None:
        """Suspend the machine: the wall clock continues, and the monotonic clock stands."""
        self.step_wall(seconds)
        self._asleep_s += seconds

    def stall(self, seconds: float) -> None:
        """Let time pass without waking a sleeper, as a slow tick does."""
        self._now += seconds

    async def settle(self, sleepers: int = 1) -> None:
        """Wait until that many loops sleep."""
        with anyio.fail_after(5):
            while len(self._sleepers) < sleepers:
                await self._parked.wait()

    async def advance(self, seconds: float, *, sleepers: int = 1) -> None:
        """Let time pass, and run each loop that is due, in order. `sleepers`: number of running loops."""
        end = self._now + seconds
        await self.settle(sleepers)
        while self._sleepers[0][0] <= end:
            deadline, _, wake = heapq.heappop(self._sleepers)
            self._now = max(self._now, deadline)
            wake.set()
            await self.settle(sleepers)
        self._now = max(self._now, end)
