"""What the data takes on disk, known without looking at every file each time.

A folder changes only while files come and go in it, which its own modification time tells: so what was counted once of
a past day is not counted again. Files are listed one by one only where some have to go: those of the oldest day.
"""

import logging
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from fgm.collector.retention.limits import KeptFile
from fgm.logs import fields
from fgm.store import ownership
from fgm.store.directory import layout

log = logging.getLogger(__name__)

SETTLED_NS = 2_000_000_000
"""A folder that changed so shortly before it was counted may have changed again within one step of the disk's clock."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """`changed_ns`: when the folder was changed last; `is_settled`: what was counted holds until it changes again."""

    changed_ns: int
    is_settled: bool
    size_bytes: int


class Inventory:
    """The folders of a data directory. Used by one thread at a time.

    `empty`: folders without any file of fgm's, innermost first, that have been so for a while.
    """

    def __init__(self, data_dir: str) -> None:
        self.empty: list[str] = []
        self._data_dir = data_dir
        self._counted: dict[str, _Counted] = {}
        self._foreign: set[str] = set()

    def count(self, wall_ns: int) -> int:
        """Return how many bytes fgm's files take in all. Raises OSError where the directory cannot be listed."""
        before, self._counted = self._counted, {}
        self.empty = []
        for day in self.days():
            folders = self._folders(day)
            for folder in folders:
                changed_ns = self._changed_ns(folder)
                known = before.get(folder)
                if known is None or not known.is_settled or known.changed_ns != changed_ns:
                    known = self._count(day, folder, changed_ns, wall_ns)
                self._counted[folder] = known
                if known.is_settled and known.size_bytes == 0:
                    self.empty.append(folder)
            if not folders and _is_past(self._changed_ns(day), wall_ns):
                self.empty.append(day)
        return sum(counted.size_bytes for counted in self._counted.values())

    def oldest_first(self) -> Iterator[KeptFile]:
        """Yield every file of fgm's, day by day, each day listed when it is reached."""
        for day in self.days():
            files = [file for folder in self._folders(day) for file in self._files(day, folder)]
            yield from sorted(files, key=lambda file: (file.until_ms, file.path))

    def days(self) -> list[str]:
        """Return the day folders, oldest first."""
        return sorted(name for name in os.listdir(self._data_dir) if layout.parse_day(name) is not None)

    def ignore(self, path: str) -> None:
        """Count a file no longer: it is only called like one of fgm's."""
        self._foreign.add(path)
        self._counted.pop(os.path.dirname(path), None)

    def is_foreign(self, path: str) -> bool:
        """Say whether a file is ignored."""
        return path in self._foreign

    def _count(self, day: str, folder: str, changed_ns: int, wall_ns: int) -> _Counted:
        files = list(self._files(day, folder))
        has_journal = any(file.path.endswith(".journal") for file in files)  # which grows
        is_settled = _is_past(changed_ns, wall_ns) and not has_journal
        return _Counted(changed_ns, is_settled, sum(file.size_bytes for file in files))

    def _changed_ns(self, folder: str) -> int:
        return os.stat(os.path.join(self._data_dir, folder), follow_symlinks=False).st_mtime_ns

    def _folders(self, day: str) -> list[str]:
        return [
            os.path.join(day, entry.name)
            for entry in _entries(os.path.join(self._data_dir, day))
            if layout.parse_identifier(entry.name) is not None and entry.is_dir(follow_symlinks=False)
        ]

    def _files(self, day: str, folder: str) -> Iterator[KeptFile]:
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
                yield KeptFile(path, until_ms, max(status.st_size, status.st_blocks * 512))


def _is_past(changed_ns: int, wall_ns: int) -> bool:
    return wall_ns - changed_ns > SETTLED_NS


def _entries(folder: str) -> list[os.DirEntry[str]]:
    if os.path.islink(folder):
        return []
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except PermissionError as error:  # what is in it can neither be counted nor removed; the rest goes on
        log.debug("a folder cannot be listed", extra=fields(folder=folder, reason=error.strerror))
        return []
