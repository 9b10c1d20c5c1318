"""Finds the data files of a time range by their names alone.

Only folders of days in the range are listed, and only if they have changed, so the cost depends on the length of the
range and not on the amount of data. Paths are opened one component at a time, starting from the data directory, and
never through a symbolic link.
"""

import heapq
import os
import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from operator import attrgetter
from typing import NamedTuple

from fgm.clock import Clock
from fgm.iso_time import END_OF_TIME_MS
from fgm.store.directory import layout
from fgm.store.directory.file_identity import is_settled
from fgm.store.parquet.window_file import WindowFile
from fgm.viewer import page_cache
from fgm.viewer.files.folders import Folders, names_in
from fgm.viewer.files.window_cache import CachedWindow, WindowCache

MAX_CACHED_NAMES = 64_000
"""Maximum number of names in all cached listings together: the windows of two months, or the hours of years."""
EARLIER_WINDOWS = 2
"""Number of windows before a range that are read, too.

The last of them may extend into the range. So may the one before it, if the length of windows was changed.
"""

AHEAD_MS = 10_000
"""Maximum time by which data may be ahead of this machine's clock. Later data is that of a clock that was ahead."""

_START = attrgetter("start_ms")
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class DataFile(NamedTuple):
    """One data file, as described by its name.

    `start_ms`: start of its window or hour. `folder`: path relative to the data directory. `duration_ms`: None for a
    single window, whose length is not in its name. `parts`: the single windows and journals next to a merged hour,
    which start in it; `Reader` finds out which of them the hour contains already.
    """

    start_ms: int
    folder: str
    name: str
    kind: layout.Kind
    duration_ms: int | None = None
    parts: "tuple[DataFile, ...]" = ()

    @property
    def path(self) -> str:
        """The path relative to the data directory."""
        return f"{self.folder}/{self.name}"


class _Listing(NamedTuple):
    """The contents of a folder.

    `identity`: device, inode and mtime of the folder when it was listed. `files`: ascending in time. `tables`: names of
    tables and of their journals. `minutes`: names of files of minutes. `days`: 00:00 UTC of each day and the path of
    its folder, ascending.
    """

    identity: tuple[int, int, int]
    folders: tuple[str, ...]
    files: tuple[DataFile, ...]
    tables: tuple[str, ...]
    minutes: tuple[str, ...]
    days: tuple[tuple[int, str], ...] = ()

    @property
    def size(self) -> int:
        """Number of names."""
        parts = sum(len(file.parts) for file in self.files)
        return 1 + len(self.folders) + len(self.files) + parts + len(self.tables) + len(self.minutes)


_EMPTY = _Listing((0, 0, 0), (), (), (), ())


class DataFiles:
    """The files of one data directory. They may appear and disappear at any time. Thread-safe.

    A folder that is missing or cannot be read is treated as empty. All methods may block.
    """

    def __init__(self, data_dir: str, clock: Clock, root: str | None = None) -> None:
        """`root`: the directory to which `DataFile.folder` is relative; None: the data directory."""
        self.data_dir = data_dir
        self._root = data_dir if root is None else root
        self._clock = clock
        self._windows = WindowCache()
        self._listings: dict[str, _Listing] = {}
        self._cached_names = 0
        self._opened: set[str] = set()
        self._lock = threading.Lock()

    def is_there(self) -> bool:
        """Return whether the data directory exists."""
        return os.path.isdir(self.data_dir)

    def between(self, from_ms: int, to_ms: int, reach_ms: int = 0) -> list[DataFile]:
        """Return the files that may have samples in [from_ms, to_ms): oldest first, Parquet before journals.

        `reach_ms`: time by which the windows of a merged hour may reach into later hours.
        """
        files: list[DataFile] = []
        for _, folder in self.folders_between(from_ms, to_ms):
            files += _overlapping(self._list(folder).files, from_ms, to_ms, reach_ms)
        return sorted(files, key=order)

    def folders_between(self, from_ms: int, to_ms: int, below: str = "") -> list[tuple[int, str]]:
        """Return pairs of 00:00 UTC of a day in [from_ms, to_ms) and a writer's folder of that day, oldest first.

        `below`: the folder with the days, such as `tiers`; "" is the data directory.
        """
        days = [day for day in self._days(below) if day[0] < to_ms and day[0] + layout.DAY_MS > from_ms]
        return [(midnight_ms, folder) for midnight_ms, day in days for folder in self._writers(day)]

    def files_in(self, folder: str) -> tuple[DataFile, ...]:
        """Return the metrics files and journals in a writer's folder of a day, oldest first.

        While the folder does not change, it is usually the same object.
        """
        return self._list(folder).files

    def minute_names(self, folder: str) -> tuple[str, ...]:
        """Return the names of the files of minutes in a writer's folder of a day, below `tiers`."""
        return self._list(folder).minutes

    def table_names(self, folder: str) -> tuple[str, ...]:
        """Return the names of the process and region tables in a writer's folder of a day, and of their journals."""
        return self._list(folder).tables

    def newest_first(self) -> Iterator[DataFile]:
        """Yield the files up to `horizon_ms`, newest first. A day is listed only when the iterator reaches it."""
        horizon_ms = self.horizon_ms()
        for midnight_ms, day in reversed(self._days()):
            if midnight_ms <= horizon_ms:
                yield from (file for file in self._of_day(day) if file.start_ms <= horizon_ms)

    def now_ms(self) -> int:
        """Return the current time, in ms since 1970."""
        return self._clock.wall_ns() // 1_000_000

    def horizon_ms(self) -> int:
        """Return the latest time at which data is expected: shortly after now.

        If there is only later data, the clock of this machine is behind, and there is no limit.
        """
        now_ms = self.now_ms() + AHEAD_MS
        days = [day for midnight_ms, day in self._days() if midnight_ms <= now_ms]
        is_behind = not any(file.start_ms <= now_ms for day in days for file in self._of_day(day))
        return END_OF_TIME_MS if is_behind else now_ms

    def after_horizon(self) -> DataFile | None:
        """Return the newest file if it begins after `horizon_ms`, else None."""
        newest = next((file for _, day in reversed(self._days()) for file in self._of_day(day)), None)
        return None if newest is None or newest.start_ms <= self.horizon_ms() else newest

    def _of_day(self, day: str) -> Iterator[DataFile]:
        """Yield the files of a day, newest first."""
        listings = [self._list(folder).files for folder in self._writers(day)]
        return heapq.merge(*map(reversed, listings), key=order, reverse=True)

    def window(self, file: DataFile) -> WindowFile:
        """Open a closed window or a merged hour, without its parts. The caller must close it.

        Raises: OSError (such as FileNotFoundError) if it cannot be opened; BadFileError if it is not a file of fgm.
        """
        with self.opened(file.folder) as fd:
            return self._windows.open(file.name, fd)

    def cached_window(self, file: DataFile, folders: Folders) -> CachedWindow:
        """Find a closed window or a merged hour, and open it only if it is not in the cache. The caller must close it.

        Raises: as `window`.
        """
        return self._windows.find(file.name, folders.open(file.folder))

    def folders(self) -> Folders:
        """Return a context in which each folder is opened once."""
        return Folders(self.opened)

    @contextmanager
    def opened(self, folder: str) -> Iterator[int]:
        """Open a folder below the data directory, and yield its file descriptor. `folder`: "" is the directory itself.

        Raises: OSError if it cannot be opened, or if a component of the path is a symbolic link.
        """
        fd = os.open(self._root, _OPEN_FOLDER)
        try:
            for name in filter(None, folder.split("/")):
                inner = os.open(name, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=fd)
                os.close(fd)
                fd = inner
            self._opened.add(folder)
            yield fd
        finally:
            os.close(fd)

    def leave_page_cache(self) -> None:
        """Remove the files of all folders that were opened from the page cache, at the end of the process."""
        for folder in sorted(self._opened):
            with suppress(OSError), self.opened(folder) as fd:
                page_cache.remove(fd, os.listdir(fd))

    def _days(self, below: str = "") -> tuple[tuple[int, str], ...]:
        return self._list(below).days

    def _writers(self, day: str) -> list[str]:
        return [f"{day}/{name}" for name in self._list(day).folders]

    def _list(self, folder: str) -> _Listing:
        """Return the contents of a folder, from the cache if it has not changed; nothing if it cannot be read."""
        try:
            with self.opened(folder) as fd:
                status = os.fstat(fd)
                identity = (status.st_dev, status.st_ino, status.st_mtime_ns)
                cached = self._listings.get(folder)
                if cached is not None and cached.identity == identity:
                    return cached
                now_ns = self._clock.wall_ns()
                settled_ns = status.st_mtime_ns if is_settled(status.st_mtime_ns, now_ns) else None
                listing = _listing(identity, folder, names_in(fd, settled_ns))
        except OSError:
            with self._lock:
                self._forget(folder)
            return _EMPTY
        with self._lock:
            self._forget(folder)
            if is_settled(status.st_mtime_ns, now_ns):
                self._listings[folder] = listing
                self._cached_names += listing.size
                while self._cached_names > MAX_CACHED_NAMES:
                    self._forget(next(iter(self._listings)))
        return listing

    def _forget(self, folder: str) -> None:
        listing = self._listings.pop(folder, None)
        self._cached_names -= 0 if listing is None else listing.size


def order(file: DataFile) -> tuple[int, bool, str]:
    """Return the sort key of a file: by start, then Parquet before journals, then by folder."""
    return (file.start_ms, file.kind == "journal", file.folder)


def with_parts(files: Iterable[DataFile]) -> list[DataFile]:
    """Return the files of one folder in order. The single windows and journals of a merged hour are its parts."""
    files = list(files)
    parts: dict[int, list[DataFile]] = {file.start_ms: [] for file in files if file.duration_ms is not None}
    whole: list[DataFile] = []
    for file in files:
        of_hour = parts.get(file.start_ms - file.start_ms % layout.HOUR_MS) if file.duration_ms is None else None
        (whole if of_hour is None else of_hour).append(file)
    return sorted(
        (
            file if file.duration_ms is None else file._replace(parts=tuple(sorted(parts[file.start_ms], key=order)))
            for file in whole
        ),
        key=order,
    )


def _listing(identity: tuple[int, int, int], folder: str, names: list[str]) -> _Listing:
    """Sort the names in a folder into subfolders and data files; ignore others."""
    parsed = [(name, layout.parse_name(name)) for name in names]
    files = [DataFile(p.start_ms, folder, name, p.kind, p.duration_ms) for name, p in parsed if p is not None]
    parse = layout.parse_day if folder in {"", layout.TIERS_FOLDER} else layout.parse_identifier
    is_table = (layout.parse_table_name, layout.parse_table_hour_name, layout.parse_table_journal_name)
    tables = tuple(name for name in names if any(parse_table(name) is not None for parse_table in is_table))
    minutes = tuple(name for name in names if layout.parse_minutes_name(name) is not None)
    folders, whole = tuple(sorted(filter(parse, names))), tuple(with_parts(files))
    days: list[tuple[int, str]] = []
    if parse is layout.parse_day:
        prefix = f"{folder}/" if folder else ""
        days = [(day_ms, prefix + name) for name in folders if (day_ms := layout.parse_day(name)) is not None]
    return _Listing(identity, folders, whole, tables, minutes, tuple(sorted(days)))


def _overlapping(files: Sequence[DataFile], from_ms: int, to_ms: int, reach_ms: int) -> list[DataFile]:
    """Return the files that may have samples in [from_ms, to_ms). `files`: those of one writer and one day, in order.

    The last windows before the range are included, because the length of a window is not in its name. So is an hour
    that is the last file before it, because its last window may be longer than the rest of the hour.
    """
    first = bisect_left(files, from_ms, key=_START)
    reaching: list[DataFile] = []
    windows: set[int] = set()
    for file in reversed(files[:first]):
        if file.duration_ms is None:
            windows.add(file.start_ms)
            if len(windows) > EARLIER_WINDOWS:
                break
            reaching.append(file)
        elif not reaching or file.start_ms + file.duration_ms + reach_ms > from_ms:
            reaching.append(file)
        elif file.start_ms + layout.DAY_MS <= from_ms or len(windows) == EARLIER_WINDOWS:
            break
    return [*reversed(reaching), *files[first : bisect_left(files, to_ms, key=_START)]]
