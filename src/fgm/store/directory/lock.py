"""The lock of a data directory: a collector keeps an flock on the file `.lock` while it runs.

The kernel releases the lock when the process ends, for whatever reason. Child processes do not inherit the lock. The
pid in the file is used only in messages.
"""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from fgm.store.directory.atomic import FILE_MODE, make_folder
from fgm.store.directory.layout import LOCK_NAME, TEMPORARY_SUFFIX
from fgm.store.errors import AlreadyRunningError, DataDirectoryError

POLL_S = 0.1
"""Interval between two attempts to take the lock."""

_ADVICE = {
    errno.EACCES: "let this user write there, or choose another directory with --data-dir",
    errno.EPERM: "let this user write there, or choose another directory with --data-dir",
    errno.EROFS: "mount it writable, or choose another directory with --data-dir",
    errno.ENOTDIR: "move that file away, or choose another directory with --data-dir",
    errno.EISDIR: "remove its .lock, which is a folder",
    errno.ELOOP: "remove its .lock, which is a link",
    errno.EINVAL: "remove its .lock if that is not a regular file",
    errno.ENXIO: "remove its .lock if that is not a regular file",
    errno.EEXIST: "move that file away, or choose another directory with --data-dir",
    errno.ENOSPC: "free space on that disk, or choose another directory with --data-dir",
    errno.EDQUOT: "free space within that quota, or choose another directory with --data-dir",
}


class DirectoryLock:
    """Lock of one data directory, also a context manager. It is held until `release` or until the process ends."""

    def __init__(self, data_dir: str) -> None:
        self.data_dir = data_dir
        self._fd: int | None = None

    def acquire(self, wait_s: float = 10.0, sleep: Callable[[float], object] = time.sleep) -> Self:
        """Create the data directory if it is missing, lock it, and check that it is writable.

        Blocks for up to `wait_s` while another collector has the lock: a rolling update may start the new collector
        before the old one has ended. Call it before the event loop starts, or in a thread.

        Raises: AlreadyRunningError if another collector still has the lock.
        Raises: DataDirectoryError if the directory cannot be created or written.
        """
        try:
            make_folder(self.data_dir)
            fd = os.open(
                os.path.join(self.data_dir, LOCK_NAME),
                os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK,
                FILE_MODE,
            )
        except OSError as error:
            raise _unusable(self.data_dir, error) from error
        try:
            _wait(fd, wait_s, sleep, self.data_dir)
            os.fchmod(fd, FILE_MODE)
            _try_to_write(fd, self.data_dir)
        except OSError as error:
            os.close(fd)
            raise _unusable(self.data_dir, error) from error
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        return self

    def release(self) -> None:
        """Release the lock but keep its file: if it were removed, two collectors could lock two different files."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        return self if self._fd is not None else self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _wait(fd: int, wait_s: float, sleep: Callable[[float], object], data_dir: str) -> None:
    for left in range(max(0, round(wait_s / POLL_S)), -1, -1):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if left:
            sleep(POLL_S)
    raise AlreadyRunningError(data_dir, _pid(fd))


def _pid(fd: int) -> int | None:
    try:
        return int(os.pread(fd, 32, 0))
    except ValueError:
        return None


def _try_to_write(fd: int, data_dir: str) -> None:
    """Write the pid to the lock file, and create a temporary file to check that the directory is writable.

    An existing lock file may be writable in a directory that is not. A full disk is not an error, because the
    collector removes old data to free space.
    """
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        temporary = os.path.join(data_dir, LOCK_NAME + TEMPORARY_SUFFIX)
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE))
        os.unlink(temporary)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise


def _unusable(data_dir: str, error: OSError) -> DataDirectoryError:
    advice = _ADVICE.get(error.errno or 0, "choose another directory with --data-dir")
    return DataDirectoryError(data_dir, error.strerror or str(error), advice)
