"""The task that asks the kubelet for its pods: regularly, and when containers have come or gone."""

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from fgm.clock import Clock
from fgm.collector.kubernetes.follower import Outputs, PodFollower
from fgm.collector.kubernetes.poll_state import PollState
from fgm.collector.kubernetes.requests.errors import ApiError
from fgm.logs import fields
from fgm.store.index.index_file import Index
from fgm.store.samples.series import Series

if TYPE_CHECKING:
    from fgm.collector.kubernetes.requests.kubelet_client import KubeletClient

LOOK_AGAIN_S = 1
"""Interval between two looks whether the next request has become due earlier."""

log = logging.getLogger(__name__)


class KubeletFollower(PodFollower):
    """Follows the pods of the kubelet of this node."""

    def __init__(
        self, clock: Clock, client: "KubeletClient", index: Index, outputs: Outputs, random: Callable[[], float]
    ) -> None:
        """`random`: returns numbers in [0, 1)."""
        super().__init__(clock, client, index, outputs)
        self._kubelet = client
        self._state = PollState(random, clock.monotonic())

    def update_series(self, series: Iterable[Series]) -> None:
        """Set the series to those of a tick. If containers have come or gone, the kubelet is asked soon."""
        before = self._indexed
        super().update_series(series)
        if self._indexed != before:
            self._state.note_change(self._clock.monotonic())

    async def run(self) -> None:
        """Follow the pods until cancelled. Cancellation aborts the current request."""
        try:
            while True:
                while (now := self._clock.monotonic()) < self._state.due:
                    await self._clock.sleep_until(min(self._state.due, now + LOOK_AGAIN_S))
                await self._list()
        finally:
            self._kubelet.cut()

    async def _list(self) -> None:
        self._state.note_request(self._clock.monotonic())
        try:
            pods = await self._in_thread(self._kubelet.list_pods)
        except ApiError as error:
            self._state.note_failure(self._clock.monotonic())
            if self._note_failure():
                log.warning(
                    "cannot list the pods of the kubelet; keeping the names so far", extra=fields(reason=str(error))
                )
            return
        if self._note_success():
            log.info("listing the pods of the kubelet again")
        self._replace(pods)
        self._state.note_list(self._clock.monotonic(), is_complete=not self._book.has_nameless(self._monotonic_ms()))
