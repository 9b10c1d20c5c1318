"""The only module that opens kernel files: each is kept open and read whole, from its start, at every tick.

Reading a kept file is 5 to 15 times cheaper than opening it anew, and a file of a removed cgroup says so (ENODEV)
instead of showing another cgroup's numbers, even when one of the same name was made meanwhile.
"""

import errno
import math
import os
import resource
import sys
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

FIRST_READ_BYTES = 4096
MAX_READ_BYTES = 4 << 20
NOWHERE = -1
RESERVED_DESCRIPTORS = 64
"""So many descriptors are left to everything else; beyond that, files are opened anew for each read."""
GONE = frozenset({errno.ENODEV, errno.ENOENT, errno.ESRCH})
"""What a read of a removed cgroup or an ended process says."""
NOT_SUPPORTED = frozenset({errno.EOPNOTSUPP, errno.EINVAL})
"""What a file of a feature that is switched off says, such as PSI on older kernels."""


class Parser(Protocol):
    """Turns the whole text of one kernel file into values; `names` says which, and changes only with `generation`."""

    names: tuple[str, ...]
    generation: int
    unknown: frozenset[bytes]
    """Keys that were met and are not in the catalogue."""

    def parse(self, raw: bytes) -> Sequence[float]:
        """Return the values of `names`. Raises ParseError."""


class PlainParser:
    """A parser made of a pure function `bytes -> {metric: value}`."""

    __slots__ = ("_function", "generation", "names", "unknown")

    def __init__(self, function: Callable[[bytes], Mapping[str, float]]) -> None:
        self._function = function
        self.names: tuple[str, ...] = ()
        self.generation = 0
        self.unknown: frozenset[bytes] = frozenset()

    def parse(self, raw: bytes) -> Sequence[float]:
        """Return the function's values, in its order."""
        values = self._function(raw)
        names = tuple(values)
        if names != self.names:
            self.names = names
            self.generation += 1
        return list(values.values())


class KernelFile:
    """One kept file and what was read from it last. Not thread-safe."""

    __slots__ = ("_generation", "fd", "name", "parser", "path", "place", "raw", "size", "values")

    def __init__(self, path: str, parser: Parser) -> None:
        """Open `path`; it is kept open unless descriptors are scarce. Raises OSError."""
        self.path = path
        self.name = sys.intern(os.path.basename(path))
        self.parser = parser
        self.raw: bytes | None = None
        self.values = array("d")
        self.place = NOWHERE
        """Where its values begin among those of its series."""
        self.size = FIRST_READ_BYTES
        self._generation = 0
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        if self.fd >= resource.getrlimit(resource.RLIMIT_NOFILE)[0] - RESERVED_DESCRIPTORS:
            self.close()

    def read(self) -> bool:
        """Read and parse it; return whether it names other metrics than before. Raises OSError and ParseError."""
        raw = self.fetch()
        return raw != self.raw and self.take(raw)

    def fetch(self) -> bytes:
        """Read it; what comes of it is for `take`. Raises OSError."""
        return os.pread(self.fd, self.size, 0) if self.fd >= 0 else self._read_anew()

    def take(self, raw: bytes) -> bool:
        """Parse what was read; return whether it names other metrics than before. Raises OSError and ParseError."""
        if len(raw) == self.size:
            raw = self._read_larger()
        parser = self.parser
        self.values = array("d", parser.parse(raw))
        self.raw = raw
        if parser.generation == self._generation:
            return False
        self._generation = parser.generation
        return True

    def forget(self) -> None:
        """After a failed read: the values are null until the next one."""
        self.values = array("d", [math.nan]) * len(self.parser.names)
        self.raw = None

    def close(self) -> None:
        """Close it. A read would open it anew, and might find another cgroup of the same name there."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _read_anew(self) -> bytes:
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(fd, self.size, 0)
        finally:
            os.close(fd)

    def _read_larger(self) -> bytes:
        """Read once more with more room: a second read at an offset might see another rendering of the file."""
        while self.size < MAX_READ_BYTES:
            self.size *= 4
            raw = self.fetch()
            if len(raw) < self.size:
                break
        return raw
