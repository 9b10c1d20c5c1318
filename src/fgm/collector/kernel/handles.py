"""Handles through which kernel files that are read seldom are opened, read and closed each time.

An open file that was read holds a buffer of a page or more until it is closed (4.4 KiB with all that belongs to it),
which the kernel charges to the collector. A handle holds 0.2 KiB, and leads to the same cgroup or network as before,
even if another one has got the same path.
Source: fs/seq_file.c (seq_buf_alloc), open(2) (O_PATH)
"""

import os
import resource
from typing import Protocol

READ_ONLY = os.O_RDONLY | os.O_CLOEXEC
RESERVED_DESCRIPTORS = 64
"""Number of descriptors to leave for other uses. If only these are left, kernel files are opened by their paths."""


class Handle(Protocol):
    """Something through which a file can be opened again."""

    def open(self, name: str, /) -> int:
        """Open a file, and return its descriptor. `name`: of the file in its folder.

        Raises: OSError if it cannot be opened.
        """

    def close(self) -> None:
        """Give the handle up."""


class FolderHandle:
    """A handle of the folder of a cgroup, for all files in it.

    After the cgroup was removed, opening a file fails with ENOENT, even if there is a new cgroup with the same path.
    Source: fs/kernfs/dir.c (kernfs_iop_lookup)
    """

    __slots__ = ("_fd", "_path")

    def __init__(self, path: str) -> None:
        """Open the folder of this path.

        Raises: OSError if it cannot be opened.
        """
        self._path = path
        self._fd = -1
        self._fd = _kept(os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))

    def open(self, name: str) -> int:
        """Open a file of the folder, and return its descriptor.

        Raises: OSError if it cannot be opened.
        """
        if self._fd < 0:
            return os.open(f"{self._path}/{name}", READ_ONLY)
        return os.open(name, READ_ONLY, dir_fd=self._fd)

    def close(self) -> None:
        """Close the folder. A later `open` uses its path."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    __del__ = close


class FileHandle:
    """A handle of one file.

    With a file of `/proc/<pid>/net`, it works after the process has ended, as long as the network exists.
    """

    __slots__ = ("_again", "_fd")

    def __init__(self, path: str) -> None:
        """Find the file of this path.

        Raises: OSError if it cannot be found.
        """
        self._fd = -1
        self._fd = _kept(os.open(path, os.O_PATH | os.O_CLOEXEC))
        self._again = path if self._fd < 0 else f"/proc/self/fd/{self._fd}"

    def open(self, _name: str) -> int:
        """Open the file, and return its descriptor.

        Raises: OSError if it cannot be opened.
        """
        return os.open(self._again, READ_ONLY)

    def close(self) -> None:
        """Close the file's descriptor. It cannot be opened again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._again = ""  # not the number of a descriptor that another file may have by now

    __del__ = close


def is_scarce(fd: int) -> bool:
    """Return whether so many descriptors are open that this one should not be kept."""
    return fd >= resource.getrlimit(resource.RLIMIT_NOFILE)[0] - RESERVED_DESCRIPTORS


def _kept(fd: int) -> int:
    """Return a descriptor; -1 after closing it if descriptors are scarce."""
    if not is_scarce(fd):
        return fd
    os.close(fd)
    return -1
