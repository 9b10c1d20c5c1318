"""Follows all engines of a machine: one task for each socket, one for bundles, and one that reports missing names."""

import glob
import logging
from collections.abc import Iterable, Sequence

import anyio
from anyio import to_thread
from anyio.abc import TaskGroup

from fgm.clock import Clock
from fgm.collector.engines.bundle_follower import BundleFollower
from fgm.collector.engines.engine_book import EngineBook
from fgm.collector.engines.socket_follower import SocketFollower
from fgm.logs import fields
from fgm.store.samples.series import Series

GRACE_S = 5
"""Time after which a container that still has no name is reported. An engine names one in much less."""
MAX_SOCKETS = 50
"""Maximum number of sockets that are followed."""
ADVICE = {
    "docker": "run the collector as root or as a member of the socket's group, or see --engine-socket",
    "podman": "run the collector as root or as the user of the containers, or see --engine-socket",
}

log = logging.getLogger(__name__)


class EngineFollower:
    """Follows the engines of a machine. Does nothing before a container runs."""

    def __init__(self, clock: Clock, book: EngineBook, sockets: Sequence[str], bundles: BundleFollower) -> None:
        """`sockets`: patterns of paths; those with "podman" in their name are of Podman, the others of Docker."""
        self._clock = clock
        self._book = book
        self._patterns = sockets
        self._bundles = bundles
        self._followers: dict[str, SocketFollower] = {}

    def update_series(self, series: Iterable[Series]) -> None:
        """Set the series to those of a tick. Call this if they changed, after adding their containers to the index."""
        self._book.update_series(series)

    async def run(self) -> None:
        """Follow the engines until cancelled. Cancellation aborts their current requests."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._bundles.run, name="bundles")
            group.start_soon(self._report_nameless, name="nameless containers")
            while True:
                since = self._book.changes
                if self._book.running:
                    await self._follow_new_sockets(group)
                await self._book.wait_for_change(self._clock, since=since)

    async def _follow_new_sockets(self, group: TaskGroup) -> None:
        paths = await to_thread.run_sync(_matching, self._patterns)
        for path in paths:
            if path not in self._followers and len(self._followers) < MAX_SOCKETS:
                # 3 MB of HTTP and TLS, for machines with engines only.
                from fgm.collector.engines.engine_client import EngineClient  # noqa: PLC0415

                runtime = "podman" if "podman" in path else "docker"
                client = EngineClient(path, runtime, self._clock.monotonic)
                self._followers[path] = SocketFollower(self._clock, client, self._book)
                group.start_soon(self._followers[path].run, name=path)

    async def _report_nameless(self) -> None:
        """Log once for each runtime why its containers have no names, if they still have none after a while."""
        reported: set[str] = set()
        while True:
            before = self._book.nameless()
            if not before:
                await self._book.wait_for_change(self._clock)
                continue
            await self._clock.sleep_until(self._clock.monotonic() + GRACE_S)
            still = self._book.nameless()
            for runtime in {str(still[each].runtime) for each in before.keys() & still.keys()} & ADVICE.keys():
                reason = self._reason(runtime)
                if reason and runtime not in reported:
                    reported.add(runtime)
                    log.warning(
                        "containers have no names, because their engine cannot be asked",
                        extra=fields(runtime=runtime, reason=reason, advice=ADVICE[runtime]),
                    )
            await self._book.wait_for_change(self._clock)

    def _reason(self, runtime: str) -> str | None:
        """Return why an engine cannot be asked; None if it can."""
        followers = [each for each in self._followers.values() if each.runtime == runtime]
        reasons = [each.reason for each in followers if each.reason]
        return "; ".join(reasons) if followers else "no socket found"


def _matching(patterns: Sequence[str]) -> list[str]:
    return sorted({path for pattern in patterns for path in glob.glob(pattern)})
