"""The task that reads the bundles of new containers, and the exit codes of those that are gone.

It reads nothing as long as no container comes or goes, except that it looks whether Podman has renamed one.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import anyio
from anyio import to_thread

from fgm.clock import Clock
from fgm.collector.engines.bundle_reader import BundleReader
from fgm.collector.engines.engine_book import EngineBook

RETRIES_S = (0.5, 1, 2, 4, 8)
"""Intervals after which a container whose process has no supervisor yet is looked at again."""
RENAMED_EVERY_S = 5
"""Interval between two looks whether the storage of Podman has changed."""

T = TypeVar("T")


class BundleFollower:
    """Follows the containers of the book."""

    def __init__(self, clock: Clock, reader: BundleReader, book: EngineBook) -> None:
        self._clock = clock
        self._reader = reader
        self._book = book
        self._attempts: dict[str, int] = {}
        self._read: set[str] = set()
        self._workers = anyio.CapacityLimiter(1)

    async def run(self) -> None:
        """Follow the containers until cancelled."""
        while True:
            since = self._book.changes
            await self._take_exits()
            await self._read_new()
            await self._wait(since)
            if self._reader.has_storage:
                read_renamed = partial(self._reader.read_renamed, self._book.running)
                self._book.put_bundles(await self._in_thread(read_renamed))

    async def _read_new(self) -> None:
        wanted = {
            container_id: series
            for container_id, series in self._book.with_bundle().items()
            if container_id not in self._read and self._attempts.get(container_id, 0) <= len(RETRIES_S)
        }
        if wanted:
            containers = await self._in_thread(partial(self._reader.read, wanted))
            self._book.put_bundles(containers)
            self._read |= {container.id for container in containers}
            self._attempts |= {container_id: self._attempts.get(container_id, 0) + 1 for container_id in wanted}

    async def _take_exits(self) -> None:
        gone = [container_id for container_id in self._attempts if container_id not in self._book.running]
        for container_id in gone:
            exited = await self._in_thread(partial(self._reader.take_exit, container_id))
            if exited is not None:
                self._book.report(exited)
            del self._attempts[container_id]
            self._read.discard(container_id)  # it may be started again, with another supervisor

    async def _wait(self, since: int) -> None:
        """Wait until containers come or go after `since`, or until the next look is due."""
        waiting = [attempts for each, attempts in self._attempts.items() if each not in self._read]
        retries_s = [RETRIES_S[attempts - 1] for attempts in waiting if attempts <= len(RETRIES_S)]
        if self._reader.has_storage:
            retries_s.append(RENAMED_EVERY_S)
        await self._book.wait_for_change(self._clock, min(retries_s, default=None), since=since)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._workers)
