"""Caches for windows and merged hours that were read recently: their blocks, and the rows of series.

Without them, reading the block takes about a third of the time for reading a window, and decompressing rows most of the
rest. A file whose block and rows are in the caches is not opened: its status shows that it is still the same.
"""

import errno
import os
import stat
import threading
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.store.directory.file_identity import FileIdentity, identity_of
from fgm.store.directory.regular_file import open_regular
from fgm.store.parquet.window_block import LATE, WindowBlock, read_window_block
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk

MAX_KEPT = 1024
"""Maximum number of blocks: slightly more than the windows of a day. Each takes about 10 KB."""
MAX_RUNS = 64_000
"""Maximum number of series in all blocks together. With many short-lived containers, each block is large."""
MAX_COLUMNS_BYTES = 12 << 20
"""Maximum size of the positions of columns in all blocks together. A block of a merged hour has about 60 KB of them."""
MAX_ROWS_BYTES = 12 << 20
"""Maximum size of all rows in the cache: those of one metric of five containers over a day."""
CHUNK_BYTES = 600
"""Memory that a chunk takes in addition to its values."""


class _Rows(NamedTuple):
    """The rows of some series of a file, and the memory that they take."""

    chunks: tuple[Chunk, ...]
    size: int


_RowsKey = tuple[FileIdentity, tuple[str, ...], frozenset[str]]
"""Identity of a file, the columns, with `late_ms` if that was read, and the keys of the series."""


class WindowCache:
    """Opens windows and hours, and caches blocks and rows by the identity of the file. Thread-safe."""

    def __init__(self, max_runs: int = MAX_RUNS, max_rows_bytes: int = MAX_ROWS_BYTES) -> None:
        self._max_runs, self._max_rows_bytes = max_runs, max_rows_bytes
        self._blocks: dict[FileIdentity, WindowBlock] = {}
        self._runs, self._columns_bytes = 0, 0
        self._rows: dict[_RowsKey, _Rows] = {}
        self._rows_bytes = 0
        self._lock = threading.Lock()

    def find(self, name: str, dir_fd: int) -> "CachedWindow":
        """Find a file, and open it only if its block is not in the cache. The caller must close it.

        `dir_fd`: descriptor of its folder, which must stay open until `CachedWindow.hold` was called.

        Raises: OSError (such as FileNotFoundError) if it cannot be opened; BadFileError if it is not a file of fgm.
        """
        status = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
        identity = identity_of(status)
        if stat.S_ISREG(status.st_mode):
            with self._lock:
                block = self._blocks.pop(identity, None)
                if block is not None:
                    self._blocks[identity] = block  # it is the newest again
                    return CachedWindow(self, name, dir_fd, identity, block)
        identity, file = self._open(name, dir_fd)
        return CachedWindow(self, name, dir_fd, identity, file.block, file)

    def open(self, name: str, dir_fd: int) -> WindowFile:
        """Open a file. The caller must close it. `dir_fd`: descriptor of its folder.

        Raises: OSError (such as FileNotFoundError) if it cannot be opened; BadFileError if it is not a file of fgm.
        """
        return self._open(name, dir_fd)[1]

    def _open(self, name: str, dir_fd: int) -> tuple[FileIdentity, WindowFile]:
        fd = open_regular(name, dir_fd)
        try:
            identity = identity_of(os.fstat(fd))
            with self._lock:
                block = self._blocks.pop(identity, None)
                if block is not None:
                    self._count(block, -1)
            if block is None:
                block = read_window_block(name, fd)
            with self._lock:
                self._keep(identity, block)
            return identity, WindowFile(name, fd, block)
        except BaseException:
            os.close(fd)
            raise

    def rows(self, key: _RowsKey) -> tuple[Chunk, ...] | None:
        """Return rows from the cache; None if they are not there."""
        with self._lock:
            rows = self._rows.pop(key, None)
            if rows is None:
                return None
            self._rows[key] = rows  # they are the newest again
            return rows.chunks

    def keep_rows(self, key: _RowsKey, chunks: Sequence[Chunk]) -> Sequence[Chunk]:
        """Add copies of rows to the cache, and remove those that were not used for the longest time.

        The copies are returned. They are those to use: pages that are freed at once are overwritten by those of the
        next file, while new memory takes as long as decompressing into it.
        """
        copies = _copies(chunks)
        size = sum(8 * len(chunk.time_ms) * (2 + len(chunk.values)) + CHUNK_BYTES for chunk in copies)
        with self._lock:
            earlier = self._rows.pop(key, None)  # another thread may have read the same rows meanwhile
            self._rows[key] = _Rows(copies, size)
            self._rows_bytes += size - (0 if earlier is None else earlier.size)
            while self._rows_bytes > self._max_rows_bytes:
                self._rows_bytes -= self._rows.pop(next(iter(self._rows))).size
        return copies

    def _keep(self, identity: FileIdentity, block: WindowBlock) -> None:
        earlier = self._blocks.pop(identity, None)  # another thread may have read the same block meanwhile
        if earlier is not None:
            self._count(earlier, -1)
        self._blocks[identity] = block
        self._count(block, 1)
        while len(self._blocks) > MAX_KEPT or self._runs > self._max_runs or self._columns_bytes > MAX_COLUMNS_BYTES:
            self._count(self._blocks.pop(next(iter(self._blocks))), -1)

    def _count(self, block: WindowBlock, sign: int) -> None:
        self._runs += sign * len(block.runs)
        self._columns_bytes += sign * block.columns_bytes


class CachedWindow:
    """A window or an hour, which is open unless all that is read of it is in the cache. Not thread-safe."""

    __slots__ = ("_cache", "_dir_fd", "_file", "_identity", "_key", "_name", "_rows", "block")

    def __init__(  # noqa: PLR0917 - only the cache makes it
        self,
        cache: WindowCache,
        name: str,
        dir_fd: int,
        identity: FileIdentity,
        block: WindowBlock,
        file: WindowFile | None = None,
    ) -> None:
        self.block = block
        self._cache, self._name, self._dir_fd, self._identity = cache, name, dir_fd, identity
        self._file = file
        self._key: _RowsKey | None = None
        self._rows: tuple[Chunk, ...] | None = None

    def hold(self, columns: Sequence[str] = (), keys: Collection[str] = (), *, with_late: bool = True) -> None:
        """Open the file, unless rows with these columns, of these series, are in the cache.

        If keys are given, the rows are kept in the cache when they are read.

        Raises: FileNotFoundError if the file was removed or replaced meanwhile; another OSError.
        """
        if keys:
            self._key = (self._identity, _columns(columns, with_late=with_late), frozenset(keys))
            self._rows = self._cache.rows(self._key)
        if self._rows is None and self._file is None:
            fd = open_regular(self._name, self._dir_fd)
            if identity_of(os.fstat(fd)) != self._identity:
                os.close(fd)
                raise FileNotFoundError(errno.ENOENT, "it was replaced", self._name)
            self._file = WindowFile(self._name, fd, self.block)

    def chunks(self, columns: Sequence[str], keys: Collection[str], *, with_late: bool = True) -> list[Chunk]:
        """Return the rows of some series, as `WindowFile.chunks` does. Call `hold` before, with the same columns.

        Raises: BadFileError if a column is damaged.
        """
        if self._rows is not None:
            return [chunk for chunk in self._rows if chunk.series.key in keys]
        assert self._file is not None, "it must be held"
        chunks = self._file.chunks(columns, keys, with_late=with_late)
        if self._key is not None and self._key[1:] == (_columns(columns, with_late=with_late), frozenset(keys)):
            return list(self._cache.keep_rows(self._key, chunks))
        return chunks

    def copied_chunks(
        self, columns: Sequence[str], keys: Collection[str], columns_at_once: int, *, with_late: bool
    ) -> list[Chunk]:
        """Return the same as `chunks`, with copies of the rows: a page of a merged hour has those of many series.

        `columns_at_once`: number of columns whose pages are in memory at the same time.
        """
        chunks = self.chunks((), keys, with_late=with_late)
        values: list[dict[str, NDArray[np.float64]]] = [{} for _ in chunks]
        for first in range(0, len(columns), columns_at_once):
            few = self.chunks(columns[first : first + columns_at_once], keys, with_late=False)
            for of_series, chunk in zip(values, few, strict=True):
                of_series.update({name: column.copy() for name, column in chunk.values.items()})
        return [
            Chunk(chunk.series, chunk.time_ms, chunk.late_ms.copy(), of_series)
            for chunk, of_series in zip(chunks, values, strict=True)
        ]

    def part(self, name: str, first: int, count: int) -> NDArray[np.float64]:
        """Return some rows of one column, as `WindowFile.part` does. Call `hold` before, without keys.

        Raises: BadFileError if the column is damaged.
        """
        assert self._file is not None, "it must be held"
        return self._file.part(name, first, count)

    def times(self, first: int, count: int) -> NDArray[np.int64]:
        """Return the ticks of some rows, as `WindowFile.times` does. Call `hold` before, without keys.

        Raises: BadFileError if the column is damaged.
        """
        assert self._file is not None, "it must be held"
        return self._file.times(first, count)

    def damaged_columns(self, names: Sequence[str]) -> list[str]:
        """Return the columns that do not match their checksum, as `WindowFile.damaged_columns` does.

        Call `hold` before, without keys.
        """
        assert self._file is not None, "it must be held"
        return self._file.damaged_columns(names)

    def close(self) -> None:
        """Close the file, if it is open. Rows that were returned earlier stay valid."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _columns(columns: Sequence[str], *, with_late: bool) -> tuple[str, ...]:
    return (*columns, LATE) if with_late else tuple(columns)


def _copies(chunks: Sequence[Chunk]) -> tuple[Chunk, ...]:
    """Return chunks whose arrays are not parts of larger ones; the same times are still the same array."""
    copies: list[Chunk] = []
    for number, chunk in enumerate(chunks):
        is_same = number > 0 and chunks[number - 1].time_ms is chunk.time_ms
        time_ms = copies[-1].time_ms if is_same else chunk.time_ms.copy()
        values = {name: column.copy() for name, column in chunk.values.items()}
        late_ms = chunk.late_ms if chunk.late_ms.strides == (0,) else chunk.late_ms.copy()  # (0,): one value for all
        copies.append(Chunk(chunk.series, time_ms, late_ms, values))
    return tuple(copies)
