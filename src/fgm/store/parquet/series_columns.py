"""Columns of a file with a row for each tick of each series, one series after the other."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fgm.store.parquet.column_pages import ColumnType, ColumnValues
from fgm.store.parquet.table_pages import Texts
from fgm.store.parquet.window_block import LATE_US, TIME
from fgm.store.samples.chunk import rounded_late_ms
from fgm.store.samples.series import IDENTITY_COLUMNS, Series

MAX_PAGE_ROWS = 1 << 14
"""Number of rows at which a page ends, at the latest after the series that it belongs to."""


class SeriesColumns:
    """Makes the columns of a file. Each is in the encoding with the fewest bytes."""

    def __init__(self, counts: Sequence[int], compression_level: int) -> None:
        """Find the rows with which pages begin. `counts`: number of rows of each series."""
        self._counts = counts
        self._compression_level = compression_level
        self._page_starts = page_starts(counts)
        self._series_starts = [0, *np.cumsum(counts).tolist()][:-1]

    def numbers(self, name: str, kind: ColumnType, values: NDArray[np.float64] | NDArray[np.int64]) -> ColumnValues:
        """Return a column of numbers, which may be overwritten, or the column of times, which has no null."""
        return ColumnValues(
            name,
            kind,
            values,
            is_nullable=name != TIME,
            compression_level=self._compression_level,
            page_starts=self._page_starts,
            is_smallest=True,
            is_scratch=name != TIME,
            series_starts=self._series_starts,
        )

    def late(self, late_ms: NDArray[np.float64]) -> ColumnValues:
        """Return the column of the lateness. `late_ms` is overwritten."""
        rounded_late_ms(late_ms, out=late_ms)
        late_ms *= 1000
        return self.numbers(LATE_US, "integer", late_ms)

    def identity(self, series: Sequence[Series]) -> Iterator[ColumnValues]:
        """Yield the identity columns."""
        for name in IDENTITY_COLUMNS:
            texts = Texts.of([getattr(each, name) for each in series]).repeated(self._counts)
            yield ColumnValues(name, "text", texts, is_nullable=name != IDENTITY_COLUMNS[0])
            del texts  # what is not deleted stays in memory next to the following columns


def page_starts(counts: Sequence[int], max_rows: int = MAX_PAGE_ROWS) -> list[int]:
    """Return the rows with which pages begin, so that each page has whole series. `counts`: rows of each series."""
    starts, row = [0], 0
    for count in counts:
        if row > starts[-1] and row + count - starts[-1] > max_rows:
            starts.append(row)
        row += count
    return starts
