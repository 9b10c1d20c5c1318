"""Runs queries in worker threads, a step at a time."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from anyio import CapacityLimiter, Lock, to_thread

from fgm.viewer.api.response.memory_budget import Lease

MAX_WORKERS = 2
"""Number of threads. Queries take turns in them, step by step, so that a long one does not hold up a short one."""

T = TypeVar("T")


class SteppedQuery(Protocol):
    """A query that is made step by step. `max_samples`: memory that it may take, in samples, as far as is known."""

    @property
    def max_samples(self) -> int: ...  # noqa: D102 - see the class

    def step(self) -> bool: ...  # noqa: D102 - see the class


class QueryRunner:
    """The worker threads; for one event loop."""

    def __init__(self) -> None:
        # Both belong to the event loop, which does not run yet.
        self._limiter: CapacityLimiter | None = None
        self._long_query: Lock | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking work in a thread, when one is free."""
        if self._limiter is None:
            self._limiter = CapacityLimiter(MAX_WORKERS)
        return await to_thread.run_sync(work, limiter=self._limiter)

    async def finish(self, query: SteppedQuery, lease: Lease) -> None:
        """Take the memory that a query needs, and run all its steps.

        Raises: Problem (503) if there is no memory.
        """
        await lease.take(query.max_samples)
        while await self.run(query.step):
            lease.grow(query.max_samples)

    @property
    def long_query(self) -> Lock:
        """The lock that a long query holds: only one runs at a time, so that others have threads and memory."""
        if self._long_query is None:
            self._long_query = Lock()
        return self._long_query
