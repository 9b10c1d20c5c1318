"""Runs queries in worker threads, step by step."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

import anyio
from anyio import CapacityLimiter, Lock, to_thread

from fgm.viewer.api.response.memory_budget import Lease

MAX_WORKERS = 2
"""Number of worker threads. Queries share them step by step, so a long query does not delay a short one for long."""
MAX_YIELD_S = 5.0
"""Maximum time for which a step in the background waits for other requests: it must end, even if they never do."""
BUSY_S = 3.0
"""Time after a request in which more are expected."""
MAX_SHARE = 0.5
"""Maximum share of the CPU limit that work in the background uses meanwhile.

A container that has used up its limit stands still for the rest of the period, and so would the next request.
"""

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

    def __init__(self, cpu_limit: float | None = None) -> None:
        """`cpu_limit`: number of processors that the viewer may use; None: no limit."""
        # All can only be created in the event loop, which does not run yet.
        self._limiter: CapacityLimiter | None = None
        self._long_query: Lock | None = None
        self._is_idle: anyio.Event | None = None
        self._requests = 0
        self._last_request_s = float("-inf")
        self._cpu_limit = cpu_limit

    @contextmanager
    def in_foreground(self) -> Iterator[None]:
        """Let work in the background wait while the block runs: a request is being worked on."""
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1
            self._last_request_s = anyio.current_time()
            if not self._requests and self._is_idle is not None:
                self._is_idle.set()
                self._is_idle = None

    async def run(self, work: Callable[[], T]) -> T:
        """Wait for a free worker thread, run blocking work in it, and return the result."""
        with self.in_foreground():
            return await self._run(work)

    async def run_in_background(self, work: Callable[[], T]) -> T:
        """Wait until no request is being worked on, at most MAX_YIELD_S; then do what `run` does.

        While the page sends requests, it rests afterwards, so that they need not wait for the CPU limit.
        """
        with anyio.move_on_after(MAX_YIELD_S):
            while self._requests:
                if self._is_idle is None:
                    self._is_idle = anyio.Event()
                await self._is_idle.wait()
        began_s = anyio.current_time()
        result, cpu_s = await self._run(lambda: _timed(work))
        if self._cpu_limit is not None and anyio.current_time() < self._last_request_s + BUSY_S:
            rest_s = cpu_s / (MAX_SHARE * self._cpu_limit) - (anyio.current_time() - began_s)
            await anyio.sleep(max(0.0, rest_s))
        return result

    async def finish(
        self, query: SteppedQuery, lease: Lease, *, in_background: bool | Callable[[], bool] = False
    ) -> None:
        """Take the memory that a query needs from the lease, then run all steps of the query.

        `in_background`: whether each step waits until no request is being worked on; a function is called before each
        step.

        Raises: Problem (503) if the memory does not become free in time.
        """
        await lease.take(query.max_samples)
        waits = in_background if callable(in_background) else lambda: in_background
        while await (self.run_in_background if waits() else self.run)(query.step):
            lease.grow(query.max_samples)

    @property
    def long_query(self) -> Lock:
        """The lock for long queries: only one runs at a time, so that threads and memory remain for other requests."""
        if self._long_query is None:
            self._long_query = Lock()
        return self._long_query

    async def _run(self, work: Callable[[], T]) -> T:
        if self._limiter is None:
            self._limiter = CapacityLimiter(MAX_WORKERS)
        return await to_thread.run_sync(work, limiter=self._limiter)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """Return the result of work, and the CPU time that it took, in seconds."""
    began_s = time.thread_time()
    return work(), time.thread_time() - began_s
