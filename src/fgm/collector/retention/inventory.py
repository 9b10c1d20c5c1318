"""Measures the size of the data on disk without listing every file each time.

The modification time of a folder changes when files are added or removed, so folders of past days are counted once.
Single files are listed only for the days from which files are removed.

The temporary file of a merge has no size: it is about to replace files that are larger. If it counted, old data would
be removed for it.
"""

import logging
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace

from fgm.collector.retention.limits import Store, StoredFile
from fgm.logs import fields
from fgm.store import ownership
from fgm.store.directory import layout
from fgm.store.directory.file_identity import is_settled

AHEAD_MS = layout.HOUR_MS
"""Minimum time by which a file is ahead of the clock, to count as recorded while the clock was ahead."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Total size of the files of each store."""

    raw_bytes: int = 0
    tiers_bytes: int = 0

    def of(self, store: Store) -> int:
        """Return the size of one store in bytes."""
        return self.raw_bytes if store == "raw" else self.tiers_bytes

    def __add__(self, other: "Sizes") -> "Sizes":
        return Sizes(self.raw_bytes + other.raw_bytes, self.tiers_bytes + other.tiers_bytes)


@dataclass(frozen=True, slots=True)
class _FolderSize:
    """`changed_ns`: modification time of the folder; `is_settled`: whether the sizes are right until that changes."""

    changed_ns: int
    is_settled: bool
    sizes: Sizes


@dataclass(frozen=True, slots=True)
class _DayFolders:
    """The folders of the writers of a day. `changed_ns`, `is_settled`: as in `_FolderSize`, of the day's folder."""

    changed_ns: int
    is_settled: bool
    names: tuple[str, ...]


class Inventory:
    """The folders of a data directory. Used by one thread at a time.

    `empty`: folders that have had no file of fgm for a while, inner ones first.
    """

    def __init__(self, data_dir: str) -> None:
        self.empty: list[str] = []
        self._data_dir = data_dir
        self._sizes: dict[str, _FolderSize] = {}
        self._folders_of_days: dict[str, _DayFolders] = {}
        self._foreign: set[str] = set()

    def count(self, wall_ns: int) -> Sizes:
        """Return the total size of fgm's files.

        Raises: OSError if the directory cannot be listed.
        """
        before, self._sizes = self._sizes, {}
        days_before, self._folders_of_days = self._folders_of_days, {}
        self.empty = []
        for day in (*self._days(""), *self._days(layout.TIERS_FOLDER)):
            folders = self._folders_of_days[day] = self._listed(day, days_before.get(day), wall_ns)
            for folder in folders.names:
                changed_ns = self._changed_ns(folder)
                size = before.get(folder)
                if size is None or not size.is_settled or size.changed_ns != changed_ns:
                    size = self._count(folder, changed_ns, wall_ns)
                self._sizes[folder] = size
                if size.is_settled and size.sizes == Sizes():
                    self.empty.append(folder)
            if not folders.names and folders.is_settled:
                self.empty.append(day)
        return sum((size.sizes for size in self._sizes.values()), start=Sizes())

    def oldest_first(self, store: Store) -> Iterator[StoredFile]:
        """Yield every file of one store that is in the folders of the last count, oldest first.

        A day is listed only when it is reached.
        """
        for _, folders in self._counted(store):
            yield from self._oldest_of(folders, store)

    def ahead(self, store: Store, now_ms: int) -> Iterator[StoredFile]:
        """Yield the files of one store that begin more than `AHEAD_MS` after now, oldest first.

        Merged files belong to them if they end after that: they are written only when their hour or day is over.
        """
        for day_ms, folders in self._counted(store):
            if day_ms + layout.DAY_MS <= now_ms:
                continue
            for file in self._oldest_of(folders, store):
                is_events = os.path.basename(file.path) == layout.EVENTS_NAME  # its day may have begun
                if (day_ms if is_events else file.until_ms) > now_ms + AHEAD_MS:
                    yield file

    def ignore(self, path: str) -> None:
        """Stop counting a file that lacks fgm's mark."""
        self._foreign.add(path)
        folder = os.path.dirname(path)
        if folder in self._sizes:
            self._sizes[folder] = replace(self._sizes[folder], is_settled=False)

    def is_foreign(self, path: str) -> bool:
        """Return whether `ignore` was called for a file."""
        return path in self._foreign

    def _counted(self, store: Store) -> list[tuple[int, list[str]]]:
        """Return the folders that may have files of a store by their day (ms), the oldest day first."""
        by_day: dict[int, list[str]] = {}
        for folder, size in self._sizes.items():
            if size.sizes.of(store) > 0 or not size.is_settled:
                by_day.setdefault(_day_ms(os.path.basename(os.path.dirname(folder))), []).append(folder)
        return sorted(by_day.items())

    def _oldest_of(self, folders: list[str], store: Store) -> list[StoredFile]:
        files = [file for folder in folders for file in self._files(folder, store)]
        return sorted(files, key=lambda file: (file.until_ms, file.path))

    def _listed(self, day: str, before: _DayFolders | None, wall_ns: int) -> _DayFolders:
        changed_ns = self._changed_ns(day)
        if before is not None and before.is_settled and before.changed_ns == changed_ns:
            return before
        return _DayFolders(changed_ns, is_settled(changed_ns, wall_ns), tuple(self._folders(day)))

    def _count(self, folder: str, changed_ns: int, wall_ns: int) -> _FolderSize:
        raw, tiers = (list(self._files(folder, store)) for store in ("raw", "tiers"))
        grows = any(file.path.endswith((".journal", layout.TEMPORARY_SUFFIX)) for file in (*raw, *tiers))
        sizes = Sizes(sum(file.size_bytes for file in raw), sum(file.size_bytes for file in tiers))
        return _FolderSize(changed_ns, is_settled(changed_ns, wall_ns) and not grows, sizes)

    def _changed_ns(self, folder: str) -> int:
        return os.stat(os.path.join(self._data_dir, folder), follow_symlinks=False).st_mtime_ns

    def _days(self, parent: str) -> list[str]:
        """Return the day folders in the data directory or in a folder of it, oldest first.

        Raises: OSError if the data directory cannot be listed.
        """
        if not parent:
            names = os.listdir(self._data_dir)
        else:
            names = [entry.name for entry in _entries(os.path.join(self._data_dir, parent))]
        return [os.path.join(parent, name) for name in sorted(names) if layout.parse_day(name) is not None]

    def _folders(self, day: str) -> list[str]:
        return [
            os.path.join(day, entry.name)
            for entry in _entries(os.path.join(self._data_dir, day))
            if layout.parse_identifier(entry.name) is not None and entry.is_dir(follow_symlinks=False)
        ]

    def _files(self, folder: str, store: Store) -> Iterator[StoredFile]:
        parent, day = os.path.split(os.path.dirname(folder))
        day_ms = _day_ms(day)
        for entry in _entries(os.path.join(self._data_dir, folder)):
            until_ms = ownership.until_ms(entry.name, day_ms, is_tier=parent == layout.TIERS_FOLDER)
            path = os.path.join(folder, entry.name)
            if until_ms is None or path in self._foreign:
                continue
            is_of_tiers = parent == layout.TIERS_FOLDER or entry.name == layout.EVENTS_NAME
            if is_of_tiers != (store == "tiers"):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                size_bytes = 0 if ownership.is_being_merged(entry.name) else max(status.st_size, status.st_blocks * 512)
                yield StoredFile(path, until_ms, size_bytes)


def _day_ms(name: str) -> int:
    day_ms = layout.parse_day(name)
    assert day_ms is not None
    return day_ms


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
