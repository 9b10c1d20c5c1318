"""Writes metrics files column by column, so that the rows of an hour are never in memory at once."""

import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fgm.store.parquet.block import PARQUET_MAGIC, read_crc
from fgm.store.parquet.column_chunks import write_columns
from fgm.store.parquet.column_pages import ColumnType, ColumnValues
from fgm.store.parquet.series_columns import SeriesColumns, page_starts
from fgm.store.parquet.window_block import LATE, TIME, Run, Source, WindowBlock
from fgm.store.samples.distinct import distinct
from fgm.store.samples.header import FileHeader

_MIN_HOUR_LEVEL = 9
"""Minimum zstd level of a file with more than one page per column. An hour is written once, and kept for days."""
_MAX_GROUPS_OF_TICKS = 1000
"""Maximum number of groups of ticks. Files of other programs may have rows at any time."""


def write_metrics(
    file: BinaryIO,
    header: FileHeader,
    runs: Sequence[Run],
    time_ms: NDArray[np.int64],
    column: Callable[[str], NDArray[np.float64]],
    *,
    columns: Mapping[str, ColumnType],
    compression_level: int = 3,
    sources: Sequence[Source] = (),
) -> int:
    """Write a metrics file from its beginning, and return its fingerprint.

    `runs`: the series in file order, `first_tick` is not used; `time_ms`: the tick of each row; `column`: returns
    `late_ms` or a metric column, in the order of the file, NaN for null, as a new array, which is overwritten;
    `columns`: the types of the metric columns, in file order; `sources`: the files whose rows these are.

    Shape: `time_ms` is int64[rows]; a column is float64[rows].
    Raises: OSError; ValueError if a column is too large, or there are no rows.
    """
    if not runs:
        raise ValueError("a window without rows has no file")
    metadata = {
        "fgm.format_version": str(header.format_version),
        "fgm.header": json.dumps(header.to_json(), separators=(",", ":")),
    }
    values = _columns(runs, time_ms, column, columns, compression_level)
    footer, positions, crc = write_columns(file, values, metadata)
    ticks = distinct(time_ms)
    groups = _groups_of_ticks(ticks)
    block = WindowBlock(
        header,
        int(ticks[0]),
        int(ticks[-1]),
        len(time_ms),
        {name: chunk for name, chunk in positions.items() if chunk.type != "text" and chunk.present},
        tuple(_with_first_tick(run, time_ms, ticks if groups else ticks[:0]) for run in runs),
        ticks=groups,
        sources=tuple(sources),
        crc=crc,
        schema=zlib.crc32(json.dumps(dict(columns)).encode()),
    ).to_bytes(footer)
    file.write(block)
    file.write(footer)
    file.write(len(footer).to_bytes(4, "little") + PARQUET_MAGIC)
    return read_crc(block)


def _columns(
    runs: Sequence[Run],
    time_ms: NDArray[np.int64],
    column: Callable[[str], NDArray[np.float64]],
    columns: Mapping[str, ColumnType],
    compression_level: int,
) -> Iterator[ColumnValues]:
    """Yield the columns of a metrics file, in file order."""
    counts = [run.count for run in runs]
    has_many_pages = len(page_starts(counts)) > 1
    of_series = SeriesColumns(counts, max(compression_level, _MIN_HOUR_LEVEL) if has_many_pages else compression_level)
    yield of_series.numbers(TIME, "time", time_ms)
    yield from of_series.identity([run.series for run in runs])
    yield of_series.late(column(LATE))
    for name, kind in columns.items():
        yield of_series.numbers(name, kind, column(name))


def _groups_of_ticks(ticks: NDArray[np.int64]) -> tuple[tuple[int, int, int], ...]:
    """Return groups of ticks of equal distance: ms after the first tick, ms from tick to tick, number of ticks."""
    steps = np.diff(ticks)
    changes = [*(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(steps)]
    groups, first = list[tuple[int, int, int]](), 0
    for change in changes:
        if change <= first:
            continue  # a gap: the next group begins at its end
        groups.append((int(ticks[first] - ticks[0]), int(steps[first]), change - first + 1))
        first = change + 1
    if first < len(ticks):
        groups.append((int(ticks[first] - ticks[0]), 0, 1))
    return tuple(groups) if len(groups) <= _MAX_GROUPS_OF_TICKS else ()


def _with_first_tick(run: Run, time_ms: NDArray[np.int64], ticks: NDArray[np.int64]) -> Run:
    times = time_ms[run.first : run.first + run.count]
    first = int(np.searchsorted(ticks, times[0]))
    is_regular = np.array_equal(ticks[first : first + run.count], times)
    return replace(run, first_tick=first if is_regular else None)
