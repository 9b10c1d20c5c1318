"""How many samples may be in memory for all requests together; who asks for more waits in line for them.

Threads bound how many queries are worked on, not how many hold samples: a query keeps its own between its steps,
and until the client has read the answer. What a request took is given back when its ASGI call ends, however it ends.
"""

from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus

import anyio

from fgm.viewer.web.asgi import App, Message, Receive, Scope, Send
from fgm.viewer.web.problems import Problem

MAX_WAITING = 32
"""So many requests wait in line; a further one is told to come back."""
MAX_WAIT_S = 30.0
SEND_TIMEOUT_S = 30.0
"""A client that takes nothing of its answer for so long is left."""
RETRY_AFTER_S = 5
LEASE = "fgm.lease"
"""The key of the lease in a request's ASGI scope."""


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
        """How many wait in line."""
        return len(self._line)

    async def take(self, samples: int) -> None:
        """Take so many samples (at most all there are), when it is the caller's turn.

        Raises Problem (503) where the line is too long, or does not move.
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
        """Take samples at once, also where there are none: the next in line wait until they are back."""
        self.free -= samples

    def give_back(self, samples: int) -> None:
        """Return samples; whoever is next in line and has enough now goes on."""
        self.free += samples
        while self._line and self._line[0].samples <= self.free:
            waiter = self._line.popleft()
            self.free -= waiter.samples
            waiter.turn.set()

    def _leave(self, waiter: _Waiter) -> None:
        if waiter.turn.is_set():  # it left in the moment that it was its turn
            self.give_back(waiter.samples)
        else:
            self._line.remove(waiter)
            self.give_back(0)


class Lease:
    """What one request has taken from the budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._taken = 0

    async def take(self, samples: int) -> None:
        """Take samples, at most all there are. Raises Problem (503)."""
        samples = min(samples, self._budget.samples)
        await self._budget.take(samples)
        self._taken += samples

    def grow(self, samples: int) -> None:
        """Have at least so many samples: a query found more than it expected."""
        more = max(0, min(samples, self._budget.samples) - self._taken)
        self._budget.overdraw(more)
        self._taken += more

    def give_back(self) -> None:
        """Return everything."""
        taken, self._taken = self._taken, 0
        self._budget.give_back(taken)


class Leasing:
    """An ASGI callable around another: each request gets a lease, and a client that stops reading loses its answer."""

    def __init__(self, app: App, budget: Budget, *, send_timeout_s: float = SEND_TIMEOUT_S) -> None:
        self._app, self._budget, self._send_timeout_s = app, budget, send_timeout_s

    async def __call__(  # noqa: D102 - ASGI
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        async def send_in_time(message: Message) -> None:
            with anyio.fail_after(self._send_timeout_s):  # Quart ends an answer at a TimeoutError
                await send(message)

        lease = scope[LEASE] = Lease(self._budget)
        try:
            await self._app(scope, receive, send_in_time)
        finally:
            lease.give_back()


def _busy() -> Problem:
    detail = "so many requests are being answered that there is no memory for another"
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after_s=RETRY_AFTER_S)
