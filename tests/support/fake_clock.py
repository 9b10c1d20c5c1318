"""Fakes of what a test cannot have: time that moves when the test says so."""

import heapq
import itertools

import anyio
from anyio.lowlevel import checkpoint


class FakeClock:
    """A Clock whose time moves only in `advance`; a loop has finished its turn when it sleeps again."""

    def __init__(self, wall_ns: int = 1_700_000_000_000_000_000) -> None:
        self._wall_at_zero, self._now = wall_ns, 0.0
        self._sleepers: list[tuple[float, int, anyio.Event]] = []
        self._order = itertools.count()
        self._parked = anyio.Event()

    def wall_ns(self) -> int:
        return self._wall_at_zero + round(self._now * 1e9)

    def monotonic(self) -> float:
        return self._now

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
        """Somebody sets the machine's clock."""
        self._wall_at_zero += round(seconds * 1e9)

    def stall(self, seconds: float) -> None:
        """Let time pass without waking anyone: a slow tick."""
        self._now += seconds

    async def settle(self, sleepers: int = 1) -> None:
        """Wait until so many loops sleep."""
        with anyio.fail_after(5):
            while len(self._sleepers) < sleepers:
                await self._parked.wait()

    async def advance(self, seconds: float, *, sleepers: int = 1) -> None:
        """Let time pass; each loop that is due has its turn, in order. `sleepers`: how many loops run."""
        end = self._now + seconds
        await self.settle(sleepers)
        while self._sleepers[0][0] <= end:
            deadline, _, wake = heapq.heappop(self._sleepers)
            self._now = max(self._now, deadline)
            wake.set()
            await self.settle(sleepers)
        self._now = max(self._now, end)
