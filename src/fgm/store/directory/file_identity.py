"""Identity of a file's content, from its inode: while it is equal, earlier reads of the file are still valid."""

import os
from typing import NamedTuple

SETTLED_NS = 2_000_000_000
"""Minimum age of a modification time that is reliable.

The kernel takes modification times from a coarse clock. Soon after one change, another one may not change the time.
"""


class FileIdentity(NamedTuple):
    """Identity of a file's content.

    `device` and `inode` differ after the file was replaced; `mtime_ns` and `size` differ after it was changed.
    """

    device: int
    inode: int
    mtime_ns: int
    size: int


def identity_of(status: os.stat_result) -> FileIdentity:
    """Return the identity of a file from its status."""
    return FileIdentity(status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)


def is_settled(changed_ns: int, wall_ns: int) -> bool:
    """Return whether the next change of a file or folder is certain to change its modification time, `changed_ns`."""
    return wall_ns - changed_ns > SETTLED_NS
