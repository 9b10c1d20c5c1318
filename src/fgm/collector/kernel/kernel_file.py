"""Kernel files that are read again and again: kept open if every tick reads them, opened for each read if not.

Reading an open file is 5 to 15 times cheaper than opening it for each read, but each open file takes 4.4 KiB of kernel
memory. After a cgroup was removed, reading its open files fails with ENODEV, and never returns the values of a new
cgroup with the same name; the same holds for files that are opened through a handle.
Source: fs/kernfs/file.c
"""

import errno
import os
import sys
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fgm.collector.kernel.handles import READ_ONLY, Handle, is_scarce
from fgm.metrics.catalogue import COLUMNS

FIRST_READ_BYTES = 4096
"""Number of bytes to ask for when a file is read for the first time."""
MIN_MARGIN_BYTES = 8
"""Minimum number of bytes to ask for beyond the last size of a file. Large files get a quarter of their size instead.

The margin is small, because CPython copies the result of a read that is much shorter than asked for.
"""
MAX_READ_BYTES = 4 << 20
"""Maximum size of a kernel file. A longer one is not read at all, because a part of it would be a wrong sum."""
MAX_RECORD_BYTES = 512
"""Maximum size of a record of a list, such as the line of an interface: a name and at most 17 numbers of 20 digits."""
NEARLY_FULL_BYTES = 4096 - MAX_RECORD_BYTES
"""Minimum size of an answer after which the kernel may have more.

For one read, the kernel fills a buffer of one page with whole records of a list, however much was asked for. It leaves
the record that does not fit to the next read. A file that is one record, such as memory.stat, is read whole.
Source: fs/seq_file.c (seq_read_iter)
"""
_PART_BYTES = 64 << 10
GONE = frozenset({errno.ENODEV, errno.ENOENT, errno.ESRCH})
"""Error numbers of reading a file of a removed cgroup, or of a process that has ended."""
NOT_SUPPORTED = frozenset({errno.EOPNOTSUPP, errno.EINVAL})
"""Error numbers of reading a file whose feature is switched off, such as PSI on older kernels."""


class Parser(Protocol):
    """A parser for kernel files of one kind.

    `names`: metrics of the values that `parse` returned last; `unknown`: keys of files that are not in the catalogue.
    """

    names: tuple[str, ...]
    unknown: frozenset[bytes]

    def parse(self, text: bytes) -> Sequence[float]:
        """Return the values in the whole text of a file, and set `names` to their metrics.

        Raises: ParseError if the text is malformed.
        """

    def form(self, names: tuple[str, ...], /) -> Hashable:
        """Return a key that is equal for files that `parse_alike` can parse together; None if each is parsed alone.

        `names`: metrics of the file.
        """

    def parse_alike(self, texts: Sequence[bytes], names: tuple[str, ...], /) -> NDArray[np.float64] | None:
        """Return the values of many files with the same form; None if the form of one may have changed.

        `names`: metrics of the form.
        Shape: (files, names)
        """


class PlainParser:
    """A parser made from a pure function `bytes -> {metric: value}`."""

    __slots__ = ("_function", "names", "unknown")

    def __init__(self, function: Callable[[bytes], Mapping[str, float]]) -> None:
        self._function = function
        self.names: tuple[str, ...] = ()
        self.unknown: frozenset[bytes] = frozenset()

    def parse(self, text: bytes) -> Sequence[float]:
        """Return the function's values, and set `names` to their metrics."""
        values = self._function(text)
        names = tuple(values)
        if names != self.names:
            self.names = names
        return list(values.values())

    def form(self, names: tuple[str, ...]) -> None:
        """Return None: each file is parsed alone."""

    def parse_alike(self, texts: Sequence[bytes], names: tuple[str, ...]) -> None:
        """Return None: files cannot be parsed together."""


_COLUMN = {name: 1 + i for i, name in enumerate(COLUMNS)}


@cache
def columns_of(names: tuple[str, ...]) -> NDArray[np.intp]:
    """Return the numbers of these metrics' columns in a row of a tick. Column 0 is the lateness."""
    return np.array([_COLUMN[name] for name in names], np.intp)


class KernelFile:
    """One file, and its last content. Used by one thread at a time.

    `text`: content that was parsed last; `names`: metrics of that content; `columns`: their columns in a row; `size`:
    number of bytes to ask for; `is_gone`: whether its cgroup was removed or its process has ended; `fd`: -1 if the file
    is opened for each read; `handle`: what it is then opened through. None if by its path, because descriptors are
    scarce.
    """

    __slots__ = ("columns", "fd", "handle", "is_gone", "name", "names", "parser", "path", "size", "text")

    def __init__(self, path: str, parser: Parser, handle: Handle | None = None) -> None:
        """Open `path`, and keep it open unless there is a `handle`, or descriptors are scarce.

        Raises: OSError if it cannot be opened.
        """
        self.path = path
        self.handle = handle
        self.name = sys.intern(os.path.basename(path))
        self.parser = parser
        self.text: bytes | None = None
        self.names: tuple[str, ...] = ()
        self.columns = columns_of(())
        self.is_gone = False
        self.size = FIRST_READ_BYTES
        self.fd = -1
        self.fd = self._open()
        if handle is not None or is_scarce(self.fd):
            self.close()

    def read(self) -> bytes:
        """Return the beginning of the content, which is often all of it. Pass it to `parse`, which reads the rest.

        Raises: OSError if reading fails.
        """
        return os.pread(self.fd, self.size, 0) if self.fd >= 0 else self._open_and_read()

    def parse(self, text: bytes) -> Sequence[float]:
        """Return the values of `names` from the result of `read`. If the content may be longer, read it whole.

        Raises: ParseError if the content is malformed; OSError if it cannot be read whole.
        """
        is_too_long = len(text) == self.size
        if is_too_long:
            text = self._read_larger()
        if is_too_long or self.text is None:
            self.size = len(text) + max(MIN_MARGIN_BYTES, len(text) // 4)
        if len(text) >= NEARLY_FULL_BYTES:
            text = self._read_whole(text)
        values = self.parser.parse(text)
        self.text, self.is_gone = text, False
        if self.parser.names is not self.names:
            self.names = self.parser.names
            self.columns = columns_of(self.names)
        return values

    def close(self) -> None:
        """Close the file, but not its handle. A later read opens it again, without a handle by its path."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    __del__ = close  # a file that is no longer used must not keep its descriptor

    def _open(self) -> int:
        return os.open(self.path, READ_ONLY) if self.handle is None else self.handle.open(self.name)

    def _open_and_read(self) -> bytes:
        fd = self._open()
        try:
            return os.pread(fd, self.size, 0)
        finally:
            os.close(fd)

    def _read_larger(self) -> bytes:
        """Read the beginning again: two parts of a record that the kernel generates at each read might not fit."""
        while self.size < MAX_READ_BYTES:
            self.size = max(FIRST_READ_BYTES, 4 * self.size)
            text = self.read()
            if len(text) < self.size:
                break
        return text

    def _read_whole(self, beginning: bytes) -> bytes:
        if self.fd >= 0:
            return self._read_on(self.fd, beginning)
        fd = self._open()
        try:
            return self._read_on(fd, os.pread(fd, _PART_BYTES, 0))
        finally:
            os.close(fd)

    def _read_on(self, fd: int, beginning: bytes) -> bytes:
        """Read until an answer is short. The kernel continues a list after the last record that it returned.

        Processes and interfaces that end between two reads of a list neither hide others nor repeat them.
        """
        parts, size = [beginning], len(beginning)
        while len(parts[-1]) >= NEARLY_FULL_BYTES:
            if size >= MAX_READ_BYTES:
                raise OSError(errno.EFBIG, f"it is longer than {MAX_READ_BYTES >> 20} MiB", self.path)
            parts.append(os.pread(fd, _PART_BYTES, size))
            size += len(parts[-1])
        return b"".join(parts)


def read_changed(files: Iterable[KernelFile], update: Callable[[KernelFile, bytes | OSError], object]) -> None:
    """Read files. `update`: called for each file that has changed or cannot be read; it may drop the file."""
    for file in tuple(files):
        try:
            text = file.read()
        except OSError as error:
            update(file, error)
        else:
            if text != file.text:
                update(file, text)
