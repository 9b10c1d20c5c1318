"""The budget of samples that all requests together may have in memory.

The number of threads is no such limit, because a query keeps its samples between its steps, and until the client has
read the response. A request that needs more samples than are free waits in a queue.
"""

from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus

import anyio

from fgm.viewer.web.problems import Problem

MAX_SAMPLES = 2_000_000
"""Maximum number of samples in memory for one response, and for all requests together."""
MAX_WAITING = 32
"""Maximum number of requests in the queue; further ones are refused."""
MAX_WAIT_S = 30.0
"""Maximum time that a request waits in the queue; after that, it is refused."""
RETRY_AFTER_S = 5
"""Value of Retry-After in responses to refused requests."""


@dataclass(eq=False)
class _Waiter:
    samples: int
    turn: anyio.Event = field(default_factory=anyio.Event)


class Budget:
    """The samples that all requests together may have in memory, granted in order of arrival.

    Use it in one event loop only.
    """

    def __init__(self, samples: int, *, max_waiting: int = MAX_WAITING, max_wait_s: float = MAX_WAIT_S) -> None:
        self.samples = self.free = samples
        self._max_waiting, self._max_wait_s = max_waiting, max_wait_s
        self._line: deque[_Waiter] = deque()

    @property
    def waiting(self) -> int:
        """Number of requests in the queue."""
        return len(self._line)

    async def take(self, samples: int) -> None:
        """Wait until the samples are free and all earlier requests have theirs, then take them.

        `samples`: at most the size of the budget.

        Raises: Problem (503) if the queue is full, or if the wait takes too long.
        """
        if not self._line and samples <= self.free:
            self.free -= samples
            return
        if len(self._line) >= self._max_waiting:
            raise _busy()
        waiter = _Waiter(samples)
        self._line.append(waiter)
        try:
            with anyio.fail_after(self._max_wait_s):
                await waiter.turn.wait()
        except BaseException as error:
            self._leave(waiter)
            if isinstance(error, TimeoutError):
                raise _busy() from error
            raise

    def overdraw(self, samples: int) -> None:
        """Take samples at once, even if they are not free. Later requests wait until they are given back."""
        self.free -= samples

    def give_back(self, samples: int) -> None:
        """Give samples back. Requests at the head of the queue continue if enough samples are free."""
        self.free += samples
        while self._line and self._line[0].samples <= self.free:
            waiter = self._line.popleft()
            self.free -= waiter.samples
            waiter.turn.set()

    def _leave(self, waiter: _Waiter) -> None:
        if waiter.turn.is_set():  # it was cancelled after it had received its samples
            self.give_back(waiter.samples)
        else:
            self._line.remove(waiter)
            self.give_back(0)


class Lease:
    """The samples that one request has taken from the budget and must give back at its end."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._taken = 0

    async def take(self, samples: int) -> None:
        """Take samples, at most the whole budget; wait until they are free.

        Raises: Problem (503) if the queue is full, or if the wait takes too long.
        """
        samples = min(samples, self._budget.samples)
        await self._budget.take(samples)
        self._taken += samples

    def grow(self, samples: int) -> None:
        """Take more samples at once, up to a total of `samples`: a query needs more than it expected."""
        more = max(0, min(samples, self._budget.samples) - self._taken)
        self._budget.overdraw(more)
        self._taken += more

    def give_back(self) -> None:
        """Give all samples back. It may be called again: then it does nothing."""
        taken, self._taken = self._taken, 0
        self._budget.give_back(taken)


def _busy() -> Problem:
    detail = "too many requests are running; there is no memory for another one"
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after_s=RETRY_AFTER_S)
