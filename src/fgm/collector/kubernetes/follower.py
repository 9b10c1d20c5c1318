"""What all followers of pods share: they turn pods into names, facts for the index, and exits of containers.

Requests run in a worker thread. A tick does not wait for them, but uses the newest names that have arrived.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import anyio
from anyio import to_thread

from fgm.clock import Clock
from fgm.collector.kubernetes.container_exits import ContainerExit, ExitFinder
from fgm.collector.kubernetes.pod import Pod
from fgm.collector.kubernetes.pod_book import PodBook, facts_of
from fgm.store.index.index_file import Facts, Index
from fgm.store.samples.series import Series

T = TypeVar("T")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outputs:
    """Callbacks of a follower. None of them may block.

    `describe`: called with facts by full container id, and the time in ms; see `IndexKeeper.describe`. `rename`: sets
    the function for naming series, from the next tick on; see `Sampler.name_by`. `report`: called with each exit.
    `read_limits`: called if limits have changed, so that they are read again at once.
    """

    describe: Callable[[Mapping[str, Facts], int], None]
    rename: Callable[[Callable[[Series], Series]], None]
    report: Callable[[ContainerExit], None]
    read_limits: Callable[[], None] = lambda: None


class Client(Protocol):
    """A client whose requests are counted."""

    @property
    def requests(self) -> int:
        """Number of requests so far."""


class PodFollower:
    """Follows no pods, but keeps the names that are in the index. Used in the event loop."""

    def __init__(self, clock: Clock, client: Client | None, index: Index, outputs: Outputs) -> None:
        """Start with the names in the index."""
        self._clock = clock
        self._client = client
        self._outputs = outputs
        self._book = PodBook(index)
        self._exits = ExitFinder(index, self._now_ms())
        self._names = self._book.names
        self._is_failing = False
        self._has_pods = False
        self._indexed: set[str | None] = set()
        self._workers = anyio.CapacityLimiter(1)
        outputs.rename(self._names.name)

    @property
    def has_api(self) -> bool:
        """Whether there is an API that names the containers in pods."""
        return self._client is not None

    @property
    def requests(self) -> int:
        """Number of requests so far."""
        return 0 if self._client is None else self._client.requests

    def step_clock(self, step_ms: float) -> None:
        """Follow a step of the wall clock. `step_ms`: negative if it was set back."""
        self._exits.step_clock(round(step_ms))

    def update_series(self, series: Iterable[Series]) -> None:
        """Set the series to those of a tick. Call this if they changed, after adding their containers to the index."""
        series = tuple(series)
        self._has_pods = any(each.pod_uid is not None for each in series)
        self._book.update_series(series, self._monotonic_ms())
        before, self._indexed = self._indexed, {each.container_id for each in series if each.scope == "container"}
        new = self._indexed - before
        if new:
            self._describe(pod for pod in self._book.pods if any(container.id in new for container in pod.containers))

    async def run(self) -> None:
        """Follow the pods until cancelled. Cancellation aborts the current request."""
        log.info("no Kubernetes API found; pods will have no names")

    def _replace(self, pods: Sequence[Pod]) -> None:
        """Replace all pods with those of a list."""
        if not pods and self._has_pods:
            log.warning("no pods of this node are listed; check --node-name")
        self._book.replace(pods)
        self._publish(pods)

    def _publish(self, pods: Iterable[Pod]) -> None:
        """Pass names, exits and facts on after a response. `pods`: those in the response."""
        pods = tuple(pods)
        self._book.note_response(self._monotonic_ms())
        if self._book.take_new_limits():
            self._outputs.read_limits()
        if self._book.names is not self._names:
            self._names = self._book.names
            self._outputs.rename(self._names.name)
        for pod in pods:
            for exited in self._exits.find(pod):
                self._outputs.report(exited)
        self._describe(pods)

    def _describe(self, pods: Iterable[Pod]) -> None:
        self._outputs.describe(
            {full_id: facts for pod in pods for full_id, facts in facts_of(pod).items()}, self._now_ms()
        )

    def _note_failure(self) -> bool:
        """Note a failure; return whether it is the first one since the last success."""
        is_first, self._is_failing = not self._is_failing, True
        return is_first

    def _note_success(self) -> bool:
        """Note a success; return whether it ends a failure."""
        ends_failure, self._is_failing = self._is_failing, False
        return ends_failure

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // 1_000_000

    def _monotonic_ms(self) -> int:
        """Return the time for the ages of containers, which does not jump if the wall clock is set."""
        return round(self._clock.monotonic() * 1000)

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        return await to_thread.run_sync(work, *arguments, abandon_on_cancel=True, limiter=self._workers)
