"""The index of a data directory (index.json): its containers, and the time range of its data."""

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import anyio
from anyio import to_thread

from fgm.collector.windows import file_spans
from fgm.collector.windows.closing import ClosedWindow
from fgm.collector.windows.file_spans import SeriesSpan
from fgm.logs import fields
from fgm.store.directory import atomic, layout
from fgm.store.directory.listing import data_files, minutes_files
from fgm.store.errors import BadFileError
from fgm.store.index import index_file
from fgm.store.index.index_changes import (
    apply,
    described,
    diff,
    joined,
    rotated,
    stepped,
    without,
    without_older,
)
from fgm.store.index.index_file import Facts, Index, IndexEntry
from fgm.store.samples.series import Series

AHEAD_MS = 1000
"""Maximum time by which ticks may be ahead of the wall clock, because small corrections of it are ignored."""

log = logging.getLogger(__name__)


class IndexKeeper:
    """Keeps the index in memory, and writes it to its file. Used in the event loop; it writes in worker threads.

    `is_missing`: whether there was no readable index at the start. Then call `rebuild`. `previous`: as it was then.
    """

    def __init__(self, data_dir: str, rotation_s: int, now_ms: int) -> None:
        """Load the index. May block. An index that cannot be read is renamed.

        Raises: OSError if it can be neither read nor renamed.
        """
        self._data_dir = data_dir
        self._path = os.path.join(data_dir, layout.INDEX_NAME)
        self._changed = anyio.Event()
        self._is_failing = False
        self._since_ms: int | None = None
        self._seen: set[str] = set()
        self._before_steps: list[tuple[int, int]] = []
        self.is_missing = not os.path.lexists(self._path)
        try:
            index = index_file.load(self._path)
        except BadFileError as error:
            aside = index_file.set_aside(self._path, now_ms)
            log.error(
                "cannot read the index; rebuilding it from the data files",
                extra=fields(reason=error.reason, kept_as=aside),
            )
            index, self.is_missing = Index(), True
        self.previous = index
        self.index = replace(index, rotation_s=rotation_s)

    def update(self, alive: Mapping[str, Series], now_ms: int) -> None:
        """Update the index to the running containers of a tick. Sandboxes are removed. `alive`: series by full id."""
        if self._since_ms is None:
            self._since_ms = now_ms
            # Also without containers: the next run takes the time of the index for the end of this one.
            self._set(rotated(self.index, now_ms, now_ms))
        containers = {full_id: facts_of(series) for full_id, series in alive.items() if series.scope == "container"}
        self._set(without(apply(self.index, diff(self.index, containers, now_ms)), alive.keys() - containers.keys()))
        self._seen |= containers.keys()

    def step_clock(self, now_ms: int, step_ms: float) -> None:
        """Move the times that this run has seen with the wall clock. `now_ms`: time after the step."""
        if self._since_ms is None:
            return
        step = round(step_ms)
        self._before_steps.append((self._since_ms, now_ms - step))
        self._seen &= self.index.keys.keys()
        self._set(stepped(self.index, self._seen, self._since_ms, now_ms, step))
        self._since_ms = max(0, self._since_ms + step)

    def describe(self, facts: Mapping[str, Facts], now_ms: int) -> None:
        """Add facts, by full container id, to existing entries. Other facts are ignored."""
        self._set(described(self.index, facts, now_ms))

    def add_window(self, window: ClosedWindow, now_ms: int) -> None:
        """Add the containers of a closed window. If it is of this run, those that run now were last seen at its end.

        A window that was recorded before the clock was set is not added, because its times are wrong.
        """
        if self._since_ms is not None and self._since_ms <= window.last_ms <= now_ms + AHEAD_MS:
            self._set(rotated(self.index, window.last_ms, now_ms))
        elif window.first_ms > now_ms or any(a <= window.last_ms <= b for a, b in self._before_steps):
            return
        self._join(window.spans, window.first_ms, window.last_ms)

    def forget_before(self, earliest_ms: int) -> None:
        """Remove the containers that ended before the oldest remaining data. `earliest_ms`: start of that data."""
        self._set(without_older(self.index, earliest_ms))

    async def run(self) -> None:
        """Until cancelled, write the file after each change, one write at a time."""
        while True:
            await self._changed.wait()
            await self.write()

    async def write(self) -> None:
        """Write the file if the index has changed. After a failure, it is tried again at the next change."""
        if not self._changed.is_set():
            return
        self._changed = anyio.Event()
        try:
            await to_thread.run_sync(_publish, self._data_dir, self.index)
        except OSError as error:
            if not self._is_failing:
                log.error("cannot write the index", extra=fields(reason=str(error)))
            self._is_failing = True
        else:
            self._is_failing = False

    async def rebuild(self) -> None:
        """Add the containers of all windows, merged hours, and minutes from before them, newest first."""
        paths = await to_thread.run_sync(lambda: list(data_files(self._data_dir, "metrics", newest_first=True)))
        unreadable = await self._add_files(paths, file_spans.of_samples)
        earliest_ms = self.index.earliest_ms
        older = [path for path in await to_thread.run_sync(self._minutes) if _is_before(path, earliest_ms)]
        unreadable += await self._add_files(older, file_spans.of_minutes)
        if paths or older:
            log.info("rebuilt the index", extra=fields(files=len(paths) + len(older), unreadable=unreadable))
        self._changed.set()  # even without files, so that a machine without containers has an index, too

    def _minutes(self) -> list[str]:
        return list(minutes_files(self._data_dir))

    async def _add_files(self, paths: Sequence[str], read: Callable[[str], list[SeriesSpan] | None]) -> int:
        """Add the containers of these files; return the number of those that cannot be read."""
        unreadable = 0
        for path in paths:
            spans = await to_thread.run_sync(read, path)
            if spans is None:
                unreadable += 1
            elif spans:
                self._join(spans, min(span.first_ms for span in spans), max(span.last_ms for span in spans))
        return unreadable

    def _join(self, spans: Iterable[SeriesSpan], first_ms: int, last_ms: int) -> None:
        entries = [
            IndexEntry(span.series.container_id, span.first_ms, span.last_ms, facts_of(span.series))
            for span in spans
            if span.series.scope == "container" and span.series.container_id is not None
        ]
        now_ms = max(last_ms, self.index.updated_ms)
        self._set(joined(self.index, entries, first_ms, last_ms, now_ms))

    def _set(self, index: Index) -> None:
        before, self.index = self.index, index
        has_same_span = (index.earliest_ms, index.latest_ms) == (before.earliest_ms, before.latest_ms)
        if index.entries is not before.entries or not has_same_span:
            self._changed.set()


def facts_of(series: Series) -> Facts:
    """Return the index facts that are in the series of a container."""
    return {
        "pod_name": series.pod_name,
        "namespace": series.namespace,
        "qos_class": series.qos_class,
        "container_name": series.container_name,
        "pod_uid": series.pod_uid,
        "runtime": series.runtime,
    }


def _publish(data_dir: str, index: Index) -> None:
    atomic.publish(data_dir, layout.INDEX_NAME, index_file.dump(index), is_read_at_once=True)


def _is_before(path: str, earliest_ms: int | None) -> bool:
    """Return whether a file of minutes begins before the given time of the earliest sample."""
    minutes = layout.parse_minutes_name(os.path.basename(path))
    return minutes is not None and (earliest_ms is None or minutes[0] < earliest_ms)
