"""The files that a job makes: written under temporary names, so that no reader sees them before they are published."""

import contextlib
import os
from collections.abc import Callable
from typing import BinaryIO

from fgm.store.directory import atomic, layout


class NewFiles:
    """Writes the files of one job. `paths`: those written so far, below the data directory, with their final names."""

    def __init__(self, data_dir: str) -> None:
        self.paths: tuple[str, ...] = ()
        self._data_dir = data_dir

    def temporary(self, path: str) -> str:
        """Return where a file is until it is published."""
        return os.path.join(self._data_dir, path + layout.TEMPORARY_SUFFIX)

    def write(self, path: str, write: Callable[[BinaryIO], object]) -> None:
        """Write a file. It is on disk when this returns. `path`: its final one, below the data directory.

        Raises: OSError, or any error of `write`.
        """
        temporary = self.temporary(path)
        atomic.make_folder(os.path.dirname(temporary), within=self._data_dir)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(temporary, flags, atomic.FILE_MODE), "w+b") as file:
            os.fchmod(file.fileno(), atomic.FILE_MODE)
            write(file)
            file.flush()
            os.fsync(file.fileno())
        self.paths = (*self.paths, path)

    def release(self) -> None:
        """Let the kernel drop the files from the page cache, which is charged to the collector's container."""
        for path in self.paths:
            fd = os.open(self.temporary(path), os.O_RDONLY | os.O_CLOEXEC)
            try:
                with contextlib.suppress(OSError):  # of a file system that takes no advice
                    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(fd)
