"""Reads whole columns of many series at once: one array for each column, instead of one for each column and series.

It is for queries that need many columns of all series. A window, or an hour without windows next to it, is read in
one piece for each column; other files through `Reader.chunks`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from fgm.metrics.rates import Floats, Times
from fgm.store.parquet.window_block import LATE, Run
from fgm.store.samples.chunk import Chunk
from fgm.viewer.files.hours.file_parts import FilePart
from fgm.viewer.files.hours.merged_rows import Range
from fgm.viewer.files.reader import OpenFile, Reader


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
        return _of_chunks(reader.chunks(opened, columns, keys), within)
    by_key = part.content.block.by_key
    runs = sorted((run for key in keys for run in by_key.get(key, ())), key=lambda run: run.first)
    if len(runs) > len(keys):
        return _of_chunks(reader.chunks(opened, columns, keys), within)
    return _of_part(part, runs, within)


def _of_chunks(chunks: Sequence[Chunk], within: Range) -> FileColumns:
    cuts = [slice(*np.searchsorted(chunk.time_ms, within).tolist()) for chunk in chunks]
    return FileColumns(
        keys=[chunk.series.key for chunk in chunks],
        time_ms=[chunk.time_ms[cut] for chunk, cut in zip(chunks, cuts, strict=True)],
        late_ms=lambda: _joined([chunk.late_ms[cut] for chunk, cut in zip(chunks, cuts, strict=True)]),
        column=lambda name: _joined([chunk.values[name][cut] for chunk, cut in zip(chunks, cuts, strict=True)]),
    )


def _of_part(part: FilePart, runs: Sequence[Run], within: Range) -> FileColumns:
    assert part.content is not None, "the caller has checked it"
    content = part.content
    first, last = (runs[0].first, runs[-1].first + runs[-1].count) if runs else (0, 0)
    ticks = content.block.tick_ms()
    times = ticks if all(run.first_tick is not None for run in runs) else content.times(first, last - first)
    bounds, time_ms = [], []
    for run in runs:
        at = run.first - first if times is not ticks or run.first_tick is None else run.first_tick
        of_run = times[at : at + run.count]
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
