"""The only module that opens kernel files: each is kept open and read whole, from its start, at every tick.

Reading a kept file is 5 to 15 times cheaper than opening it anew, and a file of a removed cgroup says so (ENODEV)
instead of showing another cgroup's numbers, even when one of the same name was made meanwhile.
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
LEAST_MARGIN_BYTES = 8
"""A file is given room for a quarter more than it needed, and for so much at least: what is returned by a read of just
a little less than was asked for, Python keeps where it is, and does not copy."""
MAX_READ_BYTES = 4 << 20
RESERVED_DESCRIPTORS = 64
"""So many descriptors are left to everything else; beyond that, files are opened anew for each read."""
GONE = frozenset({errno.ENODEV, errno.ENOENT, errno.ESRCH})
"""What a read of a removed cgroup or an ended process says."""
NOT_SUPPORTED = frozenset({errno.EOPNOTSUPP, errno.EINVAL})
"""What a file of a feature that is switched off says, such as PSI on older kernels."""


class Parser(Protocol):
    """Turns the whole texts of kernel files of one kind into values; `names` says which the last ones were."""

    names: tuple[str, ...]
    unknown: frozenset[bytes]
    """Keys that were met and are not in the catalogue."""

    def parse(self, text: bytes) -> Sequence[float]:
        """Return the values of `names`. Raises ParseError."""

    def form(self, names: tuple[str, ...], /) -> Hashable:
        """Return what is the same for all files that `parse_alike` can parse together; None: they are parsed singly."""

    def parse_alike(self, texts: Sequence[bytes], names: tuple[str, ...], /) -> NDArray[np.float64] | None:
        """Return the values of many files of a form, a row for each; None if one of them may not be of it any more.

        `names`: of one of them.
        """


class PlainParser:
    """A parser made of a pure function `bytes -> {metric: value}`."""

    __slots__ = ("_function", "names", "unknown")

    def __init__(self, function: Callable[[bytes], Mapping[str, float]]) -> None:
        self._function = function
        self.names: tuple[str, ...] = ()
        self.unknown: frozenset[bytes] = frozenset()

    def parse(self, text: bytes) -> Sequence[float]:
        """Return the function's values, in its order."""
        values = self._function(text)
        names = tuple(values)
        if names != self.names:
            self.names = names
        return list(values.values())

    def form(self, names: tuple[str, ...]) -> None:
        """Return None: it knows no faster way than one by one."""

    def parse_alike(self, texts: Sequence[bytes], names: tuple[str, ...]) -> None:
        """Return None, as `form` does."""


_PLACE = {name: 1 + i for i, name in enumerate(COLUMNS)}


@cache
def columns_of(names: tuple[str, ...]) -> NDArray[np.intp]:
    """Return where these metrics are in a row, in which lateness comes first."""
    return np.array([_PLACE[name] for name in names], np.intp)


class KernelFile:
    """One kept file and what was read from it last; closed, at the latest, when it is forgotten. Not thread-safe.

    `text`: what it said when it was taken last; `names`: the metrics of that; `columns`: their places in a row;
    `is_gone`: its cgroup or process is no more.
    """

    __slots__ = ("columns", "fd", "is_gone", "name", "names", "parser", "path", "size", "text")

    def __init__(self, path: str, parser: Parser) -> None:
        """Open `path`; it is kept open unless descriptors are scarce. Raises OSError."""
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

    def fetch(self) -> bytes:
        """Read it; what comes of it is for `take`. Raises OSError."""
        return os.pread(self.fd, self.size, 0) if self.fd >= 0 else self._read_anew()

    def take(self, text: bytes) -> Sequence[float]:
        """Parse what was read; return the values of `names`. Raises OSError and ParseError."""
        is_too_long = len(text) == self.size
        if is_too_long:
            text = self._read_larger()
        if is_too_long or self.text is None:
            self.size = len(text) + max(LEAST_MARGIN_BYTES, len(text) // 4)
        values = self.parser.parse(text)
        self.text, self.is_gone = text, False
        if self.parser.names is not self.names:
            self.names = self.parser.names
            self.columns = columns_of(self.names)
        return values

    def close(self) -> None:
        """Close it. A read would open it anew, and might find another cgroup of the same name there."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    __del__ = close

    def _read_anew(self) -> bytes:
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(fd, self.size, 0)
        finally:
            os.close(fd)

    def _read_larger(self) -> bytes:
        """Read once more with more room: a second read at an offset might see another rendering of the file."""
        while self.size < MAX_READ_BYTES:
            self.size = max(FIRST_READ_BYTES, 4 * self.size)
            text = self.fetch()
            if len(text) < self.size:
                break
        return text
