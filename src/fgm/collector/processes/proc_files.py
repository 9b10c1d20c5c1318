"""Reads files of /proc/<pid>: opened anew each time, since a process may end or become another program (exec)."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

ENDED = frozenset({errno.ENOENT, errno.ESRCH})
"""What a file of a process says that ended, or that is a zombie and has no memory any more."""
REFUSED = frozenset({errno.EACCES, errno.EPERM})
"""What it says to a reader without CAP_SYS_PTRACE, or one that AppArmor stops."""

_SMALL_BYTES = 4096
_PART_BYTES = 64 << 10
_MAX_BYTES = 16 << 20


def read(path: str, dir_fd: int | None = None) -> bytes:
    """Return the text of a file that is at most a page; `path` is below `dir_fd` if that is given. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        return os.read(fd, _SMALL_BYTES)
    finally:
        os.close(fd)


def read_long(path: str, dir_fd: int | None = None) -> bytes:
    """Return the lines of a file that the kernel gives in parts, the first 16 MiB of them. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        parts, size = [], 0
        while size < _MAX_BYTES and (part := os.read(fd, _PART_BYTES)):
            parts.append(part)
            size += len(part)
        text = b"".join(parts)
        return text if size < _MAX_BYTES else text[: text.rfind(b"\n") + 1]
    finally:
        os.close(fd)


@contextmanager
def folder(proc_root: str, pid: int) -> Iterator[int]:
    """Open a process's folder; what is read below it is never of another process with the same number."""
    fd = os.open(f"{proc_root}/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


@cache
def _are_files_counted() -> bool:
    """Say whether the size of a folder `fd` is the number of files in it; this process has some."""
    return os.stat("/proc/self/fd").st_size > 0


def open_files(path: str) -> int | None:
    """Return how many files a process has open, `path` being its folder `fd`.

    None before Linux 6.2, where the size of that folder says nothing, and where it has ended.
    """
    try:
        return os.stat(path).st_size if _are_files_counted() else None
    except OSError:
        return None
