"""Watches for OOM kills in containers between ticks, because the collector itself may be killed before the next tick.

The memory.events of a container at its memory limit changes all the time, because it counts hits of the limit, too.
"""

import logging
import math
import threading
from collections.abc import Collection, Iterable
from typing import NamedTuple, Protocol

import anyio
from anyio import to_thread

from fgm.clock import Clock
from fgm.collector.kernel.file_watch import FileWatch
from fgm.collector.kernel.kernel_file import GONE
from fgm.collector.kernel.kill_evidence import read_evidence
from fgm.events.oom.oom_text import NO_EVIDENCE, KillEvidence
from fgm.logs import fields
from fgm.parse.cgroup2 import memory_events
from fgm.parse.errors import ParseError
from fgm.store.samples.series import Series

PAUSE_S = 0.1
"""Minimum interval between two reads of modified files, and of counters that may still grow.

The kernel reports a file up to about 100 times a second (CGROUP_FILE_NOTIFY_MIN_INTV in kernel/cgroup/cgroup.c). It
logs each process of a group that it kills, which takes some ms per process on a serial console.
"""
MAX_READS = 5
"""Maximum number of reads of counters that grow each time. Then they are reported as they are."""
_MAX_BYTES = 4096

log = logging.getLogger(__name__)


class Counters(NamedTuple):
    """The OOM kill counters of a container. `group_kills`: None if the kernel does not count them."""

    kills: float
    group_kills: float | None


_UNKNOWN = Counters(math.nan, None)


class Report(Protocol):
    """Function that is called with the counters of a container if OOM kills were seen."""

    def __call__(self, seen: "SeenKill", /) -> None:
        """Add the counters."""


class SeenKill(NamedTuple):
    """The counters of a container that had OOM kills.

    `time_ms`: when they were first seen to have grown; `key`: key of the container; `is_final`: whether they had
    stopped growing. If not, the cgroup was removed before; `kills` is NaN if nothing was read. `evidence`: what was
    read together with the first ones that had grown.
    """

    time_ms: int
    key: str
    counters: Counters
    is_final: bool
    evidence: KillEvidence = NO_EVIDENCE


class _Growing(NamedTuple):
    time_ms: int
    counters: Counters
    evidence: KillEvidence
    reads: int = 1


class OomWatch:
    """Watches memory.events of the containers of the newest tick. Needs the memory controller of v2.

    If no inotify watch is left for a container, its OOM kills are seen at the next tick.
    """

    def __init__(self, mount: str, clock: Clock) -> None:
        """`mount`: mount point of the unified hierarchy."""
        self._mount = mount
        self._clock = clock
        self._keys: dict[str, str] = {}
        self._settled: dict[str, Counters] = {}
        self._growing: dict[str, _Growing] = {}
        self._lock = threading.Lock()
        self._has_logged_failure = False
        self._files = FileWatch(fallback="OOM kills are seen at the next tick")

    def watch(self, series: Iterable[Series]) -> None:
        """Watch exactly the containers among these series from now on. Thread-safe; may block."""
        with self._lock:
            wanted = {self._path(each): each.key for each in series if each.scope == "container"}
            for path in self._keys.keys() - wanted.keys():
                del self._keys[path]
                self._settled.pop(path, None)
                self._files.remove(path)
            for path in wanted.keys() - self._keys.keys():
                if self._files.add(path):
                    self._keys[path] = wanted[path]

    async def run(self, report: Report) -> None:
        """Until cancelled, report the counters of a container as soon as they have grown and do not grow any more.

        Returns immediately if no file can be watched.
        """
        while (fd := self._files.fd) is not None:
            if not self._growing:
                await anyio.wait_readable(fd)
            for seen in await to_thread.run_sync(self._read_modified):
                report(seen)
            await self._pause()

    async def settled(self, series: Collection[Series]) -> dict[str, Counters]:
        """Return the counters of containers, by key, after they have stopped growing.

        A container whose cgroup is removed meanwhile, or cannot be read, is left out.
        """
        counters = await to_thread.run_sync(self._read, series)
        for _ in range(MAX_READS):
            await self._pause()
            earlier, counters = counters, await to_thread.run_sync(self._read, series)
            if counters == earlier:
                break
        return counters

    async def evidence(self, series: Series) -> KillEvidence:
        """Return what the kernel counted for a container that had OOM kills, and for the groups above it."""
        return await to_thread.run_sync(read_evidence, self._mount, series.cgroup or "")

    def _read(self, series: Iterable[Series]) -> dict[str, Counters]:
        counters = {}
        for each in series:
            path = self._path(each)
            try:
                read = _counters(path)
            except (OSError, ParseError) as error:
                self._note_failure(path, error)
                continue
            if read is not None:
                counters[each.key] = read
        return counters

    def _read_modified(self) -> list[SeenKill]:
        """Read the modified files, and those whose counters grew at the read before; return what stopped growing."""
        settled = []
        with self._lock:
            modified = self._files.modified()
            growing, self._growing = self._growing, {}
            paths = set(self._keys) if modified is None else modified & self._keys.keys()
            for path in paths | growing.keys():
                earlier = growing.get(path)
                try:
                    counters = _counters(path)
                except (OSError, ParseError) as error:
                    self._note_failure(path, error)
                    continue
                if counters is None and path in self._keys:  # the cgroup was removed; report the last ones, or the time
                    since = earlier or self._grown(path, _UNKNOWN)
                    key = self._keys[path]
                    settled.append(
                        SeenKill(since.time_ms, key, since.counters, is_final=False, evidence=since.evidence)
                    )
                    continue
                if counters is None or path not in self._keys or counters == self._settled.get(path):
                    continue
                if earlier is None:
                    self._growing[path] = self._grown(path, counters)
                elif counters == earlier.counters or earlier.reads >= MAX_READS:
                    self._settled[path] = counters
                    key = self._keys[path]
                    settled.append(SeenKill(earlier.time_ms, key, counters, is_final=True, evidence=earlier.evidence))
                else:
                    self._growing[path] = earlier._replace(counters=counters, reads=earlier.reads + 1)
        return settled

    def _grown(self, path: str, counters: Counters) -> _Growing:
        has_kill = counters.kills != 0
        evidence = (
            read_evidence(self._mount, path.removeprefix(self._mount).rpartition("/")[0]) if has_kill else NO_EVIDENCE
        )
        return _Growing(self._clock.wall_ns() // 1_000_000, counters, evidence)

    def _note_failure(self, path: str, error: OSError | ParseError) -> None:
        if not self._has_logged_failure:
            log.warning(
                "cannot read OOM kills between ticks; the next tick shows them",
                extra=fields(file=path, reason=str(error)),
            )
        self._has_logged_failure = True

    def _path(self, series: Series) -> str:
        return f"{self._mount}{series.cgroup}/memory.events"

    async def _pause(self) -> None:
        await self._clock.sleep_until(self._clock.monotonic() + PAUSE_S)


def _counters(path: str) -> Counters | None:
    """Return the counters of OOM kills; None if the cgroup was removed. Its pod's cgroup counts the kill, too.

    Raises: OSError or ParseError if the file exists, but cannot be read.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            values = memory_events(file.read(_MAX_BYTES) or b"")
    except OSError as error:
        if error.errno in GONE:
            return None
        raise
    kills = values.get("memory.events.oom_kill")
    return None if kills is None else Counters(kills, values.get("memory.events.oom_group_kill"))
