"""Atomic changes to the data directory: after a kill or a power loss, a change is on disk completely or not at all.

Files get mode 0644 and folders 0755, regardless of the umask, so that a viewer that runs as another user can read
them. Callers must ensure that only one process writes (see `fgm.store.directory.lock`), and that only one thread at a
time publishes a given name.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from typing import BinaryIO

from fgm.store.directory.layout import TEMPORARY_SUFFIX, parse_day, parse_identifier

FILE_MODE = 0o644
FOLDER_MODE = 0o755


def publish(
    folder: str | int, name: str, content: bytes | Callable[[BinaryIO], object], *, is_read_at_once: bool = False
) -> None:
    """Write a file, replacing any file of the same name.

    `folder`: a path or an open descriptor. `content`: the bytes, or a function that writes them to the open file.
    `is_read_at_once`: whether to leave the file in the page cache. The kernel charges the page cache of a file to its
    writer, also if only others read it, and counts what is read twice as used.
    Readers see the complete old file or the complete new file, even after a power loss.

    Raises: OSError, or any error of `content`. The old file is then unchanged.
    """
    temporary = name + TEMPORARY_SUFFIX
    with _open_folder(folder) as folder_fd:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder_fd)  # left by a killed writer
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with open(os.open(temporary, flags, FILE_MODE, dir_fd=folder_fd), "wb") as file:
                os.fchmod(file.fileno(), FILE_MODE)
                if callable(content):
                    content(file)
                else:
                    file.write(content)
                file.flush()
                # Before the rename: otherwise a power loss could leave an empty file under the final name.
                os.fsync(file.fileno())
                if not is_read_at_once:  # after the fsync: the kernel keeps pages that are not on disk yet
                    with contextlib.suppress(OSError):  # of a file system that takes no advice
                        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            os.rename(temporary, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=folder_fd)
            raise
        os.fsync(folder_fd)  # the rename itself is on disk only after this


def rename(path: str, name: str) -> None:
    """Rename a file within its folder. The new name is on disk when this returns.

    Raises: OSError.
    """
    folder, old = os.path.split(path)
    with _open_folder(folder or ".") as folder_fd:
        os.rename(old, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
        os.fsync(folder_fd)


def set_aside(path: str, name: str) -> str:
    """Rename a file within its folder and return its new path. If `name` is taken, a number is appended to it.

    Raises: OSError.
    """
    folder = os.path.dirname(path)
    free, number = name, 0
    while os.path.lexists(os.path.join(folder, free)):
        number += 1
        free = f"{name}.{number}"
    rename(path, free)
    return os.path.join(folder, free)


def remove(path: str) -> None:
    """Remove a file. The removal is on disk when this returns.

    Raises: FileNotFoundError if the file does not exist, or another OSError.
    """
    folder, name = os.path.split(path)
    with _open_folder(folder or ".") as folder_fd:
        os.unlink(name, dir_fd=folder_fd)
        os.fsync(folder_fd)


def make_folder(path: str, within: str | None = None) -> None:
    """Create a folder and its missing parents. They are on disk when this returns.

    `within`: a parent that must already exist, because a missing one may be a volume that is not mounted.

    An existing folder is unchanged, except for the mode of a `dt=` or `identifier=` folder: a collector that was killed
    after mkdir may have left it with the mode of the umask.

    Raises: NotADirectoryError if `path` is a file or a link, or another OSError.
    """
    parent = os.path.dirname(os.path.abspath(path))
    if within is not None and not os.path.isdir(within):
        raise FileNotFoundError(errno.ENOENT, "the data directory does not exist", within)
    for folder in (parent, path):
        if _is_data_folder(folder) and os.path.islink(folder):  # readers and retention do not follow links
            raise NotADirectoryError(errno.ENOTDIR, "there is a link instead of a folder", folder)
    try:
        _make_folder_within(parent, path)
    except FileNotFoundError:
        make_folder(parent, within)
        _make_folder_within(parent, path)  # fails if the parent exists, but refuses folders, as /proc does


def _make_folder_within(parent: str, path: str) -> None:
    """Create a folder, unless it exists. The parent must exist."""
    try:
        os.mkdir(path, FOLDER_MODE)
    except FileExistsError:
        status = os.stat(path)
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "there is a file instead of a folder", path) from None
        if not _is_data_folder(path):
            return
        if stat.S_IMODE(status.st_mode) == FOLDER_MODE:
            return
    os.chmod(path, FOLDER_MODE)
    with _open_folder(parent) as parent_fd:
        os.fsync(parent_fd)


def _is_data_folder(path: str) -> bool:
    """Return whether a path has the name of a `dt=` or `identifier=` folder."""
    name = os.path.basename(path)
    return parse_day(name) is not None or parse_identifier(name) is not None


@contextlib.contextmanager
def _open_folder(folder: str | int) -> Iterator[int]:
    if isinstance(folder, int):
        yield folder
        return
    folder_fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield folder_fd
    finally:
        os.close(folder_fd)
