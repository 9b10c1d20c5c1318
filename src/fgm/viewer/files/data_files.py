"""Which files there are for a range of time, from their names alone.

Only the folders of the asked days are listed, and only when they changed, so the cost depends on the range
and not on how much history there is. Everything is opened below the data directory's descriptor, component by
component, and never through a symbolic link. Safe for use by several threads.
"""

import heapq
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fgm.clock import Clock
from fgm.store.directory import layout
from fgm.store.parquet.window_file import WindowFile
from fgm.viewer.files.window_cache import Directories

MAX_CACHED_FOLDERS = 64
SETTLED_NS = 2_000_000_000
"""A folder that changed so recently may change again within one step of the coarse clock of mtimes."""
EARLIER_WINDOWS = 2
"""So many windows from before a range may reach into it: the last, and one more where the length changed."""

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file by its name. `folder`: below the data directory; `duration_ms`: None for a single window."""

    start_ms: int
    folder: str
    name: str
    kind: layout.Kind
    duration_ms: int | None = None

    @property
    def path(self) -> str:
        """The path below the data directory."""
        return f"{self.folder}/{self.name}"


@dataclass(frozen=True, slots=True)
class _Listing:
    """What was in a folder while it had this device, inode and mtime. `files`: ascending."""

    identity: tuple[int, int, int]
    folders: tuple[str, ...]
    files: tuple[DataFile, ...]


_NOTHING = _Listing((0, 0, 0), (), ())


class DataFiles:
    """The files of one data directory, which come and go at any time; a folder that is not there is empty."""

    def __init__(self, data_dir: str, clock: Clock, root: str | None = None) -> None:
        """`root`: what folders are below, where that is not the data directory."""
        self.data_dir = data_dir
        self._root = data_dir if root is None else root
        self._clock = clock
        self._directories = Directories()
        self._listings: dict[str, _Listing] = {}
        self._lock = threading.Lock()

    def is_there(self) -> bool:
        """Say whether the data directory exists."""
        return os.path.isdir(self.data_dir)

    def between(self, from_ms: int, to_ms: int) -> list[DataFile]:
        """Return the files that may hold samples of [from_ms, to_ms), oldest first, Parquet first."""
        found: list[DataFile] = []
        for _, folder in self.folders_between(from_ms, to_ms):
            found += _overlapping(self._list(folder).files, from_ms, to_ms)
        return sorted(found, key=order)

    def folders_between(self, from_ms: int, to_ms: int) -> list[tuple[int, str]]:
        """Return 00:00 UTC of each day that [from_ms, to_ms) touches with each writer's folder, oldest first."""
        days = [day for day in self._days() if day[0] < to_ms and day[0] + layout.DAY_MS > from_ms]
        return [(midnight_ms, folder) for midnight_ms, day in days for folder in self._writers(day)]

    def newest_first(self) -> Iterator[DataFile]:
        """Yield every file, newest window first, listing a day when it is reached."""
        for _, day in reversed(self._days()):
            listings = [self._list(folder).files for folder in self._writers(day)]
            yield from heapq.merge(*map(reversed, listings), key=order, reverse=True)

    def oldest_day_ms(self) -> int | None:
        """Return 00:00 UTC of the first day folder."""
        days = self._days()
        return days[0][0] if days else None

    def window(self, file: DataFile) -> WindowFile:
        """Open a closed window. Raises OSError, FileNotFoundError among them, and BadFileError."""
        with self.opened(file.folder) as fd:
            return self._directories.open(file.name, fd)

    @contextmanager
    def opened(self, folder: str) -> Iterator[int]:
        """Open a folder below the data directory, "" for itself; yields its descriptor. Raises OSError."""
        fd = os.open(self._root, _OPEN_FOLDER)
        try:
            for name in filter(None, folder.split("/")):
                inner = os.open(name, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=fd)
                os.close(fd)
                fd = inner
            yield fd
        finally:
            os.close(fd)

    def _days(self) -> list[tuple[int, str]]:
        days = ((layout.parse_day(name), name) for name in self._list("").folders)
        return sorted((midnight_ms, name) for midnight_ms, name in days if midnight_ms is not None)

    def _writers(self, day: str) -> list[str]:
        return [f"{day}/{name}" for name in self._list(day).folders]

    def _list(self, folder: str) -> _Listing:
        """Return what is in a folder, from cache where nothing changed; nothing where it is unreadable."""
        try:
            with self.opened(folder) as fd:
                status = os.fstat(fd)
                identity = (status.st_dev, status.st_ino, status.st_mtime_ns)
                cached = self._listings.get(folder)
                if cached is not None and cached.identity == identity:
                    return cached
                now_ns = self._clock.wall_ns()
                listing = _listing(identity, folder, os.listdir(fd))
        except OSError:
            with self._lock:
                self._listings.pop(folder, None)
            return _NOTHING
        with self._lock:
            self._listings.pop(folder, None)
            if now_ns - status.st_mtime_ns > SETTLED_NS:
                self._listings[folder] = listing
                if len(self._listings) > MAX_CACHED_FOLDERS:
                    del self._listings[next(iter(self._listings))]
        return listing


def order(file: DataFile) -> tuple[int, bool, str]:
    """Return the place of a file among others: by window, Parquet before journal."""
    return (file.start_ms, file.kind == "journal", file.folder)


def _listing(identity: tuple[int, int, int], folder: str, names: list[str]) -> _Listing:
    """Sort out the names of a folder: those of the next level, and data files."""
    parsed = [(name, layout.parse_name(name)) for name in names]
    files = [DataFile(p.start_ms, folder, name, p.kind, p.duration_ms) for name, p in parsed if p is not None]
    parse = layout.parse_identifier if folder else layout.parse_day
    return _Listing(identity, tuple(sorted(filter(parse, names))), tuple(sorted(files, key=order)))


def _overlapping(files: Iterable[DataFile], from_ms: int, to_ms: int) -> list[DataFile]:
    """Return those of one writer's day that may reach into [from_ms, to_ms); names do not say how long."""
    before = [file for file in files if file.start_ms < to_ms]
    earlier = sorted({file.start_ms for file in before if file.duration_ms is None and file.start_ms < from_ms})
    reaching = set(earlier[-EARLIER_WINDOWS:])
    return [
        file
        for file in before
        if file.start_ms >= from_ms
        or (file.start_ms in reaching if file.duration_ms is None else file.start_ms + file.duration_ms > from_ms)
    ]
