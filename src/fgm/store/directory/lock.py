"""The lock of a data directory: one collector holds an flock on `.lock` as long as it runs.

The kernel frees the lock however the process ends, and children do not inherit it. The pid in the file is only for
messages.
"""

import contextlib
import errno
import fcntl
import os
import tempfile
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from fgm.store.directory.atomic import FILE_MODE, make_folder
from fgm.store.directory.layout import LOCK_NAME
from fgm.store.errors import AlreadyRunningError, DataDirectoryError

POLL_S = 0.1
"""Interval between two attempts to take the lock."""

_ADVICE = {
    errno.EACCES: "let this user write there, or give another directory with --data-dir",
    errno.EPERM: "let this user write there, or give another directory with --data-dir",
    errno.EROFS: "mount it writable, or give another directory with --data-dir",
    errno.ENOTDIR: "move that file away, or give another directory with --data-dir",
    errno.EISDIR: "remove its .lock, which is a folder",
    errno.ELOOP: "remove its .lock, which is a link",
    errno.EINVAL: "remove its .lock, if that is no regular file",
    errno.ENXIO: "remove its .lock, if that is no regular file",
    errno.EEXIST: "move that file away, or give another directory with --data-dir",
    errno.ENOSPC: "make room on that disk, or give another directory with --data-dir",
    errno.EDQUOT: "make room in that quota, or give another directory with --data-dir",
}


class DirectoryLock:
    """The lock of one data directory, a context manager. It is held until `release` or the end of the process."""

    def __init__(self, data_dir: str) -> None:
        self.data_dir = data_dir
        self._fd: int | None = None

    def acquire(self, wait_s: float = 10.0, sleep: Callable[[float], object] = time.sleep) -> Self:
        """Create the data directory if it is missing, take its lock, and check that it can be written.

        Blocks for up to `wait_s` while another collector ends: a rolling update starts the new one early. Call it
        before the event loop starts, or in a thread.

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
        """Release the lock. The file stays: if it were removed, two collectors could each lock a file of their own."""
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
    """Write the pid and create a file: an existing lock file can be opened even if the directory is read-only for us.

    A full disk is not an error: the running collector removes old data to make room.
    """
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        with tempfile.TemporaryFile(dir=data_dir):
            pass
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise


def _unusable(data_dir: str, error: OSError) -> DataDirectoryError:
    advice = _ADVICE.get(error.errno or 0, "give another directory with --data-dir")
    return DataDirectoryError(data_dir, error.strerror or str(error), advice)
