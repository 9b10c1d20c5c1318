"""The identity of a file's content as its inode shows it: what was read of it holds while this stays equal."""

import os
from typing import NamedTuple


class FileIdentity(NamedTuple):
    """Device and inode, which differ after a file was replaced; mtime and size, which differ after it was changed."""

    device: int
    inode: int
    mtime_ns: int
    size: int


def identity_of(status: os.stat_result) -> FileIdentity:
    """Return the identity of the file that a status belongs to."""
    return FileIdentity(status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
