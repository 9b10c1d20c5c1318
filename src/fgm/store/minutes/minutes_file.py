"""Reads files of minutes, metric by metric, with the positions in their block and sections instead of their footer.

All bytes are checked against a CRC before they are decoded. A damaged file therefore raises an error and is never
misread.
"""

import os
import struct
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.minutes.minute_rows import MINUTE_MS, MinuteRows, combined
from fgm.store.minutes.minutes_block import (
    VALUE_COLUMNS,
    MetricRuns,
    MetricSection,
    MinutesBlock,
    PageTable,
    Runs,
    Section,
    unpack_section,
)
from fgm.store.parquet.block import read_block
from fgm.store.parquet.page import decompress, uncompressed_size, varint
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series

_MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, struct.error)
"""Errors that reading may raise if bytes have a correct checksum but were not written by fgm."""
_MAX_ROWS = 1 << 24
"""Maximum number of rows of one metric."""
_MAX_PAGE_BYTES = 16 << 20
_MAX_HEAD_BYTES = 64
"""Maximum number of bytes of a page that do not depend on the number of its rows."""
_CHECK_BYTES = 1 << 20
"""Number of bytes that are read at once to check a file."""


@dataclass(frozen=True, slots=True)
class MinutesChunk:
    """Minutes of one metric of one series, in ascending order of time; see `MinuteRows`."""

    series: Series
    time_ms: NDArray[np.int64]
    min: NDArray[np.float64]
    min_at_ms: NDArray[np.int64]
    mean: NDArray[np.float64]
    max: NDArray[np.float64]
    max_at_ms: NDArray[np.int64]
    last: NDArray[np.float64]
    count: NDArray[np.int64]


class MinutesFile:
    """An open file of minutes. Its methods raise BadFileError if bytes do not match their checksum."""

    def __init__(self, path: str, fd: int, block: MinutesBlock, fingerprint: int) -> None:
        self.path = path
        self.block = block
        self.fingerprint = fingerprint
        """CRC32 of the block. Two files with the same one have the same content."""
        self._fd = fd
        self._pages: PageTable | None = None

    @classmethod
    def open(cls, path: str, dir_fd: int | None = None) -> "MinutesFile":
        """Open a file of minutes. `path`: relative to `dir_fd`, if given.

        Raises: FileNotFoundError if it does not exist, or another OSError.
        Raises: BadFileError if it was not written by fgm, or is damaged.
        """
        fd = open_regular(path, dir_fd)
        try:
            content, *_ = read_block(path, fd)
            return cls(path, fd, MinutesBlock.from_bytes(content), zlib.crc32(content))
        except _MALFORMED as error:
            os.close(fd)
            raise BadFileError(path, f"malformed block: {error}") from error
        except BaseException:
            os.close(fd)
            raise

    @property
    def header(self) -> FileHeader:
        """The header of the file, which applies to all of its rows."""
        return self.block.header

    @property
    def series(self) -> tuple[Series, ...]:
        """All series of the file."""
        return self.block.series

    @property
    def metrics(self) -> frozenset[str]:
        """The metrics that have at least one value."""
        return frozenset(self.block.metrics)

    def read(self, metric: str, keys: Collection[str] | None = None) -> list[MinutesChunk]:
        """Return the minutes of a metric, one chunk for each series that has some. `keys`: the series to return.

        Raises: OSError.
        Raises: BadFileError if the metric is damaged.
        """
        rows = self.rows(metric, keys)
        starts = np.flatnonzero(np.diff(rows.series, prepend=-1))
        ends = np.append(starts[1:], len(rows))[: len(starts)]
        columns = [rows.time_ms, *(getattr(rows, name) for name in VALUE_COLUMNS)]
        return [
            MinutesChunk(self.series[rows.series[start]], *(column[start:end] for column in columns))
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ]

    def rows(self, metric: str, keys: Collection[str] | None = None) -> MinuteRows:
        """Return the minutes of a metric, sorted by series (index in `series`) and time. `keys`: as `read`.

        Raises: as `read`.
        """
        section = self.block.metrics.get(metric)
        try:
            if section is None:
                return _empty()
            runs = MetricRuns.from_bytes(self._section(section), len(self.series))
            wanted = None
            if keys is not None:
                positions = self.block.position
                wanted = np.array([positions[key] for key in keys if key in positions], np.int64)
            return self._rows(section, runs, wanted)
        except _MALFORMED as error:
            raise BadFileError(self.path, f"metric {metric}: {error}") from error

    def verify(self) -> None:
        """Check the checksums of all bytes, and read all metrics.

        Raises: OSError.
        Raises: BadFileError if something is damaged.
        """
        at, crc = 0, 0
        while at < self.block.pages.offset:
            data = os.pread(self._fd, min(_CHECK_BYTES, self.block.pages.offset - at), at)
            if not data:
                break
            at, crc = at + len(data), zlib.crc32(data, crc)
        if crc != self.block.crc:
            raise BadFileError(self.path, "its columns do not match their checksum")
        rows = sum(len(self.rows(metric)) for metric in self.block.metrics)
        if rows != self.block.rows:
            raise BadFileError(self.path, f"its metrics have {rows} rows, but its block says {self.block.rows}")

    def close(self) -> None:
        """Close the file. Rows that were returned earlier stay valid."""
        os.close(self._fd)

    def _rows(self, section: MetricSection, runs: MetricRuns, wanted: NDArray[np.int64] | None) -> MinuteRows:
        first_rows = section.first_row + np.cumsum(runs.changing.rows) - runs.changing.rows
        constant, changing = np.arange(len(runs.constant.rows)), np.arange(len(runs.changing.rows))
        if wanted is not None:
            constant = np.flatnonzero(np.isin(runs.constant.series, wanted))
            changing = np.flatnonzero(np.isin(runs.changing.series, wanted))
        parts = []
        if len(constant):
            series, time_ms = self._times(runs.constant, constant)
            repeated = runs.constant.rows[constant]
            value, at_ms = np.repeat(runs.value[constant], repeated), np.repeat(runs.at_ms[constant], repeated)
            count = np.repeat(runs.count[constant], repeated)
            parts.append(MinuteRows(series, time_ms, value, at_ms, value, value, at_ms, value, count))
        if len(changing):
            series, time_ms = self._times(runs.changing, changing)
            parts.append(
                MinuteRows(series, time_ms, *self._changing(first_rows[changing], runs.changing.rows[changing]))
            )
        return combined(parts) if parts else _empty()

    def _times(self, runs: Runs, chosen: NDArray[np.intp]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return series and minute of each row of some runs."""
        rows, first, step = runs.rows[chosen], runs.first[chosen], runs.step[chosen]
        total = int(rows.sum())
        if total > _MAX_ROWS:
            raise ValueError(f"it has {total} rows, more than {_MAX_ROWS}")
        number = np.arange(total) - np.repeat(np.cumsum(rows) - rows, rows)
        minute = np.repeat(first, rows) + np.repeat(step, rows) * number
        return np.repeat(runs.series[chosen], rows), self.block.first_ms + minute * MINUTE_MS

    def _changing(self, first_rows: NDArray[np.int64], rows: NDArray[np.int64]) -> list[NDArray[Any]]:
        """Return the values of some runs, column by column. `first_rows`: row of the first value of each."""
        table = self._page_table()
        starts = np.cumsum(table.rows) - table.rows
        pages = np.searchsorted(starts, first_rows, side="right") - 1
        within = first_rows - starts[pages]
        if pages.min() < 0 or (within + rows > table.rows[pages]).any():
            raise ValueError("a series goes beyond the end of its page")
        columns = []
        for column in range(len(VALUE_COLUMNS)):
            values = {page: self._page(table, column, page) for page in np.unique(pages).tolist()}
            slices = zip(pages.tolist(), within.tolist(), rows.tolist(), strict=True)
            columns.append(np.concatenate([values[page][start : start + count] for page, start, count in slices]))
        return columns

    def _page(self, table: PageTable, column: int, page: int) -> NDArray[np.float64] | NDArray[np.int64]:
        """Return the values of a column in a page."""
        size, header_size = int(table.size[column, page]), int(table.header_size[column, page])
        data = self._read(int(table.offset[column, page]), size)
        name, rows = VALUE_COLUMNS[column], int(table.rows[page])
        if zlib.crc32(data) != table.crc[column, page]:
            raise ValueError(f"a page of {name} does not match its checksum")
        unpacked = uncompressed_size(data[:header_size])
        if unpacked > 8 * rows + _MAX_HEAD_BYTES:
            raise ValueError(f"a page of {name} has an impossible size")
        content = decompress(memoryview(data)[header_size:], unpacked)
        dictionary = self._dictionary(name)
        return np.frombuffer(content, "<f8", rows) if dictionary is None else dictionary[_codes(content, rows)]

    def _dictionary(self, name: str) -> NDArray[np.int64] | None:
        match name:
            case "min_at_ms":
                return self.block.at_ms[0]
            case "max_at_ms":
                return self.block.at_ms[1]
            case "count":
                return self.block.counts
            case _:
                return None

    def _page_table(self) -> PageTable:
        if self._pages is None:
            self._pages = PageTable.from_bytes(self._section(self.block.pages))
        return self._pages

    def _section(self, section: Section | MetricSection) -> bytes:
        return unpack_section(section, self._read(section.offset, section.size))

    def _read(self, offset: int, size: int) -> bytes:
        if not (0 <= offset < 1 << 62 and 0 <= size <= _MAX_PAGE_BYTES):
            raise ValueError("a part of it has an impossible position")
        return os.pread(self._fd, size, offset)


def _codes(page: NDArray[np.uint8], rows: int) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return the positions in a dictionary, as `parquet_pages.codes` writes them."""
    run, position = varint(page.data, 1)
    if page[0] not in {8, 16} or run != -(-rows // 8) << 1 | 1:
        raise ValueError("a page of integers is not as fgm writes it")
    return np.frombuffer(page, f"<u{page[0] // 8}", rows, position)


def _empty() -> MinuteRows:
    none, no_integers = np.empty(0), np.empty(0, np.int64)
    return MinuteRows(no_integers, no_integers, none, no_integers, none, none, no_integers, none, no_integers)
