"""The directory blocks of windows that were read lately: half of what reading one costs is to learn what is in it.

Safe for use by several threads.
"""

import os
import threading

from fgm.store.block import Directory, WindowFile, read_directory
from fgm.store.opening import open_regular

MOST_KEPT = 1024
"""A little more than the windows of a day; each takes some 10 KB."""

_Identity = tuple[int, int, int, int]


class Directories:
    """Opens windows. What is kept of one belongs to its device, inode, mtime and size."""

    def __init__(self) -> None:
        self._kept: dict[_Identity, Directory] = {}
        self._lock = threading.Lock()

    def open(self, name: str, dir_fd: int) -> WindowFile:
        """Open a window below `dir_fd`. Raises FileNotFoundError, and BadFileError where it is not fgm's."""
        fd = open_regular(name, dir_fd)
        try:
            status = os.fstat(fd)
            identity = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
            with self._lock:
                directory = self._kept.pop(identity, None)
            if directory is None:
                directory = read_directory(name, fd)
            with self._lock:
                self._kept[identity] = directory
                if len(self._kept) > MOST_KEPT:
                    del self._kept[next(iter(self._kept))]
            return WindowFile(name, fd, directory)
        except BaseException:
            os.close(fd)
            raise
