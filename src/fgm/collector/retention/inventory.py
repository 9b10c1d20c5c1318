"""Measures the size of the data on disk without listing every file each time.

The modification time of a folder changes when files are added or removed, so folders of past days are counted once.
Single files are listed only for the days from which files are removed.
"""

import logging
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from fgm.collector.retention.limits import StoredFile
from fgm.logs import fields
from fgm.store import ownership
from fgm.store.directory import layout
from fgm.store.directory.file_identity import is_settled

AHEAD_MS = layout.HOUR_MS
"""Minimum time by which a file is ahead of the clock, to count as recorded while the clock was ahead."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _FolderSize:
    """`changed_ns`: modification time of the folder; `is_settled`: whether the size is right until that changes."""

    changed_ns: int
    is_settled: bool
    size_bytes: int


class Inventory:
    """The folders of a data directory. Used by one thread at a time.

    `empty`: folders that have had no file of fgm for a while, inner ones first.
    """

    def __init__(self, data_dir: str) -> None:
        self.empty: list[str] = []
        self._data_dir = data_dir
        self._sizes: dict[str, _FolderSize] = {}
        self._foreign: set[str] = set()

    def count(self, wall_ns: int) -> int:
        """Return the total size of fgm's files in bytes.

        Raises: OSError if the directory cannot be listed.
        """
        before, self._sizes = self._sizes, {}
        self.empty = []
        for day in self.days():
            folders = self._folders(day)
            for folder in folders:
                changed_ns = self._changed_ns(folder)
                size = before.get(folder)
                if size is None or not size.is_settled or size.changed_ns != changed_ns:
                    size = self._count(day, folder, changed_ns, wall_ns)
                self._sizes[folder] = size
                if size.is_settled and size.size_bytes == 0:
                    self.empty.append(folder)
            if not folders and is_settled(self._changed_ns(day), wall_ns):
                self.empty.append(day)
        return sum(size.size_bytes for size in self._sizes.values())

    def oldest_first(self) -> Iterator[StoredFile]:
        """Yield every file of fgm, oldest first. A day is listed only when it is reached."""
        for day in self.days():
            files = [file for folder in self._folders(day) for file in self._files(day, folder)]
            yield from sorted(files, key=lambda file: (file.until_ms, file.path))

    def ahead(self, now_ms: int) -> Iterator[StoredFile]:
        """Yield the files that begin more than `AHEAD_MS` after now, oldest first."""
        for day in self.days():
            day_ms = layout.parse_day(day)
            assert day_ms is not None
            if day_ms + layout.DAY_MS <= now_ms:
                continue
            files = [file for folder in self._folders(day) for file in self._files(day, folder)]
            for file in sorted(files, key=lambda file: (file.until_ms, file.path)):
                is_events = os.path.basename(file.path) == layout.EVENTS_NAME  # its day may have begun
                if (day_ms if is_events else file.until_ms) > now_ms + AHEAD_MS:
                    yield file

    def days(self) -> list[str]:
        """Return the day folders, oldest first."""
        return sorted(name for name in os.listdir(self._data_dir) if layout.parse_day(name) is not None)

    def ignore(self, path: str) -> None:
        """Stop counting a file that lacks fgm's mark."""
        self._foreign.add(path)
        self._sizes.pop(os.path.dirname(path), None)

    def is_foreign(self, path: str) -> bool:
        """Return whether `ignore` was called for a file."""
        return path in self._foreign

    def _count(self, day: str, folder: str, changed_ns: int, wall_ns: int) -> _FolderSize:
        files = list(self._files(day, folder))
        has_journal = any(file.path.endswith(".journal") for file in files)  # a journal grows
        is_final = is_settled(changed_ns, wall_ns) and not has_journal
        return _FolderSize(changed_ns, is_final, sum(file.size_bytes for file in files))

    def _changed_ns(self, folder: str) -> int:
        return os.stat(os.path.join(self._data_dir, folder), follow_symlinks=False).st_mtime_ns

    def _folders(self, day: str) -> list[str]:
        return [
            os.path.join(day, entry.name)
            for entry in _entries(os.path.join(self._data_dir, day))
            if layout.parse_identifier(entry.name) is not None and entry.is_dir(follow_symlinks=False)
        ]

    def _files(self, day: str, folder: str) -> Iterator[StoredFile]:
        day_ms = layout.parse_day(day)
        assert day_ms is not None
        for entry in _entries(os.path.join(self._data_dir, folder)):
            until_ms = ownership.until_ms(entry.name, day_ms)
            path = os.path.join(folder, entry.name)
            if until_ms is None or path in self._foreign:
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                yield StoredFile(path, until_ms, max(status.st_size, status.st_blocks * 512))


def _entries(folder: str) -> list[os.DirEntry[str]]:
    if os.path.islink(folder):
        return []
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError as error:  # its files can be neither counted nor removed; continue with the others
        log.debug("cannot list a folder", extra=fields(folder=folder, reason=error.strerror))
        return []
