"""Opens regular files only: a FIFO, device or link in the data directory must not block or mislead a reader."""

import errno
import os
import stat

from fgm.store.errors import BadFileError

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
