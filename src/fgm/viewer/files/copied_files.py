"""Parquet files that were copied from elsewhere, as if they lay in a data directory: by what they say, not by name.

A file of another writer, without fgm's directory block, is rewritten into a temporary folder by a child process with
limits (`foreign`), for damaged Parquet can crash whoever reads it.
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
from fgm.store.directory import layout
from fgm.store.directory.file_identity import FileIdentity, identity_of
from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.parquet.window_file import WindowFile
from fgm.viewer.files import foreign_parquet
from fgm.viewer.files.data_files import DataFile, DataFiles, order
from fgm.viewer.files.skipped_files import SkippedFiles, reason_of

LOOK_AGAIN_S = 5.0
MOST_FILES = 20_000
SUFFIX = ".parquet"


@dataclass(frozen=True, slots=True)
class _Seen:
    """A path when it was last looked at. `file`: None where it cannot be read."""

    identity: FileIdentity
    file: DataFile | None


def is_flat(data_dir: str) -> bool:
    """Say whether a directory holds Parquet files, and no day folders of a collector."""
    try:
        names = os.listdir(data_dir)
    except OSError:
        return False
    return not any(layout.parse_day(name) is not None for name in names) and next(_below(data_dir), None) is not None


class GivenFiles(DataFiles):
    """Files named one by one, or all that are below a directory."""

    def __init__(self, data_dir: str, paths: tuple[str, ...], clock: Clock, skipped: SkippedFiles) -> None:
        """`paths`: absolute; none for everything below `data_dir`."""
        super().__init__(data_dir, clock, root="/")
        self._paths, self._skipped = paths, skipped
        self._seen: dict[str, _Seen] = {}
        self._files: list[DataFile] = []
        self._looked_s: float | None = None
        self._numbers = itertools.count()
        self._look_lock = threading.Lock()
        self._rewritten: str | None = None

    def is_there(self) -> bool:
        """Say whether the directory, or each file's, exists."""
        return os.path.isdir(self.data_dir)

    def between(self, from_ms: int, to_ms: int) -> list[DataFile]:
        """Return the files that hold samples of [from_ms, to_ms), oldest first."""
        return [f for f in self._look() if f.start_ms < to_ms and f.start_ms + (f.duration_ms or 0) > from_ms]

    def folders_between(self, from_ms: int, to_ms: int) -> list[tuple[int, str]]:
        """Return each folder with files of [from_ms, to_ms), with 00:00 UTC of the first one's day."""
        days: dict[str, int] = {}
        for file in self.between(from_ms, to_ms):
            days.setdefault(file.folder, layout.day_start(file.start_ms))
        return sorted((midnight_ms, folder) for folder, midnight_ms in days.items())

    def newest_first(self) -> Iterator[DataFile]:
        """Yield every file, the newest first."""
        yield from reversed(self._look())

    def oldest_day_ms(self) -> int | None:
        """Return 00:00 UTC of the first day."""
        files = self._look()
        return layout.day_start(files[0].start_ms) if files else None

    def _look(self) -> list[DataFile]:
        """Return the readable files, oldest first; looks for them anew each `LOOK_AGAIN_S`."""
        with self._look_lock:
            now_s = self._clock.monotonic()
            if self._looked_s is None or now_s - self._looked_s >= LOOK_AGAIN_S:
                found = map(self._at, self._paths or sorted(_below(self.data_dir)))
                self._files = sorted((file for file in found if file is not None), key=order)
                self._looked_s = now_s
            return self._files

    def _at(self, path: str) -> DataFile | None:
        try:
            path = os.path.realpath(path)
            identity = identity_of(os.stat(path))
            seen = self._seen.get(path)
            if seen is None or seen.identity != identity:
                seen = self._seen[path] = _Seen(identity, self._read(path))
        except OSError as error:
            self._seen.pop(path, None)
            self._skipped.note(path, reason_of(error))
            return None
        return seen.file

    def _read(self, path: str) -> DataFile | None:
        try:
            os.close(open_regular(path))
            try:
                return _described(path)
            except BadFileError:
                new = self._new_path()
                foreign_parquet.rewrite(path, new)
                return _described(new)
        except BadFileError as error:
            self._skipped.note(path, error.reason)
            return None

    def _new_path(self) -> str:
        """Return a path in the temporary folder, which lives as long as this does."""
        if self._rewritten is None:
            self._rewritten = os.path.realpath(tempfile.mkdtemp(prefix="fgm-viewer-"))
            weakref.finalize(self, shutil.rmtree, self._rewritten, ignore_errors=True)
        return os.path.join(self._rewritten, f"{next(self._numbers)}{SUFFIX}")


def _described(path: str) -> DataFile:
    """Return where a file's samples lie in time. Raises BadFileError and OSError."""
    window = WindowFile.open(path)
    try:
        first_ms, last_ms = window.block.first_ms, window.block.last_ms
    finally:
        window.close()
    folder, name = os.path.split(path)
    return DataFile(first_ms, folder.lstrip("/"), name, "metrics", last_ms + 1 - first_ms)


def _below(data_dir: str) -> Iterator[str]:
    """Yield the paths of Parquet files below a directory, hidden ones and details left out."""
    count = 0
    for folder, folders, names in os.walk(data_dir):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if not name.endswith(SUFFIX) or name.startswith(".") or layout.is_set_aside(name):
                continue
            if layout.parse_detail_name(name) is not None:
                continue
            count += 1
            if count > MOST_FILES:
                return
            yield os.path.join(folder, name)
