"""Opens regular files only: a FIFO, device or link in the data directory must not block or mislead a reader."""

import errno
import os
import stat

from fgm.store.errors import BadFileError

_BLOCK_BYTES = 64 << 10
"""Number of bytes per read when searching for a byte that is not zero."""
_NOT_REGULAR = frozenset({errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.ENOTDIR})
"""Error numbers of opening a link, a directory or a socket. Other errors do not depend on the type of the file."""


def open_regular(path: str, dir_fd: int | None = None, flags: int = os.O_RDONLY) -> int:
    """Open a regular file and return its descriptor. A link is not followed, and a FIFO does not block.

    `path`: relative to the folder `dir_fd`, if that is not None.

    Raises: BadFileError if it is not a regular file.
    Raises: FileNotFoundError if it does not exist, or another OSError if it cannot be opened.
    """
    try:
        fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644, dir_fd=dir_fd)
    except OSError as error:
        if error.errno in _NOT_REGULAR:
            raise BadFileError(path, "not a regular file") from error
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise BadFileError(path, "not a regular file")
    return fd


def first_byte(fd: int) -> bytes:
    """Return the first byte of an open file that is not zero; empty if it has none.

    A power loss can leave zeros instead of content that the file system had not written yet.
    """
    offset = 0
    while block := os.pread(fd, _BLOCK_BYTES, offset):
        if rest := block.lstrip(b"\0"):
            return rest[:1]
        offset += len(block)
    return b""
