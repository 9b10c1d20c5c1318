"""Reads tables of all format versions: only the columns and the series that are wanted.

From format version 4 on, only the pages that have rows of these series are read. All bytes are checked against a CRC
before they are decoded. Earlier tables have one CRC for the whole file, which is read at once.
"""

import os
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.parquet.block import PARQUET_MAGIC
from fgm.store.parquet.page import uncompressed_size
from fgm.store.parquet.pages.column_reader import ColumnReader, OpenFile
from fgm.store.parquet.pages.page_table import ColumnChunk
from fgm.store.parquet.table_pages import Column, Texts, read_columns
from fgm.store.tables.table_block import TableBlock, read_table_block
from fgm.store.tables.table_rows import RUN_FIELDS, column_name, field_types
from fgm.store.tables.text_reader import TextReader

MAX_FILE_BYTES = 64 << 20
"""Maximum size of a table before format version 4. A larger file was not written by fgm."""
MAX_CONTENT_BYTES = 128 << 10
"""Maximum size of a table that is read at once. For its columns one by one, a window needs ten times as many calls."""

Choose = Callable[[Mapping[str, Texts]], NDArray[np.bool_]]
"""Returns for each run of rows (or for each row) whether it is wanted, from the texts that say what its series is.

A text that a table does not have, because it is older, is null in all of its rows.
"""

_Ranges = Sequence[tuple[int, int]]
"""First row and number of rows of each range."""


class TableFile:
    """An open table. Its methods raise BadFileError if bytes do not match their checksum."""

    def __init__(self, path: str, fd: int, block: TableBlock, block_at: int) -> None:
        """`block_at`: offset of the block in the file.

        Raises: BadFileError if the file is of an earlier format version, and is damaged.
        """
        self.path = path
        self.block = block
        self.types: Mapping[str, str] = field_types(block.kind, block.header.format_version)
        """The type of each field that the table has."""
        self._fd = fd
        self._block_at = block_at
        self._readers: dict[str, TextReader] = {}
        self._data = None if block.columns else self._whole()
        size = os.fstat(fd).st_size
        content = os.pread(fd, size, 0) if block.columns and size <= MAX_CONTENT_BYTES else b""
        self._file = OpenFile(path, fd, block.rows, content)
        """All bytes of a table before format version 4."""

    @classmethod
    def open(cls, path: str, dir_fd: int | None = None) -> "TableFile":
        """Open a table. `path`: relative to `dir_fd`, if given.

        Raises: FileNotFoundError if it does not exist, or another OSError.
        Raises: BadFileError if it was not written by fgm, or is damaged.
        """
        fd = open_regular(path, dir_fd)
        try:
            block, block_at = read_table_block(path, fd)
            return cls(path, fd, block, block_at)
        except BaseException:
            os.close(fd)
            raise

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def __enter__(self) -> Self:
        """Return the file, to be closed at the end of a `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    @property
    def has_padding(self) -> bool:
        """Whether the pages of the table are longer than their values. ClickHouse cannot read such a file.

        Raises: BadFileError if it does not begin with a page.
        """
        if self._data is None:
            return False
        try:  # the first column is the time
            return uncompressed_size(self._data[len(PARQUET_MAGIC) :]) > 8 * self.block.rows
        except ValueError as error:
            raise BadFileError(self.path, str(error)) from error

    def columns(self, fields: Collection[str], choose: Choose | None = None) -> dict[str, Column]:
        """Return columns by field. A field that the table does not have, because it is older, is not in the result.

        `choose`: which series are wanted; None: all.

        Raises: BadFileError if a column is damaged.
        """
        if self._data is not None:
            return self._older_columns(self._data, fields, choose)
        is_chosen = np.ones(len(self.block.runs), np.bool_) if choose is None else choose(_Series(self))
        ranges = _ranges(self.block.runs[:, -1], is_chosen)
        return {field: self._column(field, ranges, is_chosen) for field in fields if field in self.types}

    def parts(self, fields: Sequence[str], choose: Choose, max_rows: int) -> Iterator[dict[str, Column]]:
        """Yield columns by field, of a few of the wanted series at a time.

        `max_rows`: maximum number of rows at a time, unless one series has more. A table before format version 4 has
        one part.

        Raises: BadFileError if a column is damaged.
        """
        if self._data is not None:
            columns = self._older_columns(self._data, fields, choose)
            if _size(next(iter(columns.values()))):
                yield columns
            return
        is_chosen, counts = choose(_Series(self)), self.block.runs[:, -1]
        part = np.zeros(len(counts), np.int64)
        part[is_chosen] = _parts_of(counts[is_chosen].tolist(), max_rows)
        for number in range(1, int(part.max(initial=0)) + 1):
            ranges = _ranges(counts, part == number)
            yield {field: self._column(field, ranges, part == number) for field in fields if field in self.types}

    def verify(self) -> None:
        """Check all bytes of the file.

        Raises: BadFileError if it is damaged.
        """
        if self._data is not None:
            return  # it was checked as a whole
        pages = sorted(page for name in self.block.columns for page in self._chunk(name).pages)
        ends = [len(PARQUET_MAGIC), *(page.offset + page.size for page in pages)]
        if os.pread(self._fd, len(PARQUET_MAGIC), 0) != PARQUET_MAGIC or ends != [
            *(page.offset for page in pages),
            self._block_at,
        ]:
            raise BadFileError(self.path, "it has bytes outside of its pages")
        for page in pages:
            if zlib.crc32(self._file.page(page)) != page.crc:
                raise BadFileError(self.path, "a page does not match its checksum")
        whole = [(0, self.block.rows)]
        for field, kind in self.types.items():
            if kind != "text":
                self._numbers(field, whole)
                continue
            codes = self._texts(field).rows(0, self.block.rows)
            if field in self._run_fields and not np.array_equal(codes, self._codes_of_runs(field, slice(None))):
                raise BadFileError(self.path, f"column {field} has other texts than its block says")

    @property
    def _run_fields(self) -> Sequence[str]:
        return RUN_FIELDS[self.block.kind]

    def _column(self, field: str, ranges: _Ranges, is_chosen: NDArray[np.bool_]) -> Column:
        if self.types[field] != "text":
            return self._numbers(field, ranges)
        if field in self._run_fields:
            return Texts(self._codes_of_runs(field, is_chosen), self.of_runs(field).values)
        reader = self._texts(field)
        return Texts(_joined([reader.rows(*part) for part in ranges], np.int32), reader.texts)

    def _numbers(self, field: str, ranges: _Ranges) -> NDArray[np.int64] | NDArray[np.float64]:
        name, kind = column_name(field), self.types[field]
        reader = ColumnReader(self._file, name, self._chunk(name), divisor=1000 if name == "late_us" else 1)
        if kind == "time":
            return _joined([reader.times(*part) for part in ranges], np.int64)
        values = _joined([reader.rows(*part) for part in ranges], np.float64)
        return values.astype(np.int64) if kind == "integer" else values

    def _texts(self, field: str) -> TextReader:
        reader = self._readers.get(field)
        if reader is None:
            reader = self._readers[field] = TextReader(self._file, field, self._chunk(field))
        return reader

    def _chunk(self, name: str) -> ColumnChunk:
        try:
            return self.block.columns[name]
        except (LookupError, TypeError, ValueError) as error:
            raise BadFileError(self.path, f"malformed block: column {name}: {error}") from error

    def _codes_of_runs(self, field: str, chosen: NDArray[np.bool_] | slice) -> NDArray[np.int32]:
        """Return the code of each row in the chosen runs."""
        runs = self.block.runs[chosen]
        codes = runs[:, self._run_fields.index(field)].astype(np.int32)
        return np.repeat(codes, runs[:, -1])

    def of_runs(self, field: str) -> Texts:
        """Return the text of each run: one of RUN_FIELDS.

        Raises: BadFileError if the dictionary is damaged.
        """
        codes = self.block.runs[:, RUN_FIELDS[self.block.kind].index(field)].astype(np.int32)
        texts = self._texts(field).texts
        if codes.max(initial=-1) >= len(texts):
            raise BadFileError(self.path, f"its block has an index beyond the end of the dictionary of column {field}")
        return Texts(codes, texts)

    def _older_columns(self, data: bytes, fields: Collection[str], choose: Choose | None) -> dict[str, Column]:
        wanted = {*fields, *(RUN_FIELDS[self.block.kind] if choose is not None else ())}
        try:
            columns = read_columns(data, self.types, self.block.rows, wanted & self.types.keys())
        except (ArithmeticError, LookupError, ValueError) as error:
            raise BadFileError(self.path, f"malformed pages: {error or type(error).__name__}") from error
        if choose is not None:
            none = Texts(np.full(self.block.rows, -1, np.int32), [])
            of_series = {name: columns.get(name, none) for name in RUN_FIELDS[self.block.kind]}
            chosen = choose({name: column for name, column in of_series.items() if isinstance(column, Texts)})
            columns = {name: _where(column, chosen) for name, column in columns.items()}
        return {field: columns[field] for field in fields if field in columns}

    def _whole(self) -> bytes:
        size = os.fstat(self._fd).st_size
        if size > MAX_FILE_BYTES:
            raise BadFileError(self.path, f"it has {size} bytes, more than any table of fgm")
        data = os.pread(self._fd, size, 0)
        if zlib.crc32(memoryview(data)[: self._block_at]) != self.block.crc:
            raise BadFileError(self.path, "its columns do not match their checksum")
        return data


class _Series(Mapping[str, Texts]):
    """The texts of the runs of a table. A dictionary is read on access."""

    def __init__(self, table: TableFile) -> None:
        self._table = table

    def __getitem__(self, field: str) -> Texts:
        if field not in RUN_FIELDS[self._table.block.kind]:
            raise KeyError(field)
        return self._table.of_runs(field)

    def __iter__(self) -> Iterator[str]:
        return iter(RUN_FIELDS[self._table.block.kind])

    def __len__(self) -> int:
        return len(RUN_FIELDS[self._table.block.kind])


def _ranges(counts: NDArray[np.int64], is_chosen: NDArray[np.bool_]) -> _Ranges:
    """Return the rows of the chosen runs. Runs that follow each other are one range."""
    starts = np.append(0, np.cumsum(counts)).tolist()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_chosen, [False]]).astype(np.int8))).tolist()
    return [(starts[first], starts[end] - starts[first]) for first, end in zip(edges[::2], edges[1::2], strict=True)]


def _parts_of(counts: Sequence[int], max_rows: int) -> list[int]:
    """Return the number of the part, from 1 on, to which each run belongs. `counts`: number of rows of each run."""
    numbers, number, rows = [], 1, 0
    for count in counts:
        if rows and rows + count > max_rows:
            number, rows = number + 1, 0
        rows += count
        numbers.append(number)
    return numbers


def _size(column: Column) -> int:
    return len(column.codes if isinstance(column, Texts) else column)


def _joined(parts: Sequence[NDArray[Any]], dtype: type[np.generic]) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, dtype), *parts])


def _where(column: Column, chosen: NDArray[np.bool_]) -> Column:
    return column._replace(codes=column.codes[chosen]) if isinstance(column, Texts) else column[chosen]
