"""Reads files of /proc/<pid>, which are opened for each read.

An open file becomes invalid when its process calls exec: smaps_rollup belongs to the memory of the old program.
Source: fs/proc/task_mmu.c
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

ENDED = frozenset({errno.ENOENT, errno.ESRCH})
"""Error numbers of reading a file of a process that has ended, or of a zombie, which has no memory any more."""
REFUSED = frozenset({errno.EACCES, errno.EPERM})
"""Error numbers of reading without CAP_SYS_PTRACE, or if AppArmor denies it."""
REFUSED_REST_S = 3600.0
"""Interval before a refused container is tried again. Each refused read may add a line to the host's audit log."""

_SMALL_BYTES = 4096
_PART_BYTES = 64 << 10
MAX_BYTES = 16 << 20
"""Maximum size of a file: about 24,000 memory mappings. A longer one is not read, because a part has wrong sums."""


def read(path: str, dir_fd: int | None = None) -> bytes:
    """Return the text of a file, at most 4096 bytes. `dir_fd`: folder that `path` is relative to.

    Raises: OSError if it cannot be read.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        return os.read(fd, _SMALL_BYTES)
    finally:
        os.close(fd)


def read_long(path: str, dir_fd: int | None = None) -> bytes:
    """Return the text of a large file. `dir_fd`: see `read`.

    Raises: OSError if it cannot be read, or is longer than MAX_BYTES.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        parts, size = [], 0
        while part := os.read(fd, _PART_BYTES):
            parts.append(part)
            size += len(part)
            if size > MAX_BYTES:
                raise OSError(errno.EFBIG, f"it is longer than {MAX_BYTES >> 20} MiB", path)
        return b"".join(parts)
    finally:
        os.close(fd)


@contextmanager
def folder(proc_root: str, pid: int) -> Iterator[int]:
    """Open the folder of a process. Files opened relative to it never belong to a later process with the same pid.

    Raises: OSError if the process has ended.
    """
    fd = os.open(f"{proc_root}/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


@cache
def _has_fd_count() -> bool:
    """Return whether the size of a folder /proc/<pid>/fd is its number of files, which is so since Linux 6.2."""
    return os.stat("/proc/self/fd").st_size > 0


def open_files(path: str) -> int | None:
    """Return the number of open files of a process; None before Linux 6.2, or if the process has ended.

    `path`: its folder `fd`. Reading the folder's size needs no privilege, unlike listing it.
    """
    try:
        return os.stat(path).st_size if _has_fd_count() else None
    except OSError:
        return None
