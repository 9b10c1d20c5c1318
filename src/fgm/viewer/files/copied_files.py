"""Parquet files that were copied from a data directory. They are recognized by their contents, not by their names.

A Parquet file that another program wrote has no block of fgm. A child process with limits (`foreign_parquet`) rewrites
it into a temporary folder, because reading a damaged file could crash the viewer.
"""

import itertools
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

from fgm.clock import Clock
from fgm.iso_time import END_OF_TIME_MS
from fgm.store.directory import layout
from fgm.store.directory.file_identity import FileIdentity, identity_of
from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.parquet.window_file import WindowFile
from fgm.viewer.files import foreign_parquet
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.hours.merged_rows import start_of
from fgm.viewer.files.listing.data_file import DataFile, order
from fgm.viewer.files.skipped_files import SkippedFiles, reason_of

SCAN_INTERVAL_S = 5.0
"""Minimum interval between two searches for new files."""
MAX_FILES = 20_000
"""Maximum number of files that are read below a directory."""
SUFFIX = ".parquet"
_OTHERS = (layout.parse_table_name, layout.parse_table_hour_name, layout.parse_minutes_name)
"""Parsers of the names of Parquet files that are no metrics files."""


@dataclass(frozen=True, slots=True)
class _CopiedFile:
    """A readable file: `writer`: identifier and node of its collector; `start_ms`: start of its window or hour."""

    file: DataFile
    writer: tuple[str, str | None]
    start_ms: int
    is_merged: bool


@dataclass(frozen=True, slots=True)
class _CheckedFile:
    """The result of the last check of a path. `copied`: None if it cannot be read."""

    identity: FileIdentity
    copied: _CopiedFile | None


def is_flat(data_dir: str) -> bool:
    """Return whether a directory contains Parquet files, at any depth, but no day folders of a collector."""
    try:
        names = os.listdir(data_dir)
    except OSError:
        return False
    has_days = any(layout.parse_day(name) is not None or name == layout.TIERS_FOLDER for name in names)
    return not has_days and next(_below(data_dir), None) is not None


class CopiedFiles(DataFiles):
    """The files with given paths, or all Parquet files below a directory. Thread-safe."""

    def __init__(self, data_dir: str, paths: tuple[str, ...], clock: Clock, skipped: SkippedFiles) -> None:
        """`paths`: absolute paths of the files; empty: all files below `data_dir`."""
        super().__init__(data_dir, clock, root="/")
        self._paths, self._skipped = paths, skipped
        self._checked: dict[str, _CheckedFile] = {}
        self._files: list[DataFile] = []
        self._searched_s: float | None = None
        self._numbers = itertools.count()
        self._search_lock = threading.Lock()
        self._rewritten: str | None = None

    def between(self, from_ms: int, to_ms: int, reach_ms: int = 0) -> list[DataFile]:
        """Return the files with samples in [from_ms, to_ms), oldest first. May block. `reach_ms`: as of `DataFiles`."""
        from_ms -= reach_ms
        return [f for f in self._search() if f.start_ms < to_ms and f.start_ms + (f.duration_ms or 0) > from_ms]

    def folders_between(self, from_ms: int, to_ms: int, below: str = "") -> list[tuple[int, str]]:
        """Return pairs of 00:00 UTC of a day and the folder with samples from that day on, oldest first.

        `below`: if it is not empty, nothing is returned: of copied files, only those with samples are shown.
        """
        if below:
            return []
        days: dict[str, int] = {}
        for file in self.between(from_ms, to_ms):
            days.setdefault(file.folder, layout.day_start(file.start_ms))
        return sorted((midnight_ms, folder) for folder, midnight_ms in days.items())

    def newest_first(self) -> Iterator[DataFile]:
        """Yield all files, newest first."""
        yield from reversed(self._search())

    def horizon_ms(self) -> int:
        """Return the end of time: files that a person has chosen are shown whenever they were recorded."""
        return END_OF_TIME_MS

    def after_horizon(self) -> DataFile | None:
        """Return None."""
        return None

    def _search(self) -> list[DataFile]:
        """Return the readable files, oldest first. Search for new ones if the last search is `SCAN_INTERVAL_S` ago."""
        with self._search_lock:
            now_s = self._clock.monotonic()
            if self._searched_s is None or now_s - self._searched_s >= SCAN_INTERVAL_S:
                checked = map(self._check, self._paths or sorted(_below(self.data_dir)))
                self._files = _with_parts([copied for copied in checked if copied is not None])
                self._searched_s = now_s
            return self._files

    def _check(self, path: str) -> _CopiedFile | None:
        """Return the file at a path. If it cannot be read, return None and add it to the list of skipped files."""
        try:
            path = os.path.realpath(path)
            identity = identity_of(os.stat(path))
            checked = self._checked.get(path)
            if checked is None or checked.identity != identity:
                checked = self._checked[path] = _CheckedFile(identity, self._read(path))
        except OSError as error:
            self._checked.pop(path, None)
            self._skipped.note(path, reason_of(error))
            return None
        return checked.copied

    def _read(self, path: str) -> _CopiedFile | None:
        try:
            os.close(open_regular(path))
            try:
                copied = _describe(path)
            except BadFileError:
                new_path = self._new_path()
                foreign_parquet.rewrite(path, new_path)
                copied = _describe(new_path)
        except BadFileError as error:
            self._skipped.note(path, error.reason)
            return None
        self._skipped.forget(path)
        return copied

    def _new_path(self) -> str:
        """Return a new path in the temporary folder. The folder is removed when this object is deleted."""
        if self._rewritten is None:
            self._rewritten = os.path.realpath(tempfile.mkdtemp(prefix="fgm-viewer-"))
            weakref.finalize(self, shutil.rmtree, self._rewritten, ignore_errors=True)
        return os.path.join(self._rewritten, f"{next(self._numbers)}{SUFFIX}")


def _describe(path: str) -> _CopiedFile:
    """Open a window or an hour and return it as a data file with the time range of its samples.

    Raises: BadFileError or OSError if it cannot be read.
    """
    window = WindowFile.open(path)
    try:
        block = window.block
    finally:
        window.close()
    folder, name = os.path.split(path)
    file = DataFile(block.first_ms, folder.lstrip("/"), name, "metrics", block.last_ms + 1 - block.first_ms)
    return _CopiedFile(file, (block.header.identifier, block.header.node_name), start_of(block), bool(block.sources))


def _with_parts(copied: list[_CopiedFile]) -> list[DataFile]:
    """Return the files, oldest first, with the windows that start in a merged hour of the same writer as its parts."""
    hours = {(each.writer, each.start_ms): each.file for each in copied if each.is_merged}
    parts: dict[DataFile, list[DataFile]] = {file: [] for file in hours.values()}
    files = []
    for each in copied:
        hour = hours.get((each.writer, each.start_ms - each.start_ms % layout.HOUR_MS))
        if each.is_merged or hour is None:
            files.append(each.file)
        else:
            parts[hour].append(each.file)
    with_parts = (file._replace(parts=tuple(sorted(parts.get(file, ()), key=order))) for file in files)
    return sorted(with_parts, key=order)


def _below(data_dir: str) -> Iterator[str]:
    """Yield the paths of the Parquet files below a directory.

    Hidden files, process tables, minutes and files that the collector has set aside are left out.
    """
    count = 0
    for folder, folders, names in os.walk(data_dir):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if not name.endswith(SUFFIX) or name.startswith(".") or layout.is_set_aside(name):
                continue
            if any(parse(name) is not None for parse in _OTHERS):
                continue
            count += 1
            if count > MAX_FILES:
                return
            yield os.path.join(folder, name)
