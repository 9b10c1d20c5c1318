"""Between which ticks series may have values, according to the files that they are in."""

from collections.abc import Generator, Mapping, Sequence

import numpy as np

from fgm.viewer.files.data_files import DataFile
from fgm.viewer.files.hours.merged_rows import Range
from fgm.viewer.files.reader import OpenFile, Reader
from fgm.viewer.query.analysis.analysed_span import AnalysedSpan
from fgm.viewer.query.analysis.grids.packing import Packing
from fgm.viewer.query.analysis.joined_rows import LEAD_TICKS


def read_range(span: AnalysedSpan) -> Range:
    """Return the range that is read: a rate needs a tick before it."""
    return span.first_ms - LEAD_TICKS * span.tick_ms, span.to_ms


class SeriesBounds:
    """Opens files without reading columns. Not thread-safe."""

    def __init__(self, rows_of: Sequence[Mapping[str, int]], rows: int, span: AnalysedSpan, reader: Reader) -> None:
        """`rows_of`: the row of each series, by `Series.key`; a row may be that of several."""
        self._rows_of, self._span, self._reader = rows_of, span, reader
        self._begin, self._end = np.full(rows, span.ticks, np.int64), np.zeros(rows, np.int64)

    def read(self, files: Sequence[DataFile]) -> Generator[int]:
        """Yield the number of files that have been opened, after each one. May block."""
        wanted = {key for rows_of in self._rows_of for key in rows_of}
        for number, file in enumerate(files, 1):
            with self._reader.opening(wanted, read_range(self._span)) as open_file:
                opened = open_file(file)
                if opened is not None and opened.keys:
                    self._extend(opened)
            yield number

    def packing(self) -> Packing:
        """Return how rows share memory. All files must have been opened."""
        return Packing(np.minimum(self._begin, self._end), self._end, self._span.ticks)

    def _extend(self, opened: OpenFile) -> None:
        span = self._span
        first, last = ((at_ms - span.first_ms) // span.tick_ms for at_ms in (opened.first_ms, opened.last_ms))
        begin, end = max(0, first), span.ticks if opened.may_grow else min(span.ticks, last + 1)
        rows = [row for rows_of in self._rows_of for key in opened.keys if (row := rows_of.get(key)) is not None]
        np.minimum.at(self._begin, rows, begin)
        np.maximum.at(self._end, rows, end)
