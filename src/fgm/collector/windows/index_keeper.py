"""Keeps index.json: which containers there are, and from when to when there is data."""

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace

import anyio
from anyio import to_thread

from fgm.collector.windows.closing import ClosedWindow, Seen
from fgm.logs import fields
from fgm.store.directory import atomic, layout
from fgm.store.directory.listing import data_files
from fgm.store.errors import BadFileError
from fgm.store.index import index_file
from fgm.store.index.index_changes import apply, described, diff, joined, rotated, without, without_older
from fgm.store.index.index_file import Facts, Index, IndexEntry
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.series import Series

log = logging.getLogger(__name__)


class IndexKeeper:
    """The index in memory, and its file. Changes are made in the event loop; files are touched in a thread."""

    def __init__(self, data_dir: str, rotation_s: int, now_ms: int) -> None:
        """Load the index; one that cannot be read is set aside. Raises OSError."""
        self._data_dir = data_dir
        self._path = os.path.join(data_dir, layout.INDEX_NAME)
        self._changed = anyio.Event()
        self._failing = False
        self.is_missing = not os.path.lexists(self._path)
        """Whether `rebuild` has to find out from the files what was there before."""
        try:
            index = index_file.load(self._path)
        except BadFileError as error:
            aside = index_file.set_aside(self._path, now_ms)
            log.error("the index cannot be read; it is made anew", extra=fields(reason=error.reason, kept_as=aside))
            index, self.is_missing = Index(), True
        self.index = replace(index, rotation_s=rotation_s)

    def see(self, alive: Mapping[str, Series], now_ms: int) -> None:
        """Take the living containers of a tick, by full id. One that turned out to be a sandbox leaves."""
        found = {full_id: facts_of(series) for full_id, series in alive.items() if series.scope == "container"}
        self._set(without(apply(self.index, diff(self.index, found, now_ms)), alive.keys() - found.keys()))

    def describe(self, facts: Mapping[str, Facts], now_ms: int) -> None:
        """Take what is known of containers besides their series, by full id, where the index has them."""
        self._set(described(self.index, facts, now_ms))

    def add_window(self, window: ClosedWindow) -> None:
        """Take what a closed window says, and that everything alive was seen until its end."""
        if window.last_ms >= (self.index.latest_ms or 0):
            self._set(rotated(self.index, window.last_ms))
        self._join(window.seen, window.first_ms, window.last_ms)

    def forget_before(self, earliest_ms: int) -> None:
        """Take that there is no data any more before an instant."""
        self._set(without_older(self.index, earliest_ms))

    async def run(self) -> None:
        """Write the file after each change, one write at a time; until cancelled."""
        while True:
            await self._changed.wait()
            await self.write()

    async def write(self) -> None:
        """Write the file if it is not as the index. What cannot be written is tried again after the next change."""
        if not self._changed.is_set():
            return
        self._changed = anyio.Event()
        try:
            await to_thread.run_sync(_publish, self._data_dir, self.index)
        except OSError as error:
            if not self._failing:
                log.error("the index cannot be written", extra=fields(reason=str(error)))
            self._failing = True
        else:
            self._failing = False

    async def rebuild(self) -> None:
        """Join what all Parquet files say, newest first."""
        paths = await to_thread.run_sync(lambda: list(data_files(self._data_dir, "metrics", newest_first=True)))
        bad = 0
        for path in paths:
            found = await to_thread.run_sync(_seen_in, path)
            if found is None:
                bad += 1
            elif found:
                self._join(found, min(seen.first_ms for seen in found), max(seen.last_ms for seen in found))
        if paths:
            log.info("the index is rebuilt", extra=fields(files=len(paths), unreadable=bad))
        self._changed.set()  # also where there was nothing: on a machine without containers it would come much later

    def _join(self, found: Iterable[Seen], first_ms: int, last_ms: int) -> None:
        entries = [
            IndexEntry(seen.series.container_id, seen.first_ms, seen.last_ms, facts_of(seen.series))
            for seen in found
            if seen.series.scope == "container" and seen.series.container_id is not None
        ]
        now_ms = max(last_ms, self.index.updated_ms)
        self._set(joined(self.index, entries, first_ms, last_ms, now_ms))

    def _set(self, index: Index) -> None:
        span = (self.index.earliest_ms, self.index.latest_ms)
        written = index.entries is self.index.entries and (index.earliest_ms, index.latest_ms) == span
        self.index = index
        if not written:
            self._changed.set()


def facts_of(series: Series) -> Facts:
    """Return what the index says of a container."""
    return {
        "pod_name": series.pod_name,
        "namespace": series.namespace,
        "qos_class": series.qos_class,
        "container_name": series.container_name,
        "pod_uid": series.pod_uid,
        "runtime": series.runtime,
    }


def _publish(data_dir: str, index: Index) -> None:
    atomic.publish(data_dir, layout.INDEX_NAME, index_file.dump(index))


def _seen_in(path: str) -> list[Seen] | None:
    """Return the series of a Parquet file; None where it cannot be read."""
    try:
        file = WindowFile.open(path)
    except (OSError, BadFileError):
        return None
    try:
        return [Seen(c.series, int(c.time_ms[0]), int(c.time_ms[-1])) for c in file.chunks(())]
    except (OSError, BadFileError):
        return None
    finally:
        file.close()
