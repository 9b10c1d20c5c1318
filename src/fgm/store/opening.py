"""Opens files that a stranger may have put into the data directory."""

import os
import stat

from fgm.store.errors import BadFileError


def open_regular(path: str, dir_fd: int | None = None) -> int:
    """Open a regular file for reading; `path` is below `dir_fd` if that is given.

    A link is not followed and a FIFO does not block. Raises FileNotFoundError where nothing is there, and
    BadFileError where something else is, or where it must not be read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=dir_fd)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BadFileError(path, error.strerror or str(error)) from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise BadFileError(path, "not a regular file")
    return fd
