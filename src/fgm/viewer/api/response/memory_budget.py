"""The budget of samples that all requests together may have in memory.

The number of threads bounds how many queries are worked on, but not how many hold samples: a query keeps its samples
between its steps, and until the client has read the answer. A request that needs more than is free waits in line.
"""

from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus

import anyio

from fgm.viewer.web.problems import Problem

MAX_SAMPLES = 2_000_000
"""Maximum number of samples of one answer, and of all requests together."""
MAX_WAITING = 32
"""Maximum number of requests in line; a further one is refused."""
MAX_WAIT_S = 30.0
"""Maximum time that a request waits in line."""
RETRY_AFTER_S = 5
"""Time after which a client that was refused may ask again."""


@dataclass(eq=False)
class _Waiter:
    samples: int
    turn: anyio.Event = field(default_factory=anyio.Event)


class Budget:
    """A number of samples that is shared out, first come, first served; for one event loop."""

    def __init__(self, samples: int, *, max_waiting: int = MAX_WAITING, max_wait_s: float = MAX_WAIT_S) -> None:
        self.samples = self.free = samples
        self._max_waiting, self._max_wait_s = max_waiting, max_wait_s
        self._line: deque[_Waiter] = deque()

    @property
    def waiting(self) -> int:
        """Number of requests in line."""
        return len(self._line)

    async def take(self, samples: int) -> None:
        """Take samples, at most all there are, when it is the caller's turn.

        Raises: Problem (503) if the line is too long, or does not move.
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
        """Take samples at once, even if none are free: the next in line waits until they are back."""
        self.free -= samples

    def give_back(self, samples: int) -> None:
        """Return samples; the first in line goes on if there are enough now."""
        self.free += samples
        while self._line and self._line[0].samples <= self.free:
            waiter = self._line.popleft()
            self.free -= waiter.samples
            waiter.turn.set()

    def _leave(self, waiter: _Waiter) -> None:
        if waiter.turn.is_set():  # it was cancelled at the moment of its turn
            self.give_back(waiter.samples)
        else:
            self._line.remove(waiter)
            self.give_back(0)


class Lease:
    """The samples that one request has taken from the budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._taken = 0

    async def take(self, samples: int) -> None:
        """Take samples, at most all there are.

        Raises: Problem (503) if the line is too long, or does not move.
        """
        samples = min(samples, self._budget.samples)
        await self._budget.take(samples)
        self._taken += samples

    def grow(self, samples: int) -> None:
        """Take what is missing to this number of samples: a query has found more than it expected."""
        more = max(0, min(samples, self._budget.samples) - self._taken)
        self._budget.overdraw(more)
        self._taken += more

    def give_back(self) -> None:
        """Return all samples; may be called twice."""
        taken, self._taken = self._taken, 0
        self._budget.give_back(taken)


def _busy() -> Problem:
    detail = "too many requests are being answered; there is no memory for another one"
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after_s=RETRY_AFTER_S)
