"""Atomic changes to the data directory: after a kill or a power loss they are on disk as a whole, or not at all.

Files get mode 0644 and folders 0755 whatever the umask is, so that a viewer of another user can read them. One process
writes (the lock), and one thread at a time publishes a given name.
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


def publish(folder: str | int, name: str, content: bytes | Callable[[BinaryIO], object]) -> None:
    """Put a whole file into `folder` (a path, or an open descriptor), replacing a file of the same name.

    `content`: the bytes, or a function that writes them to the open file. A reader sees the old file or the new one,
    and so does the next start after a power loss.

    Raises: OSError, or what `content` raises; nothing has changed then.
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
            os.rename(temporary, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=folder_fd)
            raise
        os.fsync(folder_fd)  # the rename itself is on disk only after this


def rename(path: str, name: str) -> None:
    """Give a file another name in its folder; that is on disk when this returns.

    Raises: OSError.
    """
    folder, old = os.path.split(path)
    with _open_folder(folder or ".") as folder_fd:
        os.rename(old, name, src_dir_fd=folder_fd, dst_dir_fd=folder_fd)
        os.fsync(folder_fd)


def set_aside(path: str, name: str) -> str:
    """Give a file another name in its folder, followed by a number if that name is taken; return its new path.

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
    """Remove a file; that is on disk when this returns.

    Raises: OSError, FileNotFoundError if it does not exist.
    """
    folder, name = os.path.split(path)
    with _open_folder(folder or ".") as folder_fd:
        os.unlink(name, dir_fd=folder_fd)
        os.fsync(folder_fd)


def make_folder(path: str, within: str | None = None) -> None:
    """Create a folder and the missing ones above it; they are on disk when this returns.

    `within`: a folder above it that must exist already. If it does not, it may be a volume that is not mounted.

    An existing folder stays as it is, except that a `dt=` or `identifier=` folder gets its mode: a kill right after it
    was created may have left the umask's.

    Raises: OSError, NotADirectoryError if a file or a link has its place.
    """
    parent = os.path.dirname(os.path.abspath(path))
    if within is not None and not os.path.isdir(within):
        raise FileNotFoundError(errno.ENOENT, "the data directory does not exist", within)
    for folder in (parent, path):
        if _is_data_folder(folder) and os.path.islink(folder):  # readers and retention would not follow it
            raise NotADirectoryError(errno.ENOTDIR, "there is a link instead of a folder", folder)
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
    except FileNotFoundError:
        make_folder(parent, within)
        make_folder(path, within)  # another task may have created it meanwhile
        return
    os.chmod(path, FOLDER_MODE)
    with _open_folder(parent) as parent_fd:
        os.fsync(parent_fd)


def _is_data_folder(path: str) -> bool:
    """Return whether a folder has the name of a day or a writer."""
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
