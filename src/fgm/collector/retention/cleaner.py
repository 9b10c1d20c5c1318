"""Removes old data from a data directory, so that it stays within its limits."""

import contextlib
import errno
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import anyio

from fgm.collector.retention.inventory import Inventory
from fgm.collector.retention.limits import Disk, Excess, Limits, StoredFile, excess_of, make_room
from fgm.logs import fields
from fgm.store import ownership
from fgm.store.directory import layout
from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError

EVERY_S = 60.0
"""Maximum interval between two removals. Windows may be an hour long, and other programs fill the disk, too."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Removal:
    """The result of a removal. `earliest_ms`: start of the oldest remaining data; None if that has not changed."""

    files: int
    size_bytes: int
    earliest_ms: int | None


class Cleaner:
    """Keeps one data directory within its limits: removes old data at intervals, and after each `wake`."""

    def __init__(self, data_dir: str, limits: Limits) -> None:
        self._data_dir = data_dir
        self._limits = limits
        self._inventory = Inventory(data_dir)
        self._is_wanted = anyio.Event()
        self._is_first = True
        self._is_short = False
        self._is_failing = False
        self._has_logged_foreign = False

    def wake(self) -> None:
        """Request a removal soon, because a file was written."""
        self._is_wanted.set()

    async def run(self, make_room: Callable[[], Awaitable[object]]) -> None:
        """Until cancelled, await `make_room` at intervals and after each `wake`. `make_room` must call `remove_old`."""
        while True:
            self._is_wanted = anyio.Event()
            await make_room()
            with anyio.move_on_after(EVERY_S):
                await self._is_wanted.wait()

    def remove_old(self, wall_ns: int, spared: str | None, *, is_clock_trusted: bool = True) -> Removal:
        """Remove old files. May block. A file that cannot be removed is tried again at the next call.

        Do not call this while a file is made from another one. `spared`: path of the open journal, which is kept.
        `is_clock_trusted`: whether files may be removed because of their age.
        """
        now_ms = wall_ns // 1_000_000
        removed: list[StoredFile] = []
        earliest_ms = None
        try:
            total_bytes = self._inventory.count(wall_ns)
            excess = excess_of(
                self._limits, total_bytes, disk_of(self._data_dir), now_ms, has_age_limit=is_clock_trusted
            )
            self._note_space(excess.lacks_space)
            no_longer_counted = []
            if excess.lacks_room:
                no_longer_counted = self._make_room(self._inventory.ahead(now_ms), excess, spared, now_ms)
                for file in no_longer_counted:
                    excess = excess.without(file)
            no_longer_counted += self._make_room(self._inventory.oldest_first(), excess, spared, now_ms)
            removed = [file for file in no_longer_counted if not self._inventory.is_foreign(file.path)]
            self._remove_empty({os.path.dirname(file.path) for file in removed})
            if removed or self._is_first:
                earliest_ms = self._earliest_ms()
            self._is_first = False
        except OSError as error:
            self._note_failure(error)
        else:
            self._is_failing = False
        removal = Removal(len(removed), sum(file.size_bytes for file in removed), earliest_ms)
        if removed:
            log.debug("removed old data", extra=fields(files=removal.files, size_bytes=removal.size_bytes))
        return removal

    def _make_room(
        self, files: Iterator[StoredFile], excess: Excess, spared: str | None, now_ms: int
    ) -> list[StoredFile]:
        return make_room(self._removable(files, spared, now_ms), excess, lambda file: self._remove(file.path))

    def _removable(self, files: Iterator[StoredFile], spared: str | None, now_ms: int) -> Iterator[StoredFile]:
        for file in files:
            is_today = 0 <= file.until_ms - now_ms < layout.DAY_MS
            is_open_events = os.path.basename(file.path) == layout.EVENTS_NAME and is_today
            if not is_open_events and os.path.join(self._data_dir, file.path) != spared:
                yield file

    def _remove(self, path: str) -> bool:
        """Remove a file if it has fgm's mark. Opens its folder first, so that no symbolic link is followed.

        Return whether the file no longer counts, because it was removed or does not belong to fgm.
        """
        name = os.path.basename(path)
        try:
            with _open_folder(self._data_dir, os.path.dirname(path)) as folder_fd:
                fd = open_regular(name, folder_fd)
                try:
                    has_mark = ownership.is_marked(name, fd)
                finally:
                    os.close(fd)
                if has_mark:
                    os.unlink(name, dir_fd=folder_fd)
                    return True
        except FileNotFoundError:
            return True
        except BadFileError:
            has_mark = False
        except OSError as error:
            if error.errno == errno.EROFS:
                raise
            self._note_failure(error)
            return False
        if not self._has_logged_foreign:
            log.warning("not removing a file that lacks fgm's mark", extra=fields(file=path))
        self._has_logged_foreign = True
        self._inventory.ignore(path)
        return True

    def _remove_empty(self, folders: set[str]) -> None:
        """Remove folders that are empty, and their day folders if these are empty. Other folders are kept."""
        for folder in (*sorted(folders), *self._inventory.empty):
            for path in (folder, os.path.dirname(folder)):
                if path:
                    with contextlib.suppress(OSError):
                        os.rmdir(os.path.join(self._data_dir, path))

    def _earliest_ms(self) -> int | None:
        for file in self._inventory.oldest_first():
            parsed = layout.parse_name(os.path.basename(file.path))
            if parsed is not None:
                return parsed.start_ms
        return None

    def _note_space(self, is_short: bool) -> None:
        if is_short and not self._is_short:
            log.warning("the disk is nearly full; removing old data early")
        elif self._is_short and not is_short:
            log.info("the disk has enough free space again")
        self._is_short = is_short

    def _note_failure(self, error: OSError) -> None:
        if not self._is_failing:
            log.error("cannot remove old data", extra=fields(reason=str(error)))
        self._is_failing = True


def disk_of(path: str) -> Disk:
    """Return the size and free space of the file system that contains `path`.

    Raises: OSError if it cannot be read.
    """
    facts = os.statvfs(path)
    return Disk(facts.f_blocks * facts.f_frsize, facts.f_bavail * facts.f_frsize, facts.f_files, facts.f_favail)


@contextlib.contextmanager
def _open_folder(data_dir: str, folder: str) -> Iterator[int]:
    """Open `dt=.../identifier=...` folder by folder, so that no symbolic link is followed."""
    day, identifier = os.path.split(folder)
    data_fd = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    day_fd = folder_fd = -1
    try:
        day_fd = os.open(day, _FOLDER, dir_fd=data_fd)
        folder_fd = os.open(identifier, _FOLDER, dir_fd=day_fd)
        yield folder_fd
    finally:
        for fd in (folder_fd, day_fd, data_fd):
            if fd >= 0:
                os.close(fd)
