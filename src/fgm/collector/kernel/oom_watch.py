"""Watches for OOM kills in containers between ticks, because the collector itself may be killed before the next tick.

The memory.events of a container at its memory limit changes all the time, because it counts hits of the limit, too.
"""

import threading
from collections.abc import Callable, Iterable

import anyio
from anyio import to_thread

from fgm.clock import Clock
from fgm.collector.kernel.file_watch import FileWatch
from fgm.parse.cgroup2 import memory_events
from fgm.parse.errors import ParseError
from fgm.store.samples.series import Series

PAUSE_S = 0.1
"""Minimum interval between two reads of modified files.

The kernel reports a file up to about 100 times a second (CGROUP_FILE_NOTIFY_MIN_INTV in kernel/cgroup/cgroup.c).
"""
_MAX_BYTES = 4096


class OomWatch:
    """Watches memory.events of the containers of the newest tick. Needs cgroup v2.

    If no inotify watch is left for a container, its OOM kills are seen at the next tick.
    """

    def __init__(self, mount: str, clock: Clock) -> None:
        """`mount`: mount point of the unified hierarchy."""
        self._mount = mount
        self._clock = clock
        self._keys: dict[str, str] = {}
        self._lock = threading.Lock()
        self._files = FileWatch(fallback="OOM kills are seen at the next tick")

    def watch(self, series: Iterable[Series]) -> None:
        """Watch exactly the containers among these series from now on. Thread-safe; may block."""
        with self._lock:
            wanted = {
                f"{self._mount}{each.cgroup}/memory.events": each.key for each in series if each.scope == "container"
            }
            for path in self._keys.keys() - wanted.keys():
                del self._keys[path]
                self._files.remove(path)
            for path in wanted.keys() - self._keys.keys():
                if self._files.add(path):
                    self._keys[path] = wanted[path]

    async def run(self, report: Callable[[str, float], None]) -> None:
        """Until cancelled, call `report` with a container's key and its OOM kill counter whenever its file has changed.

        Returns immediately if no file can be watched.
        """
        while (fd := self._files.fd) is not None:
            await anyio.wait_readable(fd)
            for key, kills in await to_thread.run_sync(self._read_modified):
                report(key, kills)
            await self._clock.sleep_until(self._clock.monotonic() + PAUSE_S)

    def _read_modified(self) -> list[tuple[str, float]]:
        with self._lock:
            modified = self._files.modified()
            paths = self._keys.keys() if modified is None else modified & self._keys.keys()
            counters = ((self._keys[path], _kills(path)) for path in paths)
            return [(key, kills) for key, kills in counters if kills is not None]


def _kills(path: str) -> float | None:
    """Return the counter of OOM kills; None if the cgroup was removed. Its pod's cgroup counts the kill, too."""
    try:
        with open(path, "rb", buffering=0) as file:
            return memory_events(file.read(_MAX_BYTES) or b"").get("memory.events.oom_kill")
    except (OSError, ParseError):
        return None
