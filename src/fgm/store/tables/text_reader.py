"""Reads texts of one column of a table: its dictionary, and only the pages that have the rows.

All bytes are checked against a CRC before they are decoded.
"""

import zlib
from bisect import bisect_right
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from fgm.store.errors import BadFileError
from fgm.store.parquet.page import MAX_COLUMN_BYTES, decompress, split_levels
from fgm.store.parquet.pages import hybrid
from fgm.store.parquet.pages.column_reader import OpenFile
from fgm.store.parquet.pages.page_table import DICTIONARY, ColumnChunk, PagePosition
from fgm.store.parquet.table_pages import Texts, decode_texts


class TextReader:
    """The rows of one column of texts. Its dictionary is read once."""

    def __init__(self, file: OpenFile, name: str, column: ColumnChunk) -> None:
        """Find the pages of a column.

        Raises: BadFileError if it has other pages than it should.
        """
        self._file, self._path, self._rows = file, file.path, file.rows
        self._name = name
        self._dictionary = [page for page in column.pages if page.encoding == DICTIONARY]
        self._pages = [page for page in column.pages if page.encoding != DICTIONARY]
        self._starts = [0, *accumulate(page.rows for page in self._pages)]
        if len(self._dictionary) != 1 or self._starts[-1] != self._rows:
            raise BadFileError(self._path, f"column {name} has other pages than it should")
        self._texts: list[str] | None = None

    @property
    def texts(self) -> list[str]:
        """The dictionary.

        Raises: BadFileError if it is damaged.
        """
        if self._texts is None:
            page = self._dictionary[0]
            self._texts = list(decode_texts(self._read(page).data))
            if len(self._texts) != page.present:
                raise BadFileError(self._path, f"the dictionary of column {self._name} has another length")
        return self._texts

    def rows(self, first: int, count: int) -> NDArray[np.int32]:
        """Return the positions of these rows in the dictionary, -1 for null.

        Shape: int32[count].
        Raises: BadFileError if a page is damaged.
        """
        number, parts, row, end = bisect_right(self._starts, first) - 1, [], first, first + count
        while row < end:
            start, page_end = self._starts[number], self._starts[number + 1]
            if page_end > row:
                parts.append(self._codes(self._pages[number])[row - start : min(end, page_end) - start])
                row = page_end
            number += 1
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, np.int32), *parts])

    def all(self) -> Texts:
        """Return all rows.

        Raises: BadFileError if a page is damaged.
        """
        return Texts(self.rows(0, self._rows), self.texts)

    def _codes(self, page: PagePosition) -> NDArray[np.int32]:
        try:
            codes = _decode(self._read(page), page.rows)
        except (ArithmeticError, LookupError, ValueError) as error:
            raise BadFileError(self._path, f"column {self._name}: {error or type(error).__name__}") from error
        if codes.max(initial=-1) >= len(self.texts):
            raise BadFileError(self._path, f"column {self._name} has an index beyond the end of its dictionary")
        return codes

    def _read(self, page: PagePosition) -> NDArray[np.uint8]:
        is_possible = 0 <= page.offset < 1 << 62 and 0 <= page.header_size <= page.size <= MAX_COLUMN_BYTES
        if not is_possible or not 0 <= page.page_size <= MAX_COLUMN_BYTES:
            raise BadFileError(self._path, f"column {self._name} has an impossible size")
        data = self._file.page(page)
        if zlib.crc32(data) != page.crc:
            raise BadFileError(self._path, f"column {self._name} does not match its checksum")
        try:
            return decompress(memoryview(data)[page.header_size :], page.page_size)
        except ValueError as error:
            raise BadFileError(self._path, f"column {self._name}: {error}") from error


def _decode(page: NDArray[np.uint8], rows: int) -> NDArray[np.int32]:
    is_present, rest = split_levels(page, rows)
    count = rows if is_present is None else int(np.count_nonzero(is_present))
    codes = np.full(rows, -1, np.int32)
    if count:
        codes[slice(None) if is_present is None else is_present] = hybrid.decode(rest[1:], rest[0], count)
    return codes
