"""Kernel files that are kept open, and read from their start at every tick.

Reading a kept file is 5 to 15 times cheaper than opening it for each read. A read of a kept file of a removed cgroup
fails with ENODEV, and never returns the numbers of another cgroup that was made under the same name meanwhile.
Source: fs/kernfs/file.c
"""

import errno
import os
import resource
import sys
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.catalogue import COLUMNS

FIRST_READ_BYTES = 4096
"""Number of bytes of the first read of a file."""
MIN_MARGIN_BYTES = 8
"""Minimum room beyond the last content of a file; the room is a quarter of the content if that is more.

If a read returns only slightly less than was asked for, CPython keeps its buffer instead of copying to a smaller one.
"""
MAX_READ_BYTES = 4 << 20
"""Maximum number of bytes that are read of a file."""
RESERVED_DESCRIPTORS = 64
"""Number of descriptors that are left for everything else; when no more are free, files are opened for each read."""
GONE = frozenset({errno.ENODEV, errno.ENOENT, errno.ESRCH})
"""Errors of reading a file of a removed cgroup or of a process that has ended."""
NOT_SUPPORTED = frozenset({errno.EOPNOTSUPP, errno.EINVAL})
"""Errors of reading a file whose feature is switched off, such as PSI on older kernels."""


class Parser(Protocol):
    """A parser for kernel files of one kind.

    `names`: metrics of the values that were parsed last; `unknown`: keys of the files that are not in the catalogue.
    """

    names: tuple[str, ...]
    unknown: frozenset[bytes]

    def parse(self, text: bytes) -> Sequence[float]:
        """Return the values of `names` from the whole text of a file.

        Raises: ParseError if the text is malformed.
        """

    def form(self, names: tuple[str, ...], /) -> Hashable:
        """Return a key that is equal for files that `parse_alike` can parse together; None if each is parsed alone."""

    def parse_alike(self, texts: Sequence[bytes], names: tuple[str, ...], /) -> NDArray[np.float64] | None:
        """Return the values of many files of the same form; None if one of them may have another form by now.

        `names`: metrics of the form.
        Shape: (files, names)
        """


class PlainParser:
    """A parser made of a pure function `bytes -> {metric: value}`."""

    __slots__ = ("_function", "names", "unknown")

    def __init__(self, function: Callable[[bytes], Mapping[str, float]]) -> None:
        self._function = function
        self.names: tuple[str, ...] = ()
        self.unknown: frozenset[bytes] = frozenset()

    def parse(self, text: bytes) -> Sequence[float]:
        """Return the values of the function, in its order."""
        values = self._function(text)
        names = tuple(values)
        if names != self.names:
            self.names = names
        return list(values.values())

    def form(self, names: tuple[str, ...]) -> None:
        """Return None: there is no faster way than one file after the other."""

    def parse_alike(self, texts: Sequence[bytes], names: tuple[str, ...]) -> None:
        """Return None, since no files have a form."""


_COLUMN = {name: 1 + i for i, name in enumerate(COLUMNS)}


@cache
def columns_of(names: tuple[str, ...]) -> NDArray[np.intp]:
    """Return the columns of these metrics in a row, whose first column is the lateness."""
    return np.array([_COLUMN[name] for name in names], np.intp)


class KernelFile:
    """One kept file, and its last content. Used by one thread at a time.

    `text`: content that was parsed last; `names`: metrics of that content; `columns`: their columns in a row; `size`:
    number of bytes to read; `is_gone`: whether its cgroup was removed or its process has ended; `fd`: -1 if descriptors
    are scarce.
    """

    __slots__ = ("columns", "fd", "is_gone", "name", "names", "parser", "path", "size", "text")

    def __init__(self, path: str, parser: Parser) -> None:
        """Open `path`; it is kept open unless descriptors are scarce.

        Raises: OSError if it cannot be opened.
        """
        self.path = path
        self.name = sys.intern(os.path.basename(path))
        self.parser = parser
        self.text: bytes | None = None
        self.names: tuple[str, ...] = ()
        self.columns = columns_of(())
        self.is_gone = False
        self.size = FIRST_READ_BYTES
        self.fd = -1
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        if self.fd >= resource.getrlimit(resource.RLIMIT_NOFILE)[0] - RESERVED_DESCRIPTORS:
            self.close()

    def read(self) -> bytes:
        """Return the content, for `parse`.

        Raises: OSError if reading fails.
        """
        return os.pread(self.fd, self.size, 0) if self.fd >= 0 else self._open_and_read()

    def parse(self, text: bytes) -> Sequence[float]:
        """Return the values of `names` from content that was read.

        Raises: ParseError if it is malformed; OSError if it has to be read again, being longer, and that fails.
        """
        is_too_long = len(text) == self.size
        if is_too_long:
            text = self._read_larger()
        if is_too_long or self.text is None:
            self.size = len(text) + max(MIN_MARGIN_BYTES, len(text) // 4)
        values = self.parser.parse(text)
        self.text, self.is_gone = text, False
        if self.parser.names is not self.names:
            self.names = self.parser.names
            self.columns = columns_of(self.names)
        return values

    def close(self) -> None:
        """Close the file. A later read would open it again, perhaps as a file of another cgroup of the same name."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    __del__ = close  # a file that is dropped must not keep its descriptor

    def _open_and_read(self) -> bytes:
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(fd, self.size, 0)
        finally:
            os.close(fd)

    def _read_larger(self) -> bytes:
        """Read again with more room: the kernel renders the file at each read, so a rest might not fit the start."""
        while self.size < MAX_READ_BYTES:
            self.size = max(FIRST_READ_BYTES, 4 * self.size)
            text = self.read()
            if len(text) < self.size:
                break
        return text
