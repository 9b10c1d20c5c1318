"""Finds the data files of a time range by their names alone.

Only folders of days in the range are listed, and only if they have changed, so the cost depends on the length of the
range and not on the amount of data. Paths are opened one component at a time, starting from the data directory, and
never through a symbolic link.
"""

import heapq
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from fgm.clock import Clock
from fgm.iso_time import END_OF_TIME_MS
from fgm.store.directory import layout
from fgm.store.directory.file_identity import is_settled
from fgm.store.parquet.window_file import WindowFile
from fgm.viewer import page_cache
from fgm.viewer.files.listing.data_file import DataFile, order
from fgm.viewer.files.listing.folder_listing import EMPTY, FolderListing, listing_of, overlapping
from fgm.viewer.files.listing.folders import Folders, names_in
from fgm.viewer.files.window_cache import CachedWindow, WindowCache

MAX_CACHED_NAMES = 64_000
"""Maximum number of names in all cached listings together: the windows of two months, or the hours of years."""

AHEAD_MS = 10_000
"""Maximum time by which data may be ahead of this machine's clock. Later data is that of a clock that was ahead."""

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


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
        self._listings: dict[str, FolderListing] = {}
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
            files += overlapping(self._list(folder).files, from_ms, to_ms, reach_ms)
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

    def _list(self, folder: str) -> FolderListing:
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
                listing = listing_of(identity, folder, names_in(fd, settled_ns))
        except OSError:
            with self._lock:
                self._forget(folder)
            return EMPTY
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
