"""Removes old data from a data directory, so that it stays within its limits."""

import contextlib
import errno
import logging
import math
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter

import anyio

from fgm.collector.retention.inventory import Inventory
from fgm.collector.retention.limits import (
    RECENT_MS,
    STORES,
    Disk,
    Excess,
    Limits,
    Store,
    StoredFile,
    excess_of,
    make_room,
)
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
        removed: list[StoredFile] = []
        earliest_ms = None
        try:
            excesses = self._excesses(wall_ns, is_clock_trusted=is_clock_trusted)
            self._note_space(excesses["raw"].lacks_space)
            no_longer_counted = self._make_room(excesses, spared, wall_ns // 1_000_000)
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

    def _excesses(self, wall_ns: int, *, is_clock_trusted: bool) -> dict[Store, Excess]:
        sizes, disk = self._inventory.count(wall_ns), disk_of(self._data_dir)
        limits, now_ms = self._limits, wall_ns // 1_000_000
        return {
            store: excess_of(
                limits.of(store), limits.min_free, sizes.of(store), disk, now_ms, has_age_limit=is_clock_trusted
            )
            for store in STORES
        }

    def _make_room(self, excesses: dict[Store, Excess], spared: str | None, now_ms: int) -> list[StoredFile]:
        """Remove files of both stores. For the file system's sake: raw data, then tiers, then raw data of today."""
        removed: list[StoredFile] = []

        def remove_from(store: Store, excess: Excess) -> Excess:
            if excess.lacks_room:
                excess = remove(self._inventory.ahead(store, now_ms), excess)
            return remove(self._inventory.oldest_first(store), excess)

        def remove(files: Iterator[StoredFile], excess: Excess) -> Excess:
            gone, excess = make_room(
                self._removable(files, spared, now_ms), excess, lambda file: self._remove(file.path)
            )
            removed.extend(gone)
            return excess

        raw = remove_from("raw", replace(excesses["raw"], spared_from_ms=now_ms - RECENT_MS))
        tiers = remove_from("tiers", excesses["tiers"].after(raw))
        if tiers.lacks_space:
            remove(self._inventory.oldest_first("raw"), replace(raw.after(tiers), spared_from_ms=math.inf))
        return removed

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
        """Remove folders that are empty, and those around them if they are empty then. Other folders are kept."""
        for folder in (*sorted(folders), *self._inventory.empty):
            path = folder
            while path:
                with contextlib.suppress(OSError):
                    os.rmdir(os.path.join(self._data_dir, path))
                path = os.path.dirname(path)

    def _earliest_ms(self) -> int | None:
        """Return the start of the oldest samples or minutes; None if there are none."""
        starts_ms = []
        for store in STORES:
            files = ((_day(file), _start_ms(file)) for file in self._inventory.oldest_first(store))
            dated = ((day, start_ms) for day, start_ms in files if start_ms is not None)
            _, first_day = next(groupby(dated, key=itemgetter(0)), ("", iter(())))
            starts_ms += [start_ms for _, start_ms in first_day]
        return min(starts_ms, default=None)

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
    """Open `dt=.../identifier=...`, or such a folder of the tiers, so that no symbolic link below is followed."""
    folder_fd = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in folder.split(os.sep):
            outer_fd, folder_fd = folder_fd, os.open(name, _FOLDER, dir_fd=folder_fd)
            os.close(outer_fd)
        yield folder_fd
    finally:
        os.close(folder_fd)


def _day(file: StoredFile) -> str:
    return file.path.split(os.sep)[-3]


def _start_ms(file: StoredFile) -> int | None:
    name = os.path.basename(file.path)
    minutes = layout.parse_minutes_name(name)
    if minutes is not None:
        return minutes[0]
    parsed = layout.parse_name(name)
    return None if parsed is None else parsed.start_ms
