"""Says at once when a process of a container was OOM-killed: the collector itself may be gone before the next tick.

memory.events of cgroup v2 is modified when a counter in it grows. Kernel: admin-guide/cgroup-v2.rst.
"""

import logging
import threading
from collections.abc import Callable, Iterable

import anyio
from anyio import to_thread

from fgm.clock import Clock
from fgm.collector.kernel import inotify
from fgm.collector.kernel.inotify import EventsLostError, Inotify, NoWatchError
from fgm.logs import fields
from fgm.parse.cgroup2 import memory_events
from fgm.parse.errors import ParseError
from fgm.store.samples.series import Series

PAUSE_S = 0.1
"""Between two looks: a container at its limit has its file modified all the time."""
_MOST_BYTES = 4096

log = logging.getLogger(__name__)


class KillWatch:
    """Watches the containers of the newest tick. Kills in those that get no watch are seen at the next tick."""

    def __init__(self, mount: str, clock: Clock) -> None:
        """`mount`: of the unified hierarchy."""
        self._mount = mount
        self._clock = clock
        self._keys: dict[str, str] = {}
        self._lock = threading.Lock()
        self._inotify: Inotify | None = None
        self._said = False
        try:
            self._inotify = Inotify()
        except NoWatchError as error:
            self._do_without(error)

    def watch(self, series: Iterable[Series]) -> None:
        """Watch these containers, and no others any more."""
        with self._lock:
            wanted = {f"{self._mount}{one.cgroup}/memory.events": one.key for one in series if one.scope == "container"}
            for path in self._keys.keys() - wanted.keys():
                del self._keys[path]
                if self._inotify is not None:
                    self._inotify.remove(path)
            for path in wanted.keys() - self._keys.keys():
                try:
                    if self._inotify is not None:
                        self._inotify.add(path, inotify.MODIFY)
                        self._keys[path] = wanted[path]
                except NoWatchError as error:
                    self._do_without(error)
                except OSError:
                    continue  # it is gone again, or its memory is not counted

    async def run(self, see: Callable[[str, float], None]) -> None:
        """Give `see` the key of a container and its counter of OOM kills whenever its file was modified."""
        while self._inotify is not None:
            await anyio.wait_readable(self._inotify.fd)
            for key, kills in await to_thread.run_sync(self._look):
                see(key, kills)
            await self._clock.sleep_until(self._clock.monotonic() + PAUSE_S)

    def _look(self) -> list[tuple[str, float]]:
        with self._lock:
            if self._inotify is None:
                return []
            try:
                modified = {path for path, _, _ in self._inotify.events()}
            except EventsLostError:
                modified = set(self._keys)
            found = ((self._keys[path], _kills(path)) for path in modified if path in self._keys)
            return [(key, kills) for key, kills in found if kills is not None]

    def _do_without(self, error: NoWatchError) -> None:
        if not self._said:
            log.info(
                "the kernel has no more watches to give (fs.inotify); OOM kills are seen at the next tick",
                extra=fields(reason=error.strerror),
            )
        self._said = True


def _kills(path: str) -> float | None:
    try:
        with open(path, "rb", buffering=0) as file:
            return memory_events(file.read(_MOST_BYTES) or b"").get("memory.events.oom_kill")
    except (OSError, ParseError):
        return None  # it is gone: its pod tells
