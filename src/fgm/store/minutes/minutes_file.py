"""Reads files of minutes, metric by metric, with the positions in their block and sections instead of their footer.

All bytes are checked against a CRC before they are decoded. A damaged file therefore raises an error and is never
misread.
"""

import os
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.minutes.metric_runs import MetricRuns
from fgm.store.minutes.minute_rows import MINUTE_MS, MinuteRows, combined
from fgm.store.minutes.minutes_block import (
    INTEGER_COLUMNS,
    VALUE_COLUMNS,
    MinutesBlock,
    Tables,
    unpack_section,
)
from fgm.store.parquet.block import read_block
from fgm.store.parquet.page import decompress, uncompressed_size, varint
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series

_MALFORMED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
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
        """CRC32 of block and footer. Two files with the same one have the same content."""
        self._fd = fd
        self._sections: dict[int, bytes] = {}
        self._positions: tuple[frozenset[str], NDArray[np.int64]] | None = None

    @classmethod
    def open(cls, path: str, dir_fd: int | None = None) -> "MinutesFile":
        """Open a file of minutes. `path`: relative to `dir_fd`, if given.

        Raises: FileNotFoundError if it does not exist, or another OSError.
        Raises: BadFileError if it was not written by fgm, or is damaged.
        """
        fd = open_regular(path, dir_fd)
        try:
            return cls(path, fd, *read_minutes_block(path, fd))
        except BaseException:
            os.close(fd)
            raise

    @property
    def header(self) -> FileHeader:
        """The header of the file, which applies to all of its rows."""
        return self.block.header

    @property
    def series(self) -> Sequence[Series]:
        """All series of the file, each parsed on access."""
        return self.block.series

    @property
    def metrics(self) -> frozenset[str]:
        """The metrics that have at least one value."""
        return frozenset(self.block.metrics)

    def read(
        self, metric: str, keys: Collection[str] | None = None, columns: Collection[str] = VALUE_COLUMNS
    ) -> list[MinutesChunk]:
        """Return the minutes of a metric, one chunk for each series that has some.

        `keys`: the series to return. `columns`: those to read. The others have NaN, or 0 if they are integers.

        Raises: OSError.
        Raises: BadFileError if the metric is damaged.
        """
        rows = self._read_rows(metric, keys, columns)
        series = self.series
        starts = np.flatnonzero(np.diff(rows.series, prepend=-1))
        ends = np.append(starts[1:], len(rows))[: len(starts)]
        arrays = [rows.time_ms, *(getattr(rows, name) for name in VALUE_COLUMNS)]
        return [
            MinutesChunk(series[rows.series[start]], *(array[start:end] for array in arrays))
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
        ]

    def rows(self, metric: str, keys: Collection[str] | None = None) -> MinuteRows:
        """Return the minutes of a metric, sorted by series (index in `series`) and time. `keys`: as `read`.

        Raises: as `read`.
        """
        return self._read_rows(metric, keys, VALUE_COLUMNS)

    def rows_at(self, metric: str, positions: NDArray[np.int64]) -> MinuteRows:
        """Return what `rows` does, of the series with these indices.

        Raises: as `read`.
        """
        return self._read_rows(metric, positions, VALUE_COLUMNS)

    def _read_rows(
        self, metric: str, keys: Collection[str] | NDArray[np.int64] | None, columns: Collection[str]
    ) -> MinuteRows:
        tables = self.block.tables
        try:
            place = self.block.place_of(metric)
            if place is None:
                return MinuteRows.empty()
            section = self._section(place.section)
            runs = MetricRuns.from_bytes(section, place, len(self.series), tables.shapes.rows)
            chosen = np.arange(len(runs.series))
            if keys is not None:
                positions = keys if isinstance(keys, np.ndarray) else self._positions_of(keys)
                chosen = np.flatnonzero(np.isin(runs.series, positions))
            return self._rows(tables, runs, chosen, columns)
        except _MALFORMED as error:
            raise BadFileError(self.path, f"metric {metric}: {error}") from error

    def _positions_of(self, keys: Collection[str]) -> NDArray[np.int64]:
        """Return the indices of series. They are kept, because several metrics of the same series are read."""
        if self._positions is None or self._positions[0] != keys:
            self._positions = frozenset(keys), self.block.series.positions_of(keys)
        return self._positions[1]

    def verify(self) -> None:
        """Check the checksums of all bytes, and read all metrics.

        Raises: OSError.
        Raises: BadFileError if something is damaged.
        """
        self.verify_checksums()
        rows = sum(len(self.rows(metric)) for metric in self.block.metrics)
        if rows != self.block.rows:
            raise BadFileError(self.path, f"its metrics have {rows} rows, but its block says {self.block.rows}")

    def verify_checksums(self) -> None:
        """Check the checksums of all bytes. The values are not decoded, which takes much longer.

        Raises: OSError.
        Raises: BadFileError if something is damaged.
        """
        at, crc = 0, 0
        sections_at = self.block.sections[0].offset
        while at < sections_at:
            data = os.pread(self._fd, min(_CHECK_BYTES, sections_at - at), at)
            if not data:
                break
            at, crc = at + len(data), zlib.crc32(data, crc)
        if crc != self.block.crc:
            raise BadFileError(self.path, "its columns do not match their checksum")
        try:
            for number in range(len(self.block.sections)):
                self._section(number)
        except ValueError as error:
            raise BadFileError(self.path, str(error)) from error

    def close(self) -> None:
        """Close the file. Rows that were returned earlier stay valid."""
        os.close(self._fd)

    def _rows(self, tables: Tables, runs: MetricRuns, chosen: NDArray[np.intp], wanted: Collection[str]) -> MinuteRows:
        """Return the rows of some runs, sorted by series and time."""
        shapes, changing = tables.shapes, len(runs.first_row)
        shape = runs.shape[chosen]
        rows = shapes.rows[shape]
        total = int(rows.sum())
        if total > _MAX_ROWS:
            raise ValueError(f"it has {total} rows, more than {_MAX_ROWS}")
        number = np.arange(total) - np.repeat(np.cumsum(rows) - rows, rows)
        minute = np.repeat(shapes.first[shape], rows) + np.repeat(shapes.step[shape], rows) * number
        series, time_ms = np.repeat(runs.series[chosen], rows), self.block.first_ms + minute * MINUTE_MS
        split = int(np.searchsorted(chosen, changing))
        changing_rows, rows, shape = rows[:split], rows[split:], shape[split:]
        value = np.repeat(runs.value[chosen[split:] - changing], rows)
        at_ms, count = np.repeat(shapes.at_ms[shape], rows), np.repeat(shapes.count[shape], rows)
        columns: dict[str, NDArray[Any]] = {"min_at_ms": at_ms, "max_at_ms": at_ms, "count": count}
        columns |= dict.fromkeys(("min", "mean", "max", "last"), value)
        if split:
            of_pages = self._changing(tables, runs.first_row[chosen[:split]], changing_rows, wanted)
            columns |= {name: np.concatenate([of_pages[name], columns[name]]) for name in wanted}
        for name in VALUE_COLUMNS:
            if name not in wanted:
                columns[name] = np.broadcast_to(np.array(0 if name in INTEGER_COLUMNS else np.nan), total)
        return combined([MinuteRows(series, time_ms, **columns)])

    def _changing(
        self, tables: Tables, first_row: NDArray[np.int64], rows: NDArray[np.int64], wanted: Collection[str]
    ) -> dict[str, NDArray[Any]]:
        """Return the values of some runs, column by column. `first_row`: row of the first value of each."""
        starts = np.cumsum(tables.rows) - tables.rows
        pages = np.searchsorted(starts, first_row, side="right") - 1
        within = first_row - starts[pages]
        if pages.min() < 0 or (within + rows > tables.rows[pages]).any():
            raise ValueError("a series goes beyond the end of its page")
        slices = list(zip(pages.tolist(), within.tolist(), (within + rows).tolist(), strict=True))
        columns = {}
        for name in wanted:
            column = VALUE_COLUMNS.index(name)
            values = {page: self._page(tables, column, page) for page in dict.fromkeys(pages.tolist())}
            columns[name] = np.concatenate([values[page][start:end] for page, start, end in slices])
        return columns

    def _page(self, tables: Tables, column: int, page: int) -> NDArray[np.float64] | NDArray[np.int64]:
        """Return the values of a column in a page."""
        size, header_size = int(tables.size[column, page]), int(tables.header_size[column, page])
        data = self._read(int(tables.offset[column, page]), size)
        name, rows = VALUE_COLUMNS[column], int(tables.rows[page])
        if zlib.crc32(data) != tables.crc[column, page]:
            raise ValueError(f"a page of {name} does not match its checksum")
        unpacked = uncompressed_size(data[:header_size])
        if rows > _MAX_ROWS or unpacked > 8 * rows + _MAX_HEAD_BYTES:
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

    def _section(self, number: int) -> bytes:
        """Return the content of a section. The last one is kept, because it has the runs of several metrics."""
        content = self._sections.get(number)
        if content is None:
            section = self.block.sections[number]
            content = unpack_section(section, self._read(section.offset, section.size))
            self._sections = {number: content}
        return content

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


def read_minutes_block(path: str, fd: int) -> tuple[MinutesBlock, int]:
    """Return the block of an open file of minutes, and its fingerprint.

    Raises: OSError.
    Raises: BadFileError if the file was not written by fgm, or its block is damaged.
    """
    content, _, crc = read_block(path, fd)
    try:
        return MinutesBlock.from_bytes(content), crc
    except _MALFORMED as error:
        raise BadFileError(path, f"malformed block: {error}") from error
