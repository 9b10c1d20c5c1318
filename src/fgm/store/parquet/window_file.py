"""Reads metrics files column by column, with the positions in their block instead of their Parquet footer.

All bytes are checked against a CRC before they are decoded. A damaged file therefore raises an error and is never
misread.
"""

import os
import zlib
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.parquet.page import MAX_COLUMN_BYTES, MAX_LEVELS_BYTES, MAX_ROW_BYTES, decompress, split_levels
from fgm.store.parquet.window_block import LATE, TIME, ColumnChunk, WindowBlock, read_window_block
from fgm.store.samples.chunk import Chunk, ColumnsOnAccess, LastColumn
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series


class WindowFile:
    """An open metrics file. Its methods raise BadFileError if bytes do not match their checksum."""

    def __init__(self, path: str, fd: int, block: WindowBlock) -> None:
        self.path = path
        self.block = block
        self._fd = fd

    @classmethod
    def open(cls, path: str, dir_fd: int | None = None) -> "WindowFile":
        """Open a metrics file. `path`: relative to `dir_fd`, if given.

        Raises: FileNotFoundError if it does not exist, or another OSError.
        Raises: BadFileError if it was not written by fgm, or is damaged.
        """
        fd = open_regular(path, dir_fd)
        try:
            return cls(path, fd, read_window_block(path, fd))
        except BaseException:
            os.close(fd)
            raise

    @property
    def header(self) -> FileHeader:
        """The header of the file, which applies to all of its rows."""
        return self.block.header

    @property
    def series(self) -> tuple[Series, ...]:
        """The series of the file, in file order."""
        return tuple(run.series for run in self.block.runs)

    @property
    def metrics(self) -> frozenset[str]:
        """The metric columns that have at least one value."""
        with_values = {
            name for name in self.block.columns if (column := self._column_chunk(name)) is not None and column.present
        }
        return frozenset(with_values - {TIME, LATE})

    @property
    def has_padding(self) -> bool:
        """Whether the pages of the file are longer than their values. ClickHouse cannot read such a file."""
        column = self._column_chunk(TIME)
        return column is not None and column.page_size > 8 * self.block.rows

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one metric column, or `late_ms`; all NaN if the file has no such column.

        Shape: float64[rows], NaN for null.
        Raises: BadFileError if the column is damaged.
        """
        column = self._column_chunk(name)
        rows = self.block.rows
        if column is None or not column.present:
            return np.full(rows, np.nan)
        try:
            present, data = split_levels(self._page(name, column), rows)
        except (IndexError, ValueError) as error:
            raise BadFileError(self.path, f"column {name}: its definition levels are cut short") from error
        count = rows if present is None else int(np.count_nonzero(present))
        if column.present != count:
            raise BadFileError(self.path, f"column {name} has {count} values, but its block says {column.present}")
        if len(data) < 8 * count:
            raise BadFileError(self.path, f"column {name} is shorter than its block says")
        values = np.frombuffer(data, "<f8", count)
        if present is None:
            return values
        with_nulls = np.full(rows, np.nan)
        with_nulls[present] = values
        return with_nulls

    def time_ms(self) -> NDArray[np.int64]:
        """Return the tick of every row.

        Shape: int64[rows].
        Raises: BadFileError if the column is damaged.
        """
        column = self._column_chunk(TIME)
        if column is None:
            raise BadFileError(self.path, "it has no column time")
        page = self._page(TIME, column)
        if len(page) < 8 * self.block.rows:
            raise BadFileError(self.path, "column time is shorter than its block says")
        return np.frombuffer(page, "<i8", self.block.rows)

    def chunks(self, metrics: Sequence[str], keys: Collection[str] | None = None) -> list[Chunk]:
        """Return the rows as one chunk per series, in file order. `keys`: the series to return (`Series.key`).

        Raises: BadFileError if a column is damaged.
        """
        runs = self.block.runs
        if keys is not None:
            by_key = self.block.by_key
            runs = tuple(sorted((run for key in keys for run in by_key.get(key, ())), key=lambda run: run.first))
        if not runs:
            return []
        time_ms, late_ms = self.time_ms(), self.column(LATE)
        columns = {name: self.column(name) for name in metrics}
        return [
            Chunk(run.series, time_ms[rows], late_ms[rows], {name: column[rows] for name, column in columns.items()})
            for run in runs
            for rows in (slice(run.first, run.first + run.count),)
        ]

    def chunks_on_access(self, metrics: Sequence[str]) -> list[Chunk]:
        """Return all rows as `chunks` does, but read each column on access, one at a time. The file must stay open.

        Raises: BadFileError if a column is damaged.
        """
        self.verify()
        time_ms, late_ms = self.time_ms(), self.column(LATE)
        column = LastColumn(dict.fromkeys(metrics).keys(), self.column)
        return [
            Chunk(run.series, time_ms[rows], late_ms[rows], ColumnsOnAccess(column, rows))
            for run in self.block.runs
            for rows in (slice(run.first, run.first + run.count),)
        ]

    def verify(self) -> None:
        """Read all columns and check their checksums.

        Raises: BadFileError if one of them is damaged.
        """
        self.time_ms()
        for name in self.block.columns.keys() - {TIME}:
            self.column(name)

    def close(self) -> None:
        """Close the file. Columns that were returned earlier stay valid."""
        os.close(self._fd)

    def _column_chunk(self, name: str) -> ColumnChunk | None:
        try:
            return self.block.columns.get(name)
        except (TypeError, ValueError) as error:
            raise BadFileError(self.path, f"malformed block: column {name}: {error}") from error

    def _page(self, name: str, column: ColumnChunk) -> NDArray[np.uint8]:
        max_page_bytes = min(MAX_ROW_BYTES * self.block.rows + MAX_LEVELS_BYTES, MAX_COLUMN_BYTES)
        is_possible = 0 <= column.offset < 1 << 62 and 0 <= column.page_header_size <= column.size <= MAX_COLUMN_BYTES
        if not is_possible or not 0 <= column.page_size <= max_page_bytes:
            raise BadFileError(self.path, f"column {name} has an impossible size")
        data = os.pread(self._fd, column.size, column.offset)
        if zlib.crc32(data) != column.crc:
            raise BadFileError(self.path, f"column {name} does not match its checksum")
        try:
            return decompress(memoryview(data)[column.page_header_size :], column.page_size)
        except ValueError as error:
            raise BadFileError(self.path, f"column {name}: {error}") from error
