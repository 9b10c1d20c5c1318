"""Reads whole columns of many series at once: one array for each column, instead of one for each column and series.

It is for queries that need many columns of all series. A window, or an hour without windows next to it, is read in
one piece for each column; other files through `Reader.chunks`, as many columns at once as fit into memory.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from fgm.metrics.rates import Floats, Times
from fgm.store.errors import BadFileError
from fgm.store.parquet.window_block import LATE, Run
from fgm.store.samples.chunk import Chunk
from fgm.viewer.files.hours.file_parts import FilePart
from fgm.viewer.files.hours.merged_rows import Range
from fgm.viewer.files.reader import MAX_VALUES, OpenFile, Reader


@dataclass(frozen=True, slots=True)
class FileColumns:
    """Rows of several series of one file, one series after the other.

    `keys`: of the series (`Series.key`). `time_ms`: the ticks of each. `late_ms`, `column`: return values of all rows,
    joined; they may raise BadFileError or OSError.
    """

    keys: Sequence[str]
    time_ms: Sequence[Times]
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
    late_ms = [chunk.late_ms for chunk in few.chunks]
    return FileColumns(
        keys=[chunk.series.key for chunk in few.chunks],
        time_ms=[chunk.time_ms for chunk in few.chunks],
        late_ms=lambda: _joined(late_ms),
        column=few.column,
    )


def _of_part(part: FilePart, runs: Sequence[Run], within: Range) -> FileColumns:
    assert part.content is not None, "the caller has checked it"
    content = part.content
    first, last = (runs[0].first, runs[-1].first + runs[-1].count) if runs else (0, 0)
    ticks = content.block.tick_ms()
    first_tick, end_tick = np.searchsorted(ticks, within).tolist()
    times = None if all(run.first_tick is not None for run in runs) else content.times(first, last - first)
    bounds, time_ms = [], []
    for run in runs:
        if run.first_tick is not None:
            begin, end = (min(max(tick - run.first_tick, 0), run.count) for tick in (first_tick, end_tick))
            of_run = ticks[run.first_tick : run.first_tick + run.count]
        else:
            assert times is not None, "read for such runs"
            of_run = times[run.first - first : run.first - first + run.count]
            begin, end = np.searchsorted(of_run, within).tolist()
        bounds.append((run.first + begin, run.first + end))
        time_ms.append(of_run[begin:end])
    first, last = (min(begin for begin, _ in bounds), max(end for _, end in bounds)) if bounds else (0, 0)
    is_whole = all(end == begin for (_, end), (begin, _) in pairwise(bounds))
    rows: slice | Times = slice(0, last - first)
    if not is_whole:
        rows = np.concatenate([np.arange(begin - first, end - first) for begin, end in bounds])
    return FileColumns(
        keys=[run.series.key for run in runs],
        time_ms=time_ms,
        late_ms=lambda: content.part(LATE, first, last - first)[rows],
        column=lambda name: content.part(name, first, last - first)[rows],
    )


def _joined(parts: Sequence[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.empty(0)
