"""The identity of a file's content as its inode shows it: what was read of it holds while this stays equal."""

import os
from typing import NamedTuple

SETTLED_NS = 2_000_000_000
"""Minimum age of a modification time at which it is reliable.

Modification times come from a coarse clock, so that a file or folder that has just changed can change again without a
new one.
"""


class FileIdentity(NamedTuple):
    """Device and inode, which differ after a file was replaced; mtime and size, which differ after it was changed."""

    device: int
    inode: int
    mtime_ns: int
    size: int


def identity_of(status: os.stat_result) -> FileIdentity:
    """Return the identity of the file that a status belongs to."""
    return FileIdentity(status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)


def is_settled(changed_ns: int, wall_ns: int) -> bool:
    """Return whether a file or folder with this modification time gets another one at its next change."""
    return wall_ns - changed_ns > SETTLED_NS
