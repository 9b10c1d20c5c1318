"""Between which ticks series may have values, according to the files that they are in."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from functools import partial

import numpy as np

from fgm.store.samples.series import Series
from fgm.viewer.contents.series_names import with_unlisted
from fgm.viewer.contents.series_register import SeriesSnapshot
from fgm.viewer.files.hours.merged_rows import Range
from fgm.viewer.files.listing.data_file import DataFile
from fgm.viewer.files.reader import OpenFile, Reader
from fgm.viewer.query.analysis.analysed_span import AnalysedSpan
from fgm.viewer.query.analysis.grids.packing import Packing
from fgm.viewer.query.analysis.joined_rows import LEAD_TICKS


def read_range(span: AnalysedSpan) -> Range:
    """Return the range that is read: a rate needs a tick before it."""
    return span.first_ms - LEAD_TICKS * span.tick_ms, span.to_ms


class SeriesBounds:
    """Opens files without reading columns. Not thread-safe.

    `snapshot`: the registered series; after reading, also those that only the files have. At the start, the viewer
    reads only the newest files, and the index lists no services and pods.
    """

    def __init__(self, snapshot: SeriesSnapshot, span: AnalysedSpan, reader: Reader) -> None:
        self.snapshot = snapshot
        self._span, self._reader = span, reader
        self._ticks: dict[str, tuple[int, int]] = {}
        self._unlisted: dict[str, tuple[Series, int, int]] = {}

    def read(self, files: Sequence[DataFile]) -> Generator[int]:
        """Yield the number of files that have been opened, after each one. May block."""
        for number, file in enumerate(files, 1):
            of_file: dict[str, Series] = {}
            with self._reader.opening(partial(_note, of_file), read_range(self._span)) as open_file:
                opened = open_file(file)
                if opened is not None:
                    self._extend(opened, of_file)
            yield number
        self.snapshot = with_unlisted(self.snapshot, self._unlisted.values())

    def packing(self, rows_of: Sequence[Mapping[str, int]], rows: int) -> Packing:
        """Return how rows share memory. All files must have been opened.

        `rows_of`: the row of each series, by `Series.key`; a row may be that of several.
        """
        begin, end = np.full(rows, self._span.ticks, np.int64), np.zeros(rows, np.int64)
        for key, row in (item for each in rows_of for item in each.items()):
            first, last = self._ticks.get(key, (self._span.ticks, 0))
            begin[row], end[row] = min(begin[row], first), max(end[row], last)
        return Packing(np.minimum(begin, end), end, self._span.ticks)

    def _extend(self, opened: OpenFile, of_file: Mapping[str, Series]) -> None:
        span = self._span
        first, last = ((at_ms - span.first_ms) // span.tick_ms for at_ms in (opened.first_ms, opened.last_ms))
        begin, end = max(0, first), span.ticks if opened.may_grow else min(span.ticks, last + 1)
        for key in opened.keys:
            known = self._ticks.get(key, (begin, end))
            self._ticks[key] = min(begin, known[0]), max(end, known[1])
            if self.snapshot.find(key) is None:
                _, first_ms, _ = self._unlisted.get(key, (None, opened.first_ms, 0))
                self._unlisted[key] = of_file[key], first_ms, opened.last_ms


def _note(of_file: dict[str, Series], series: Iterable[Series]) -> set[str]:
    """Choose all series of a file, and note them."""
    of_file.update((each.key, each) for each in series)
    return set(of_file)
