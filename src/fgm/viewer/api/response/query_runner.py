"""Runs queries in worker threads, step by step."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from anyio import CapacityLimiter, Lock, to_thread

from fgm.viewer.api.response.memory_budget import Lease

MAX_WORKERS = 2
"""Number of worker threads. Queries share them step by step, so a long query does not delay a short one for long."""

T = TypeVar("T")


class SteppedQuery(Protocol):
    """A query that runs in steps.

    `step`: does the next part of the work; returns whether there is more. `max_samples`: upper limit of samples in
    memory so far; may grow with the next step.
    """

    @property
    def max_samples(self) -> int: ...  # noqa: D102 - see the class

    def step(self) -> bool: ...  # noqa: D102 - see the class


class QueryRunner:
    """Runs work in a limited number of threads. Use it in one event loop only."""

    def __init__(self) -> None:
        # Both can only be created in the event loop, which does not run yet.
        self._limiter: CapacityLimiter | None = None
        self._long_query: Lock | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """Wait for a free worker thread, run blocking work in it, and return the result."""
        if self._limiter is None:
            self._limiter = CapacityLimiter(MAX_WORKERS)
        return await to_thread.run_sync(work, limiter=self._limiter)

    async def finish(self, query: SteppedQuery, lease: Lease) -> None:
        """Take the memory that a query needs from the lease, then run all steps of the query.

        Raises: Problem (503) if the memory does not become free in time.
        """
        await lease.take(query.max_samples)
        while await self.run(query.step):
            lease.grow(query.max_samples)

    @property
    def long_query(self) -> Lock:
        """The lock for long queries: only one runs at a time, so that threads and memory remain for other requests."""
        if self._long_query is None:
            self._long_query = Lock()
        return self._long_query
