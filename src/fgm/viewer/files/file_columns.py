"""Reads whole columns of many series at once: one array for each column, instead of one for each column and series.

It is for queries that need many columns of all series. A window, or an hour without windows next to it, is read in
one piece for each column; other files through `Reader.chunks`, as many columns at once as fit into memory.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.rates import Floats, Times
from fgm.store.errors import BadFileError
from fgm.store.parquet.window_block import LATE, Run
from fgm.store.samples.chunk import Chunk
from fgm.viewer.files.hours.file_parts import FilePart
from fgm.viewer.files.hours.merged_rows import Range
from fgm.viewer.files.reader import MAX_VALUES, OpenFile, Reader


class FileColumns(NamedTuple):
    """Rows of several series of one file, one series after the other.

    `keys`: of the series (`Series.key`). `lengths`: number of rows of each. `time_ms`: the ticks of all rows.
    `late_ms`, `column`: return values of all rows; they may raise BadFileError or OSError.
    """

    keys: Sequence[str]
    lengths: NDArray[np.intp]
    time_ms: Times
    late_ms: Callable[[], Floats]
    column: Callable[[str], Floats]


def read_columns(
    reader: Reader, opened: OpenFile, columns: Sequence[str], keys: Sequence[str], within: Range
) -> FileColumns:
    """Return the rows of series in a range. `columns`: those that `FileColumns.column` may be asked for."""
    part = opened.parts[0] if len(opened.parts) == 1 else None
    if part is None or part.content is None or part.hidden:
        return _of_chunks(_FewColumns(reader, opened, columns, keys, within))
    by_key = part.content.block.by_key
    runs = sorted((run for key in keys for run in by_key.get(key, ())), key=lambda run: run.first)
    if len(runs) > len(keys):
        return _of_chunks(_FewColumns(reader, opened, columns, keys, within))
    return _of_part(part, runs, within)


@dataclass(slots=True)
class _FewColumns:
    """Chunks with a few of the columns, which are replaced by others when these are needed.

    `chunks`: rows in the range.
    """

    reader: Reader
    opened: OpenFile
    columns: Sequence[str]
    keys: Sequence[str]
    within: Range
    chunks: list[Chunk] = field(init=False)
    _names: Sequence[str] = field(init=False)

    def __post_init__(self) -> None:
        """Read the first columns."""
        self._read(0)

    def column(self, name: str) -> Floats:
        """Return a column.

        Raises: BadFileError if the file has other rows than at first.
        """
        if name not in self._names:
            times, paths = [chunk.time_ms for chunk in self.chunks], [part.file.path for part in self.opened.parts]
            self._read(self.columns.index(name))
            again = [chunk.time_ms for chunk in self.chunks]
            if len(again) != len(times) or not all(map(np.array_equal, again, times)):
                raise BadFileError(" and ".join(paths), "it was changed or removed while it was read")
        return _joined([chunk.values[name] for chunk in self.chunks])

    def _read(self, first: int) -> None:
        rows = sum(self.opened.rows.get(key, 0) for key in self.keys)
        self._names = self.columns[first : first + max(1, MAX_VALUES // max(1, rows) - 2)]
        self.chunks = []
        for chunk in self.reader.chunks(self.opened, self._names, self.keys):
            cut = slice(*np.searchsorted(chunk.time_ms, self.within).tolist())
            values = {name: column[cut] for name, column in chunk.values.items()}
            self.chunks.append(Chunk(chunk.series, chunk.time_ms[cut], chunk.late_ms[cut], values))


def _of_chunks(few: _FewColumns) -> FileColumns:
    chunks = few.chunks
    late_ms = [chunk.late_ms for chunk in chunks]
    return FileColumns(
        keys=[chunk.series.key for chunk in chunks],
        lengths=np.array([len(chunk.time_ms) for chunk in chunks], np.intp),
        time_ms=np.concatenate([np.empty(0, np.int64), *(chunk.time_ms for chunk in chunks)]),
        late_ms=lambda: _joined(late_ms),
        column=few.column,
    )


def _of_part(part: FilePart, runs: Sequence[Run], within: Range) -> FileColumns:
    """Return the rows of runs, which are in the order of the file and are not empty."""
    assert part.content is not None, "the caller has checked it"
    content, ticks = part.content, part.content.block.tick_ms()
    first, count = np.array([(run.first, run.count) for run in runs], np.int64).reshape(-1, 2).T
    first_tick = np.array([-1 if run.first_tick is None else run.first_tick for run in runs], np.int64)
    begin, end = (np.clip(tick - first_tick, 0, count) for tick in np.searchsorted(ticks, within).tolist())
    times: Times | None = None
    for number in np.flatnonzero(first_tick < 0).tolist():  # runs whose ticks are only in the column of times
        if times is None:
            times = content.times(0, content.block.rows)
        of_run = times[first[number] : first[number] + count[number]]
        begin[number], end[number] = np.searchsorted(of_run, within).tolist()
    lengths, begin, end = end - begin, first + begin, first + end
    read_from, read_to = (int(begin.min()), int(end.max())) if len(runs) else (0, 0)
    rows_before = np.cumsum(lengths) - lengths
    at = np.arange(lengths.sum())
    # Whole runs without others between them are all rows that are read: they need not be copied.
    is_whole = bool((end[:-1] == begin[1:]).all())
    rows = slice(None) if is_whole else at + np.repeat(begin - read_from - rows_before, lengths)
    blocks = None if is_whole else _blocks(begin, lengths)

    def column(name: str) -> Floats:
        read = content.part(name, read_from, read_to - read_from)
        return read[rows] if blocks is None else read.reshape(-1, lengths[0])[blocks].reshape(-1)

    if times is None:
        time_ms = ticks[at + np.repeat(first_tick + begin - first - rows_before, lengths)]
    else:
        time_ms = times[read_from:read_to][rows]
    return FileColumns(
        keys=[run.series.key for run in runs],
        lengths=lengths,
        time_ms=time_ms,
        late_ms=lambda: column(LATE),
        column=column,
    )


def _blocks(begin: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Return which blocks of rows of equal length the runs are, which is faster than to choose rows; None if none."""
    length = lengths[0]
    blocks, rest = np.divmod(begin - begin[0], length) if length else (begin, begin)
    return blocks if not rest.any() and (lengths == length).all() else None


def _joined(parts: Sequence[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.empty(0)
