"""The directory blocks of windows that were read lately: half of what reading one costs is to learn what is in it.

Safe for use by several threads.
"""

import os
import threading

from fgm.store.directory.file_identity import FileIdentity, identity_of
from fgm.store.directory.regular_file import open_regular
from fgm.store.parquet.window_block import WindowBlock, read_window_block
from fgm.store.parquet.window_file import WindowFile

MOST_KEPT = 1024
"""A little more than the windows of a day; each takes some 10 KB."""
MOST_RUNS = 64_000
"""So many series are in them together: where containers come and go, each window has its own."""


class Directories:
    """Opens windows. What is kept of one belongs to its device, inode, mtime and size."""

    def __init__(self, most_runs: int = MOST_RUNS) -> None:
        self._most_runs = most_runs
        self._kept: dict[FileIdentity, WindowBlock] = {}
        self._runs = 0
        self._lock = threading.Lock()

    def open(self, name: str, dir_fd: int) -> WindowFile:
        """Open a window below `dir_fd`. Raises FileNotFoundError, and BadFileError where it is not fgm's."""
        fd = open_regular(name, dir_fd)
        try:
            identity = identity_of(os.fstat(fd))
            with self._lock:
                directory = self._kept.pop(identity, None)
                self._runs -= 0 if directory is None else len(directory.runs)
            if directory is None:
                directory = read_window_block(name, fd)
            with self._lock:
                self._keep(identity, directory)
            return WindowFile(name, fd, directory)
        except BaseException:
            os.close(fd)
            raise

    def _keep(self, identity: FileIdentity, directory: WindowBlock) -> None:
        earlier = self._kept.pop(identity, None)  # another thread was faster
        self._kept[identity] = directory
        self._runs += len(directory.runs) - (0 if earlier is None else len(earlier.runs))
        while len(self._kept) > MOST_KEPT or self._runs > self._most_runs:
            self._runs -= len(self._kept.pop(next(iter(self._kept))).runs)
