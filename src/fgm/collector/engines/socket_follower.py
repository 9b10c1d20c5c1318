"""The task that follows one engine through its socket: Docker by its stream of events, Podman by lists.

Nothing is asked before a container of the engine runs, because systemd may start an engine at the first connection.
Podman's service ends when nobody is connected. So it is asked for a list if there are new containers, not for a stream.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio import to_thread

from fgm.clock import Clock
from fgm.collector.engines.engine_book import EngineBook
from fgm.collector.engines.engine_event import EXIT_CODE, EngineEvent
from fgm.collector.kubernetes.container_exits import ContainerExit
from fgm.collector.kubernetes.requests.errors import ApiError, SilenceError
from fgm.logs import fields

if TYPE_CHECKING:
    from fgm.collector.engines.engine_client import EngineClient

MIN_INTERVAL_S = 1
"""Minimum interval between two attempts. It is doubled after each failure, unless containers come or go."""
MIN_LIST_INTERVAL_S = 5
"""Minimum interval between two lists of Podman, which starts a process for them."""
MAX_INTERVAL_S = 60
PARTS_PER_PAUSE, PAUSE_S = 50, 0.1
"""Number of parts of the stream of events between two pauses, and their length. Docker sends each event as a part.

A stream without end must not take the processor from the sampling of ticks. The kernel and Docker keep what waits.
"""
MAX_OOM_KILLED = 500
"""Maximum number of OOM-killed containers that are remembered until they exit."""

T = TypeVar("T")
log = logging.getLogger(__name__)


class SocketFollower:
    """Follows the engine of one socket. `reason`: why the last request failed; None if it did not."""

    def __init__(self, clock: Clock, client: "EngineClient", book: EngineBook) -> None:
        self.reason: str | None = None
        self._clock = clock
        self._client = client
        self._book = book
        self._failures = 0
        self._asked: set[str] = set()
        self._oom_killed: dict[str, None] = {}
        self._workers = anyio.CapacityLimiter(1)

    @property
    def runtime(self) -> str:
        """The runtime of the engine: "docker" or "podman"."""
        return self._client.runtime

    async def run(self) -> None:
        """Follow the engine until cancelled. Cancellation aborts the current request."""
        try:
            while True:
                while not self._is_wanted():
                    await self._book.wait_for_change(self._clock)
                since = self._book.changes
                try:
                    await self._follow()
                except ApiError as error:
                    self._failures += 1
                    self.reason = str(error)
                await self._wait(since)
        finally:
            self._client.cut()

    def _is_wanted(self) -> bool:
        """Return whether there is something to ask: of Docker, as long as its containers run; of Podman, new ones."""
        if self.runtime == "docker":
            return bool(self._book.may_be_of("docker"))
        return not self._book.unlisted(self.runtime) <= self._asked

    async def _wait(self, since: int) -> None:
        """Wait until the next attempt. `since`: value of `changes` before the last one."""
        min_s = MIN_INTERVAL_S if self.runtime == "docker" else MIN_LIST_INTERVAL_S
        await self._clock.sleep_until(self._clock.monotonic() + min_s)
        if self._failures:
            wait_s = min(MAX_INTERVAL_S, MIN_INTERVAL_S * 2.0 ** min(self._failures, 10))
            await self._book.wait_for_change(self._clock, wait_s - MIN_INTERVAL_S, since=since)

    async def _follow(self) -> None:
        if self.runtime != "docker":
            asked = self._book.unlisted(self.runtime)
            await self._list()
            self._asked = asked
            return
        await self._in_thread(self._client.open_events)
        await self._list()
        parts = 0
        with suppress(SilenceError):
            while (events := await self._in_thread(self._client.next_events)) is not None:
                self._process(events)
                parts += 1
                if parts % PARTS_PER_PAUSE == 0:
                    await self._clock.sleep_until(self._clock.monotonic() + PAUSE_S)

    async def _list(self) -> None:
        containers = await self._in_thread(self._client.list_containers)
        if self.reason is not None:
            log.info("the engine answers again", extra=fields(socket=self._client.path))
        self._failures, self.reason = 0, None
        self._book.put_listed(containers)

    def _process(self, events: Sequence[EngineEvent]) -> None:
        named = [event.container for event in events if event.container is not None]
        if named:
            self._book.put_listed(named)
        for event in events:
            if event.kind == "oom":
                self._oom_killed[event.container_id] = None
                if len(self._oom_killed) > MAX_OOM_KILLED:
                    del self._oom_killed[next(iter(self._oom_killed))]
            elif event.kind == "die":
                reason = "OOMKilled" if event.container_id in self._oom_killed else None
                self._oom_killed.pop(event.container_id, None)
                # A label with this name replaces the exit code in the event (Docker 20.10).
                is_masked = EXIT_CODE in self._book.labels(event.container_id)
                exit_code = None if is_masked else event.exit_code
                exited = ContainerExit(event.container_id, reason, exit_code, event.time_ns // 1_000_000)
                self._book.report(exited)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._workers)
