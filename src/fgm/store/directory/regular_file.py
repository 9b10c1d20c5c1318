"""Regular files: the only kind that is opened, since anybody may have put something else into the data directory."""

import errno
import os
import stat

from fgm.store.errors import BadFileError

_NOT_REGULAR = frozenset({errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.ENOTDIR})
"""Errors of opening a link, a directory or a socket; other errors do not depend on the kind of the file."""


def open_regular(path: str, dir_fd: int | None = None, flags: int = os.O_RDONLY) -> int:
    """Open a regular file; `path` is below `dir_fd` if that is given. A link is not followed and a FIFO does not block.

    Raises: BadFileError if it is not a regular file.
    Raises: OSError if it cannot be opened, FileNotFoundError if it does not exist.
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
