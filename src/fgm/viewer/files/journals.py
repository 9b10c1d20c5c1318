"""Reads the journals of windows that are still being recorded. All requests share one reader for each journal."""

import errno
import os
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fgm.clock import Clock
from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.journal.journal_reader import JournalReader
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.listing.data_file import DataFile
from fgm.viewer.files.skipped_files import SkippedFiles

REFRESH_S = 0.5
"""Minimum interval between two reads of a journal's new frames."""
MAX_OPEN = 4
"""Maximum number of journals that are kept open."""
DAMAGED = "damaged; only the ticks before the damage are shown"


class JournalFacts(NamedTuple):
    """A summary of the ticks in a journal so far.

    `series`: all series, with their newest names. `metrics`: columns that have a value. `seen_ms`: first and last tick
    of each series, by series key. `supersedes`: whether the window is recorded again, because the clock was set back.
    """

    header: FileHeader
    series: tuple[Series, ...]
    metrics: frozenset[str]
    seen_ms: dict[str, tuple[int, int]]
    first_ms: int
    last_ms: int
    supersedes: bool


@dataclass(slots=True)
class _OpenJournal:
    reader: JournalReader
    refreshed_s: float


class Journals:
    """The open journals. New frames of each are read at most every `REFRESH_S`. Thread-safe; all methods may block.

    The returned objects belong to the caller: later reads do not change them.
    """

    def __init__(self, files: DataFiles, clock: Clock, skipped: SkippedFiles) -> None:
        self._files = files
        self._clock = clock
        self._skipped = skipped
        self._open: dict[str, _OpenJournal] = {}
        self._lock = threading.Lock()

    def facts(self, file: DataFile) -> JournalFacts | None:
        """Return a summary of a journal; None if it has no tick yet.

        Raises: FileNotFoundError if the window was closed meanwhile; BadFileError if it is not a journal.
        """
        with self._lock:
            reader = self._reader(file)
            if reader.first_ms is None or reader.last_ms is None:
                return None
            first, last = reader.first_seen_ms, reader.last_seen_ms
            seen_ms = {key: (first[key], last[key]) for key in last}
            return JournalFacts(
                reader.header,
                reader.series,
                reader.metrics,
                seen_ms,
                reader.first_ms,
                reader.last_ms,
                reader.supersedes,
            )

    def is_superseded(self, window: DataFile) -> bool:
        """Return whether a closed window is recorded again in an open journal. Its rows are those of another clock."""
        name = layout.journal_name(window.start_ms)
        with self._lock:
            journal = self._open.get(f"{window.folder}/{name}")
            if journal is None or not journal.reader.supersedes:
                return False
            try:
                with self._files.opened(window.folder) as fd:
                    return _file_id(name, fd) == journal.reader.file_id  # if it is closed, the window is the new one
            except OSError:
                return False  # opening the window fails in the same way, and is reported

    def chunks(self, file: DataFile, metrics: Sequence[str], keys: Collection[str]) -> list[Chunk]:
        """Return the rows of some series, one chunk for each, and keep the columns in memory for the next request.

        `metrics`: names of the columns. `keys`: keys of the series.

        Raises: FileNotFoundError if the window was closed meanwhile; BadFileError if it is not a journal.
        """
        with self._lock:
            return self._reader(file).chunks(metrics, keys)

    def chunks_once(self, file: DataFile, metrics: Sequence[str], keys: Collection[str]) -> list[Chunk]:
        """Return the same as `chunks`, but keep no columns in memory. Use it for many columns.

        Raises: FileNotFoundError if the window was closed meanwhile; BadFileError if it is not a journal.
        """
        with self._files.opened(file.folder) as fd:
            reader = JournalReader(file.name, fd, metrics=metrics)
        try:
            return reader.chunks(metrics, keys)
        finally:
            reader.close()

    def keep_only(self, files: Collection[DataFile]) -> None:
        """Close all open journals except those in `files`."""
        paths = {file.path for file in files}
        with self._lock:
            for path in self._open.keys() - paths:
                self._open.pop(path).reader.close()

    def close(self) -> None:
        """Close all open journals."""
        self.keep_only(())

    def _reader(self, file: DataFile) -> JournalReader:
        """Return the reader of a journal, after reading the new frames. If the file was replaced, open the new one."""
        now_s = self._clock.monotonic()
        journal = self._open.pop(file.path, None)
        with self._files.opened(file.folder) as fd:
            if journal is not None and not self._is_same(journal.reader, file.name, fd):
                journal.reader.close()
                journal = None
            is_new = journal is None
            if journal is None:
                journal = _OpenJournal(JournalReader(file.name, fd), now_s)
                self._skipped.forget(file.path)
        self._open[file.path] = journal
        if len(self._open) > MAX_OPEN:
            self._open.pop(next(iter(self._open))).reader.close()
        is_due = is_new or now_s - journal.refreshed_s >= REFRESH_S
        if is_due and not is_new:
            journal.refreshed_s = now_s
            try:
                journal.reader.refresh()
            except BadFileError as error:  # the frames that were read before are still valid
                self._skipped.note(file.path, error.reason)
        if is_due and journal.reader.is_damaged:
            self._skipped.note(file.path, DAMAGED)
        return journal.reader

    @staticmethod
    def _is_same(reader: JournalReader, name: str, fd: int) -> bool:
        file_id = _file_id(name, fd)
        if file_id is None:
            reader.close()
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return file_id == reader.file_id


def _file_id(name: str, fd: int) -> tuple[int, int] | None:
    """Return the device and inode of a file in a folder; None if there is none."""
    try:
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino
