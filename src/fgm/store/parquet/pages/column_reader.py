"""Reads rows of one column of a metrics file: only the pages that have them.

All bytes are checked against a CRC before they are decoded.
"""

import os
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.store.errors import BadFileError
from fgm.store.parquet.page import MAX_COLUMN_BYTES, MAX_OVERHEAD_BYTES, MAX_ROW_BYTES, decompress, split_levels
from fgm.store.parquet.pages import delta, hybrid
from fgm.store.parquet.pages.page_table import DELTA, DICTIONARY, INDICES, PLAIN, ColumnChunk, PagePosition


class OpenFile(NamedTuple):
    """An open metrics file or table. `path`: used in errors only. `content`: all of its bytes, if they were read."""

    path: str
    fd: int
    rows: int
    content: bytes = b""

    def page(self, page: PagePosition) -> bytes:
        """Return the bytes of a page, with its header."""
        if self.content:
            return self.content[page.offset : page.offset + page.size]
        return os.pread(self.fd, page.size, page.offset)


class ColumnReader:
    """The rows of one column. Each page is read once, when the first of its rows is needed."""

    def __init__(self, file: OpenFile, name: str, column: ColumnChunk | None, divisor: int = 1) -> None:
        """`column`: None if the file has no values of it; `divisor`: the values are divided by it."""
        self._file, self._path = file, file.path
        self._name = name
        self._divisor = divisor
        self._type = "number" if column is None else column.type
        pages = column.pages if column is not None else ()
        self._dictionary_page = pages[0] if pages and pages[0].encoding == DICTIONARY else None
        self._pages = [page for page in pages if page.encoding != DICTIONARY]
        if self._type == "text":
            raise BadFileError(self._path, f"column {name} has texts, not numbers")
        if column is not None and not self._pages:
            raise BadFileError(self._path, f"column {name} has no page with rows")
        if not any(page.present for page in self._pages):
            self._pages = []
        self._starts = [0, *accumulate(page.rows for page in self._pages)]
        if self._pages and self._starts[-1] != file.rows:
            raise BadFileError(file.path, f"the pages of column {name} have {self._starts[-1]} of {file.rows} rows")
        self._dictionary: NDArray[Any] | None = None
        self._decoded: dict[int, NDArray[Any]] = {}

    def rows(self, first: int, count: int) -> NDArray[np.float64]:
        """Return the values of these rows, NaN for null.

        Shape: float64[count].
        Raises: BadFileError if a page is damaged.
        """
        if not self._pages:
            return np.full(count, np.nan)
        return self._part(first, count).astype(np.float64, copy=False)

    def parts(self, rows: Sequence[tuple[int, int]]) -> list[NDArray[np.float64]]:
        """Return what `rows` does for several parts. `rows`: the first row of each, and the number of its rows.

        Raises: BadFileError if a page is damaged.
        """
        if len(self._pages) != 1:
            return [self.rows(first, count) for first, count in rows]
        page = self._page(0).astype(np.float64, copy=False)
        return [page[first : first + count] for first, count in rows]

    def times(self, first: int, count: int) -> NDArray[np.int64]:
        """Return the values of these rows of the column `time`.

        Shape: int64[count].
        Raises: BadFileError if a page is damaged, or if the column is not one of times.
        """
        part = self._part(first, count) if self._pages else np.empty(0)
        if part.dtype != np.int64:
            raise BadFileError(self._path, f"column {self._name} has no times")
        return part.astype(np.int64, copy=False)

    def _part(self, first: int, count: int) -> NDArray[Any]:
        number = bisect_right(self._starts, first) - 1
        parts, row, end = [], first, first + count
        while row < end:
            page_end = self._starts[number + 1]
            if page_end > row:
                start = self._starts[number]
                parts.append(self._page(number)[row - start : min(end, page_end) - start])
                row = page_end
            number += 1
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _page(self, number: int) -> NDArray[Any]:
        values = self._decoded.get(number)
        if values is None:
            page = self._pages[number]
            try:
                values = self._decode(page, self._read(page))
            except (IndexError, OverflowError, ValueError) as error:
                raise BadFileError(self._path, f"column {self._name}: {error or type(error).__name__}") from error
            self._decoded[number] = values
        return values

    def _read(self, page: PagePosition) -> NDArray[np.uint8]:
        values = page.present if page.encoding == DICTIONARY else page.rows
        max_page_bytes = min(MAX_ROW_BYTES * values + MAX_OVERHEAD_BYTES, MAX_COLUMN_BYTES)
        is_possible = 0 <= page.offset < 1 << 62 and 0 <= page.header_size <= page.size <= MAX_COLUMN_BYTES
        if not is_possible or not 0 <= page.page_size <= max_page_bytes:
            raise BadFileError(self._path, f"column {self._name} has an impossible size")
        data = self._file.page(page)
        if zlib.crc32(data) != page.crc:
            raise BadFileError(self._path, f"column {self._name} does not match its checksum")
        return decompress(memoryview(data)[page.header_size :], page.page_size)

    def _values(self, page: PagePosition, data: memoryview, count: int) -> NDArray[Any]:
        """Return the values of a page: int64 in a column of times, else float64."""
        if not count:
            return np.empty(0, np.int64 if self._type == "time" else np.float64)
        if page.encoding == PLAIN:
            return self._converted(np.frombuffer(data, "<i8", count))
        if page.encoding == DELTA:
            return self._converted(delta.decode(data, count))
        if page.encoding != INDICES:
            raise ValueError(f"a page has the unknown encoding {page.encoding}")
        if self._dictionary is None:
            self._dictionary = self._converted(self._read_dictionary())
        return self._dictionary.take(hybrid.decode(data[1:], data[0], count))

    def _read_dictionary(self) -> NDArray[np.int64]:
        if self._dictionary_page is None:
            raise ValueError("it has positions without a dictionary")
        return np.frombuffer(self._read(self._dictionary_page), "<i8", self._dictionary_page.present)

    def _converted(self, raw: NDArray[np.int64]) -> NDArray[Any]:
        """Return the values for integers, or for the bits of float64."""
        if self._type == "time":
            return raw
        values = raw.view(np.float64) if self._type == "number" else raw.astype(np.float64)
        return values if self._divisor == 1 else values / self._divisor

    def _decode(self, page: PagePosition, data: NDArray[np.uint8]) -> NDArray[Any]:
        if self._type == "time":
            return self._values(page, data.data, page.rows)
        is_present, rest = split_levels(data, page.rows)
        count = page.rows if is_present is None else int(np.count_nonzero(is_present))
        if page.present != count:
            raise ValueError(f"it has {count} values, but its block says {page.present}")
        values = self._values(page, rest, count)
        if is_present is None:
            return values
        with_nulls = np.full(page.rows, np.nan)
        with_nulls[is_present] = values
        return with_nulls
