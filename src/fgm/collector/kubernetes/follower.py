"""The task that follows the Kubernetes API: it turns the API's pods into names, facts for the index, and exits.

Requests run in a worker thread. A tick does not wait for them, but uses the newest names that have arrived.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio import to_thread

from fgm.clock import Clock
from fgm.collector.kubernetes.container_exits import ContainerExit, ExitFinder
from fgm.collector.kubernetes.errors import ApiError, SilenceError, StreamError
from fgm.collector.kubernetes.pod import MAX_PODS, Pod
from fgm.collector.kubernetes.pod_book import PodBook, facts_of
from fgm.collector.kubernetes.watch_state import SETTLED_S, WatchEvent, WatchState
from fgm.logs import fields
from fgm.store.index.index_file import Facts, Index
from fgm.store.samples.series import Series

if TYPE_CHECKING:
    from fgm.collector.kubernetes.api_client import PodApi

T = TypeVar("T")

Rename = Callable[[Callable[[Series], Series]], None]
"""Callback that sets the function for naming series, from the next tick on; see `Sampler.name_by`."""
Describe = Callable[[Mapping[str, Facts], int], None]
"""Callback (facts by full container id, time in ms); see `IndexKeeper.describe`."""

log = logging.getLogger(__name__)


class PodFollower:
    """Follows the pods of this node. Used in the event loop; requests run in a worker thread."""

    def __init__(
        self,
        clock: Clock,
        api: "PodApi | None",
        index: Index,
        *,
        describe: Describe,
        rename: Rename,
        report: Callable[[ContainerExit], None],
        random: Callable[[], float],
    ) -> None:
        """Start with the names in the index. If `api` is None, no others are added.

        `report`: called with each exit of a container. No callback may block. `random`: returns numbers in [0, 1).
        """
        self._clock = clock
        self._api = api
        self._describe_containers = describe
        self._rename = rename
        self._report = report
        self._state = WatchState(random, clock.monotonic())
        self._book = PodBook(index)
        self._exits = ExitFinder(index, self._now_ms())
        self._names = self._book.names
        self._is_failing = False
        self._has_pods = False
        self._indexed: set[str | None] = set()
        self._workers = anyio.CapacityLimiter(1)
        rename(self._names.name)

    @property
    def requests(self) -> int:
        """Number of requests to the API so far."""
        return 0 if self._api is None else self._api.requests

    def update_series(self, series: Iterable[Series], time_ms: int) -> None:
        """Set the series to those of a tick. Call this if they changed, after adding their containers to the index."""
        series = tuple(series)
        self._has_pods = any(each.pod_uid is not None for each in series)
        self._book.update_series(series, time_ms)
        before, self._indexed = self._indexed, {each.container_id for each in series if each.scope == "container"}
        new = self._indexed - before
        if new:
            self._describe(pod for pod in self._book.pods if any(container.id in new for container in pod.containers))

    async def run(self) -> None:
        """Follow the API until cancelled. Cancellation aborts the current request."""
        if self._api is None:
            log.info("no Kubernetes API found; pods and containers will have no names")
            return
        try:
            while True:
                await self._clock.sleep_until(self._state.due)
                if self._state.resource_version is None:
                    await self._list(self._api)
                else:
                    await self._watch(self._api, self._state.resource_version)
        finally:
            self._api.cut()

    async def _list(self, api: "PodApi") -> None:
        try:
            pods, version = await self._in_thread(api.list_pods)
        except ApiError as error:
            self._state.note_refusal(self._clock.monotonic(), error.status)
            self._log_failure(str(error))
            return
        before = self._state.newest_version
        if self._state.note_list(version, self._clock.monotonic()):
            log.warning(
                "the Kubernetes API has gone back to an older version; all pods were listed again",
                extra=fields(version=version, before=before),
            )
        if not pods and self._has_pods:
            log.warning("the Kubernetes API lists no pods of this node; check --node-name")
        self._book.replace(pods)
        self._publish(pods)

    async def _watch(self, api: "PodApi", version: str) -> None:
        state, clock = self._state, self._clock
        state.note_start(clock.monotonic())
        try:
            await self._in_thread(api.open_stream, version, state.stream_s())
        except ApiError as error:
            state.note_refusal(clock.monotonic(), error.status)
            self._log_failure(str(error))
            return
        async with anyio.create_task_group() as group:
            if self._is_failing:
                group.start_soon(self._settle)
            await self._follow_stream(api)
            group.cancel_scope.cancel()

    async def _settle(self) -> None:
        """End the failure if the stream lasts, because no event may follow for minutes."""
        await self._clock.sleep_until(self._clock.monotonic() + SETTLED_S)
        self._log_success()

    async def _follow_stream(self, api: "PodApi") -> None:
        state, clock = self._state, self._clock
        reason = "the watch stream ended too early"
        try:
            while (events := await self._in_thread(api.next_events)) is not None:
                taken = list(takewhile(self._process, events))
                if taken:
                    self._publish([event.pod for event in taken if event.pod is not None])
                if len(taken) < len(events):
                    reason = "the watch stream ended with an error"
                    await self._in_thread(api.close)
                    break
        except StreamError as error:
            state.note_malformed(clock.monotonic())
            self._log_failure(str(error))
            return
        except SilenceError as error:
            log.debug("the watch stream was silent; listing all pods", extra=fields(reason=str(error)))
            state.note_silence(clock.monotonic())
            return
        except ApiError as error:
            reason = str(error)
        state.note_end(clock.monotonic())
        if state.failures:
            self._log_failure(reason)

    def _process(self, event: WatchEvent) -> bool:
        """Process an event; return whether the stream continues.

        Raises: StreamError if there are more pods than a node can have.
        """
        if not self._state.note_event(event):
            log.debug("the Kubernetes API ended the watch with an error", extra=fields(code=event.code))
            return False
        self._log_success()
        if event.pod is not None and event.kind == "changed":
            self._book.put(event.pod)
        elif event.pod is not None and event.kind == "deleted":
            self._book.remove(event.pod)
        if len(self._book.pods) > MAX_PODS:
            raise StreamError(f"the watch stream has more than {MAX_PODS} pods of one node")
        return True

    def _publish(self, pods: Sequence[Pod]) -> None:
        """Pass names, exits and facts on after a response of the API. `pods`: those in the response."""
        self._book.note_response(self._now_ms())
        if self._book.names is not self._names:
            self._names = self._book.names
            self._rename(self._names.name)
        for pod in pods:
            for exited in self._exits.find(pod):
                self._report(exited)
        self._describe(pods)

    def _describe(self, pods: Iterable[Pod]) -> None:
        self._describe_containers(
            {full_id: facts for pod in pods for full_id, facts in facts_of(pod).items()}, self._now_ms()
        )

    def _log_failure(self, reason: str) -> None:
        level = logging.DEBUG if self._is_failing else logging.WARNING
        log.log(level, "cannot follow the Kubernetes API; keeping the names so far", extra=fields(reason=reason))
        self._is_failing = True

    def _log_success(self) -> None:
        if self._is_failing:
            self._is_failing = False
            log.info("following the Kubernetes API again")

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // 1_000_000

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        return await to_thread.run_sync(work, *arguments, abandon_on_cancel=True, limiter=self._workers)
