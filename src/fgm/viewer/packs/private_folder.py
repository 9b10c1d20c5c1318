"""Private folders for the data of packs. They are removed at the end, or by the next process if one was killed."""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

MEMORY_FOLDER = "/dev/shm"  # noqa: S108 - folders with random names are made in it
_FOLDERS = ("/tmp", "/var/tmp")  # noqa: S108 - the same
_LOCK = "lock"


@contextmanager
def private_folder(prefix: str, *, in_memory: bool) -> Iterator[str]:
    """Make a folder that only this user can read, and remove it at the end; also remove those that others have left.

    The kernel releases the lock of a folder when its process ends, however it ends. `prefix`: begin of its name.
    `in_memory`: whether it is in memory if possible; else it is there only if there is no other place.

    Raises: OSError if there is no place for it.
    """
    parent = _parent(in_memory=in_memory)
    with suppress(OSError):
        _remove_left(parent, prefix)
    folder = tempfile.mkdtemp(prefix=f".{prefix}{os.getpid()}-", dir=parent)
    try:
        lock = os.open(os.path.join(folder, _LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            locked = os.path.join(parent, os.path.basename(folder).removeprefix("."))
            os.rename(folder, locked)  # others look for this name only: they never see one without a lock
            folder = locked
            yield folder
        finally:
            os.close(lock)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _parent(*, in_memory: bool) -> str:
    """Return the folder for temporary files, which is never the present one: that may be the data directory."""
    given = os.environ.get("TMPDIR")
    folders = [given, *_FOLDERS] if given else list(_FOLDERS)
    ordered = [MEMORY_FOLDER, *folders] if in_memory else [*folders, MEMORY_FOLDER]
    for folder in ordered:
        if os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise OSError(errno.ENOENT, f"none of {', '.join(ordered)} can be written")


def _remove_left(parent: str, prefix: str) -> None:
    """Remove the folders of processes of this user that were killed."""
    with os.scandir(parent) as entries:
        names = [entry.path for entry in entries if entry.name.startswith(prefix) and _is_own(entry)]
    for path in names:
        try:
            lock = os.open(os.path.join(path, _LOCK), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue  # it is being made
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(lock)


def _is_own(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.geteuid()
