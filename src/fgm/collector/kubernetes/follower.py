"""The task that follows the API: what it says becomes names, facts of the index, and changes that are told.

The requests are made in a thread that nothing waits for; a tick only ever takes the newest names that are there.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio import to_thread

from fgm.clock import Clock
from fgm.collector.kubernetes.container_ends import Change, ChangeFinder
from fgm.collector.kubernetes.errors import ApiError, StreamError
from fgm.collector.kubernetes.pod_book import PodBook, facts_of
from fgm.collector.kubernetes.pods import MAX_PODS, Pod
from fgm.collector.kubernetes.watch_state import Event, Watching
from fgm.collector.windows.index_keeper import IndexKeeper
from fgm.logs import fields
from fgm.store.samples.series import Series

if TYPE_CHECKING:
    from fgm.collector.kubernetes.api_client import PodApi

T = TypeVar("T")

Rename = Callable[[Callable[[Series], Series]], None]
"""Takes what names series from the next tick on; see `Sampler.name_by`."""

log = logging.getLogger(__name__)


def _tell_nobody(_: Change) -> None:
    pass


class Metadata:
    """Follows the API. Used in the event loop; only the requests are made elsewhere."""

    def __init__(
        self,
        clock: Clock,
        api: "PodApi | None",
        index: IndexKeeper,
        *,
        rename: Rename,
        random: Callable[[], float],
        tell: Callable[[Change], None] = _tell_nobody,
    ) -> None:
        """Begin with the names that the index knows; without an `api` they are all there are.

        `tell`: takes what happened to containers; must not block. `random`: gives numbers in [0, 1).
        """
        self._clock = clock
        self._api = api
        self._index = index
        self._rename = rename
        self._tell = tell
        self._watching = Watching(random, clock.monotonic())
        self._book = PodBook(index.index)
        self._changes = ChangeFinder(index.index, self._now_ms())
        self._names = self._book.names
        self._failing = False
        self._has_pods = False
        self._indexed: set[str | None] = set()
        self._workers = anyio.CapacityLimiter(1)
        rename(self._names.name)

    @property
    def requests(self) -> int:
        """How many requests were made."""
        return 0 if self._api is None else self._api.requests

    def see(self, series: Iterable[Series], time_ms: int) -> None:
        """Take the series of a tick that has others than the last one; the index knows its containers by now."""
        series = tuple(series)
        self._has_pods = any(one.pod_uid is not None for one in series)
        self._book.see(series, time_ms)
        before, self._indexed = self._indexed, {one.container_id for one in series if one.scope == "container"}
        new = self._indexed - before
        if new:
            self._describe(pod for pod in self._book.pods if any(one.id in new for one in pod.containers))

    async def run(self) -> None:
        """Follow the API until cancelled, which waits for no request."""
        if self._api is None:
            log.info("there is no Kubernetes API to ask; pods and containers have no names")
            return
        try:
            while True:
                await self._clock.sleep_until(self._watching.due)
                if self._watching.resource_version is None:
                    await self._list(self._api)
                else:
                    await self._watch(self._api, self._watching.resource_version)
        finally:
            self._api.cut()

    async def _list(self, api: "PodApi") -> None:
        try:
            pods, version = await self._in_thread(api.list_pods)
        except ApiError as error:
            self._watching.refused(self._clock.monotonic(), error.status)
            self._note(str(error))
            return
        self._watching.listed(version, self._clock.monotonic())
        if not pods and self._has_pods:
            log.warning("the Kubernetes API lists no pod of this node: is --node-name its name there?")
        self._book.replace(pods)
        self._take(pods)

    async def _watch(self, api: "PodApi", version: str) -> None:
        watching, clock = self._watching, self._clock
        watching.began(clock.monotonic())
        try:
            await self._in_thread(api.open_stream, version, watching.stream_s())
        except ApiError as error:
            watching.refused(clock.monotonic(), error.status)
            self._note(str(error))
            return
        reason = "its stream ended at once"
        try:
            while (events := await self._in_thread(api.next_events)) is not None:
                said = list(takewhile(self._see, events))
                if said:
                    self._take([event.pod for event in said if event.pod is not None])
                if len(said) < len(events):
                    reason = "its stream ended with an error"
                    await self._in_thread(api.close)
                    break
        except StreamError as error:
            watching.broke(clock.monotonic())
            self._note(str(error))
            return
        except ApiError as error:
            reason = str(error)
        watching.ended(clock.monotonic())
        if watching.failures:
            self._note(reason)

    def _see(self, event: Event) -> bool:
        """Take an event; return whether the stream goes on. Raises StreamError where it says too much."""
        if not self._watching.see(event):
            log.debug("the Kubernetes API ended a stream", extra=fields(code=event.code))
            return False
        if self._failing:
            self._failing = False
            log.info("the Kubernetes API is followed again")
        if event.pod is not None and event.kind == "changed":
            self._book.put(event.pod)
        elif event.pod is not None and event.kind == "deleted":
            self._book.remove(event.pod)
        if len(self._book.pods) > MAX_PODS:
            raise StreamError(f"its stream names more than {MAX_PODS} pods of one node")
        return True

    def _take(self, pods: Sequence[Pod]) -> None:
        """Hand on what the API has just said, of however many pods at once."""
        now_ms = self._now_ms()
        self._book.heard(now_ms)
        if self._book.names is not self._names:
            self._names = self._book.names
            self._rename(self._names.name)
        for pod in pods:
            for change in self._changes.find(pod):
                self._tell(change)
        self._describe(pods)

    def _describe(self, pods: Iterable[Pod]) -> None:
        self._index.describe({key: facts for pod in pods for key, facts in facts_of(pod).items()}, self._now_ms())

    def _note(self, reason: str) -> None:
        level = logging.DEBUG if self._failing else logging.WARNING
        log.log(level, "the Kubernetes API cannot be followed; names stay as they are", extra=fields(reason=reason))
        self._failing = True

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // 1_000_000

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        return await to_thread.run_sync(work, *arguments, abandon_on_cancel=True, limiter=self._workers)
