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
from fgm.store.parquet.block import PARQUET_MAGIC
from fgm.store.parquet.page import MAX_COLUMN_BYTES
from fgm.store.parquet.pages.column_reader import ColumnReader, OpenFile
from fgm.store.parquet.pages.page_table import ColumnChunk
from fgm.store.parquet.window_block import LATE, LATE_US, MALFORMED, TIME, Run, WindowBlock, read_window_block
from fgm.store.samples.chunk import Chunk, ColumnsOnAccess, LastColumn
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series

_READ_BYTES = 1 << 20
"""Number of bytes that are read at once to check them."""


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
    def fingerprint(self) -> int:
        """The CRC32 of block and footer. Two files with the same one have the same content."""
        return self.block.fingerprint

    @property
    def metrics(self) -> frozenset[str]:
        """The metric columns that have at least one value."""
        try:
            return self.block.metrics
        except MALFORMED as error:
            raise BadFileError(self.path, f"malformed block: columns: {error}") from error

    @property
    def has_padding(self) -> bool:
        """Whether the pages of the file are longer than their values. ClickHouse cannot read such a file."""
        column = self._column_chunk(TIME)
        return self.block.has_empty_columns and column is not None and column.pages[0].page_size > 8 * self.block.rows

    def column(self, name: str) -> NDArray[np.float64]:
        """Return one metric column, or `late_ms`; all NaN if the file has no such column.

        Shape: float64[rows], NaN for null.
        Raises: BadFileError if the column is damaged.
        """
        return self._reader(name).rows(0, self.block.rows)

    def time_ms(self) -> NDArray[np.int64]:
        """Return the tick of every row.

        Shape: int64[rows].
        Raises: BadFileError if the column is damaged.
        """
        return self._times().times(0, self.block.rows)

    def seen_ms(self) -> list[tuple[Series, int, int]]:
        """Return the first and last tick of each series, in ms. The column `time` is read only if it must be.

        Raises: BadFileError if the column is damaged.
        """
        ticks, times = self.block.tick_ms(), None
        seen = []
        for run in self.block.runs:
            if run.first_tick is not None:
                first, last = ticks[run.first_tick], ticks[run.first_tick + run.count - 1]
            else:
                times = self.time_ms() if times is None else times
                first, last = times[run.first], times[run.first + run.count - 1]
            seen.append((run.series, int(first), int(last)))
        return seen

    def part(self, name: str, first: int, count: int) -> NDArray[np.float64]:
        """Return some rows of one metric column, NaN for null. Only their pages are read.

        Shape: float64[count].
        Raises: BadFileError if the column is damaged.
        """
        return self._reader(name).rows(first, count)

    def times(self, first: int, count: int) -> NDArray[np.int64]:
        """Return the ticks of some rows. Only their pages are read.

        Shape: int64[count].
        Raises: BadFileError if the column is damaged.
        """
        return self._times().times(first, count)

    def chunks(
        self, metrics: Sequence[str], keys: Collection[str] | None = None, *, with_late: bool = True
    ) -> list[Chunk]:
        """Return the rows as one chunk per series, in file order. `keys`: the series to return (`Series.key`).

        Only the pages with rows of these series are read. `with_late`: whether `late_ms` is needed; if not, it is NaN.
        If a series has the times of the one before it, both chunks have the same array of times.

        Raises: BadFileError if a column is damaged.
        """
        runs = self.block.runs
        if keys is not None:
            by_key = self.block.by_key
            runs = tuple(sorted((run for key in keys for run in by_key.get(key, ())), key=lambda run: run.first))
        if not runs:
            return []
        rows = [(run.first, run.count) for run in runs]
        columns = {name: self._reader(name).parts(rows) for name in metrics}
        late_ms = self._reader(LATE).parts(rows) if with_late else [np.broadcast_to(np.nan, n) for _, n in rows]
        return [
            Chunk(run.series, time_ms, late, {name: parts[number] for name, parts in columns.items()})
            for number, (run, time_ms, late) in enumerate(zip(runs, self._times_of(runs), late_ms, strict=True))
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
        self._verify_times()
        for name in self._names() - {TIME}:
            self.column(LATE if name == LATE_US else name)
        self._verify_other_columns()

    def verify_checksums(self) -> None:
        """Check the checksums of all columns, and the times. Other columns are not decoded, which takes much longer.

        Raises: BadFileError if one of them is damaged.
        """
        for name in self._names():
            self._verify_checksum(name)
        self._verify_other_columns()
        self._verify_times()

    def damaged_columns(self, names: Sequence[str]) -> list[str]:
        """Return those of the columns that do not match their checksum. Those that the file does not have are intact.

        For `late_ms`, the column with the lateness is checked, whatever its unit is.
        """
        damaged = []
        for name in names:
            try:
                self._verify_checksum(LATE_US if name == LATE and not self.block.has_empty_columns else name)
            except BadFileError:
                damaged.append(name)
        return damaged

    def _verify_checksum(self, name: str) -> None:
        column = self._column_chunk(name)
        for page in () if column is None else column.pages:
            if not (0 <= page.offset < 1 << 62 and 0 <= page.size <= MAX_COLUMN_BYTES):
                raise BadFileError(self.path, f"column {name} has an impossible size")
            if zlib.crc32(os.pread(self._fd, page.size, page.offset)) != page.crc:
                raise BadFileError(self.path, f"column {name} does not match its checksum")

    def _verify_times(self) -> None:
        time_ms, ticks = self.time_ms(), self.block.tick_ms()
        for run in self.block.runs:
            if run.first_tick is None:
                continue
            same = ticks[run.first_tick : run.first_tick + run.count] == time_ms[run.first : run.first + run.count]
            if not same.all():
                raise BadFileError(self.path, f"the ticks of {run.series.key} in its block are not those of its rows")

    def _verify_other_columns(self) -> None:
        """Check the bytes of the columns that the block does not list: texts, and columns without values."""
        if self.block.has_empty_columns:
            return  # before format version 4, texts had no checksum
        at, crc = len(PARQUET_MAGIC), 0
        listed = [
            (page.offset, page.offset + page.size) for column in self.block.columns.values() for page in column.pages
        ]
        for start, end in sorted([*listed, (self.block.offset, self.block.offset)]):
            while at < start:
                data = os.pread(self._fd, min(start - at, _READ_BYTES), at)
                if not data:
                    raise BadFileError(self.path, "it ends before its block")
                crc = zlib.crc32(data, crc)
                at += len(data)
            at = max(at, end)
        if crc != self.block.crc:
            raise BadFileError(self.path, "its columns of texts do not match their checksum")

    def close(self) -> None:
        """Close the file. Columns that were returned earlier stay valid."""
        os.close(self._fd)

    def _reader(self, name: str) -> ColumnReader:
        divisor = 1
        if name == LATE and not self.block.has_empty_columns:
            name, divisor = LATE_US, 1000
        return ColumnReader(OpenFile(self.path, self._fd, self.block.rows), name, self._column_chunk(name), divisor)

    def _times_of(self, runs: Sequence[Run]) -> list[NDArray[np.int64]]:
        """Return the ticks of each run; the same array as before if they are equal."""
        ticks, column = self.block.tick_ms(), None
        times: list[NDArray[np.int64]] = []
        before: tuple[int, int] | bytes | None = None
        for run in runs:
            of_run: tuple[int, int] | bytes
            if run.first_tick is not None:
                of_run, time_ms = (run.first_tick, run.count), ticks[run.first_tick : run.first_tick + run.count]
            else:
                column = self._times() if column is None else column
                time_ms = column.times(run.first, run.count)
                of_run = time_ms.tobytes()
            times.append(times[-1] if of_run == before else time_ms)
            before = of_run
        return times

    def _times(self) -> ColumnReader:
        column = self._column_chunk(TIME)
        if column is None or column.type != "time":
            raise BadFileError(self.path, "it has no column time")
        return ColumnReader(OpenFile(self.path, self._fd, self.block.rows), TIME, column)

    def _names(self) -> frozenset[str]:
        try:
            return frozenset(self.block.columns)
        except MALFORMED as error:
            raise BadFileError(self.path, f"malformed block: columns: {error}") from error

    def _column_chunk(self, name: str) -> ColumnChunk | None:
        try:
            return self.block.columns.get(name)
        except (TypeError, ValueError) as error:
            raise BadFileError(self.path, f"malformed block: column {name}: {error}") from error
