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
from fgm.store.parquet.pages.number_pages import distinct
from fgm.store.parquet.table_pages import Texts
from fgm.store.parquet.window_block import LATE, LATE_US, TIME, Run, Source, WindowBlock
from fgm.store.samples.chunk import rounded_late_ms
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import IDENTITY_COLUMNS

MAX_PAGE_ROWS = 1 << 14
"""Number of rows at which a page ends, at the latest after the series that it belongs to."""
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
    starts, series_starts = page_starts(counts), [run.first for run in runs]
    level = compression_level if len(starts) == 1 else max(compression_level, _MIN_HOUR_LEVEL)

    def numbers(name: str, kind: ColumnType, values: NDArray[np.float64] | NDArray[np.int64]) -> ColumnValues:
        return ColumnValues(
            name,
            kind,
            values,
            is_nullable=name != TIME,
            compression_level=level,
            page_starts=starts,
            is_smallest=True,
            is_scratch=name != TIME,
            series_starts=series_starts,
        )

    yield numbers(TIME, "time", time_ms)
    for name in IDENTITY_COLUMNS:
        texts = _texts([getattr(run.series, name) for run in runs])
        texts = texts._replace(codes=np.repeat(texts.codes, counts))
        yield ColumnValues(name, "text", texts, is_nullable=name != IDENTITY_COLUMNS[0])
        del texts  # what is not deleted stays in memory next to the following columns
    late = column(LATE)
    rounded_late_ms(late, out=late)
    late *= 1000
    yield numbers(LATE_US, "integer", late)
    del late
    for name, kind in columns.items():
        yield numbers(name, kind, column(name))


def page_starts(counts: Sequence[int], max_rows: int = MAX_PAGE_ROWS) -> list[int]:
    """Return the rows with which pages begin, so that each page has whole series. `counts`: rows of each series."""
    starts, row = [0], 0
    for count in counts:
        if row > starts[-1] and row + count - starts[-1] > max_rows:
            starts.append(row)
        row += count
    return starts


def _groups_of_ticks(ticks: NDArray[np.int64]) -> tuple[tuple[int, int, int], ...]:
    """Return groups of ticks of equal distance: ms after the first tick, ms from tick to tick, number of ticks."""
    steps = np.diff(ticks)
    changes = [*(np.flatnonzero(np.diff(steps)) + 1).tolist(), len(steps)]
    groups, first = list[tuple[int, int, int]](), 0
    for change in changes:
        if change <= first:
            continue  # a gap, of which the next group begins at the end
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


def _texts(values: Sequence[str | None]) -> Texts:
    names = sorted({value for value in values if value is not None})
    code = {name: i for i, name in enumerate(names)}
    return Texts(np.array([-1 if value is None else code[value] for value in values], np.int32), names)
