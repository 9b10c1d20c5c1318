"""The task that follows the pods of this node in the Kubernetes API: a list, then watch streams of the changes."""

import logging
from collections.abc import Callable
from itertools import takewhile
from typing import TYPE_CHECKING

import anyio

from fgm.clock import Clock
from fgm.collector.kubernetes.follower import Outputs, PodFollower
from fgm.collector.kubernetes.pod import MAX_PODS
from fgm.collector.kubernetes.requests.errors import ApiError, SilenceError, StreamError
from fgm.collector.kubernetes.watch_state import SETTLED_S, WatchEvent, WatchState
from fgm.logs import fields
from fgm.store.index.index_file import Index

if TYPE_CHECKING:
    from fgm.collector.kubernetes.requests.api_client import PodApi

log = logging.getLogger(__name__)


class ApiFollower(PodFollower):
    """Follows the pods of this node in the Kubernetes API."""

    def __init__(
        self, clock: Clock, api: "PodApi", index: Index, outputs: Outputs, random: Callable[[], float]
    ) -> None:
        """`random`: returns numbers in [0, 1)."""
        super().__init__(clock, api, index, outputs)
        self._api = api
        self._state = WatchState(random, clock.monotonic())
        self._searched: set[str] = set()

    async def run(self) -> None:
        """Follow the pods until cancelled. Cancellation aborts the current request."""
        try:
            while True:
                await self._clock.sleep_until(self._state.due)
                if self._state.resource_version is None:
                    await self._list()
                else:
                    await self._watch(self._state.resource_version)
        finally:
            self._api.cut()

    async def _list(self) -> None:
        try:
            pods, version = await self._in_thread(self._api.list_pods)
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
        self._replace(pods)

    async def _watch(self, version: str) -> None:
        state, clock = self._state, self._clock
        state.note_start(clock.monotonic())
        try:
            await self._in_thread(self._api.open_stream, version, state.stream_s())
        except ApiError as error:
            state.note_refusal(clock.monotonic(), error.status)
            self._log_failure(str(error))
            return
        async with anyio.create_task_group() as group:
            if self._is_failing:
                group.start_soon(self._settle)
            await self._follow_stream()
            group.cancel_scope.cancel()

    async def _settle(self) -> None:
        """End the failure if the stream lasts, because no event may follow for minutes."""
        await self._clock.sleep_until(self._clock.monotonic() + SETTLED_S)
        self._log_success()

    async def _follow_stream(self) -> None:
        state, clock = self._state, self._clock
        reason = "the watch stream ended too early"
        try:
            while (events := await self._in_thread(self._api.next_events)) is not None:
                taken = list(takewhile(self._process, events))
                if taken:
                    self._publish(event.pod for event in taken if event.pod is not None)
                if len(taken) < len(events):
                    reason = "the watch stream ended with an error"
                    await self._in_thread(self._api.close)
                    break
                if self._has_missed_pods():
                    log.debug("pods of containers are missing; listing all pods")
                    await self._in_thread(self._api.close)
                    state.note_silence(clock.monotonic())
                    return
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

    def _has_missed_pods(self) -> bool:
        """Return whether pods run here that the stream should have had. Each pod is missed once.

        That is so if etcd was restored, and the API has reached the version of the watch again by the next event.
        """
        missing = self._book.missing_pods(self._monotonic_ms())
        is_new = not missing <= self._searched
        self._searched = missing
        return is_new

    def _log_failure(self, reason: str) -> None:
        level = logging.WARNING if self._note_failure() else logging.DEBUG
        log.log(level, "cannot follow the Kubernetes API; keeping the names so far", extra=fields(reason=reason))

    def _log_success(self) -> None:
        if self._note_success():
            log.info("following the Kubernetes API again")
