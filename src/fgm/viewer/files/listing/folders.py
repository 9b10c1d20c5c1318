"""Open folders of the data directory, and the names in them."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Self

MAX_LISTINGS = 5
"""Maximum number of times that a folder is read because it changes meanwhile."""


class Folders:
    """Open folders of the data directory: each is opened when it is first needed, and closed with the context.

    Not thread-safe. Use it for one step of a query only, because a folder may be replaced.
    """

    def __init__(self, opened: Callable[[str], AbstractContextManager[int]]) -> None:
        """Open nothing yet. `opened`: opens a folder and yields its descriptor, such as `DataFiles.opened`."""
        self._opened = opened
        self._stack = ExitStack()
        self._fds: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._fds.clear()
        self._stack.close()

    def open(self, folder: str) -> int:
        """Return the descriptor of a folder.

        Raises: OSError if it cannot be opened, or if a component of the path is a symbolic link.
        """
        fd = self._fds.get(folder)
        if fd is None:
            fd = self._fds[folder] = self._stack.enter_context(self._opened(folder))
        return fd


def names_in(fd: int, settled_ns: int | None) -> list[str]:
    """Return the names in an open folder. `settled_ns`: its mtime, if a change is certain to change that; else None.

    Reading a folder is not atomic: if an hour is merged meanwhile, neither its file may be among the names nor its
    windows. A folder that changes just now is therefore read until it is the same twice.
    """
    names = os.listdir(fd)
    if settled_ns == os.fstat(fd).st_mtime_ns:
        return names
    for _ in range(MAX_LISTINGS):
        again = os.listdir(fd)
        if again == names:
            break
        names = again
    return names
