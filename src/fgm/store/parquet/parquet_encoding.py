"""Encodes Parquet files as bytes: the metrics files of windows, and tables."""

import io
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from fgm.store.parquet.column_pages import ColumnType
from fgm.store.parquet.metrics_writer import write_metrics
from fgm.store.parquet.window_block import LATE, Run
from fgm.store.samples.chunk import Chunk, ColumnsOnAccess, LastColumn
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import order, with_known_names


def encode(
    chunks: Iterable[Chunk],
    columns: Mapping[str, ColumnType],
    header: FileHeader,
    compression_level: int = 3,
) -> bytes:
    """Return the bytes of a metrics file with the rows of `chunks`, sorted by series and time.

    If two chunks have a row of the same series and tick, the row of the later chunk counts. `columns`: the types of
    the metric columns to write, in file order.

    Raises: ValueError if there are no rows.
    """
    merged = sorted(_merge(chunks, tuple(columns)), key=lambda chunk: order(chunk.series))
    if not merged:
        raise ValueError("a window without rows has no file")
    runs, first = [], 0
    for chunk in merged:
        runs.append(Run(chunk.series, first, len(chunk.time_ms)))
        first += len(chunk.time_ms)
    time_ms = np.concatenate([chunk.time_ms for chunk in merged])

    def column(name: str) -> NDArray[np.float64]:
        if name == LATE:
            return np.concatenate([chunk.late_ms for chunk in merged])
        return np.concatenate([_values(chunk, name) for chunk in merged])

    file = io.BytesIO()
    write_metrics(file, header, runs, time_ms, column, columns=columns, compression_level=compression_level)
    return file.getvalue()


def _merge(chunks: Iterable[Chunk], columns: Sequence[str]) -> list[Chunk]:
    by_key: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        if len(chunk.time_ms):
            by_key.setdefault(chunk.series.key, []).append(chunk)
    return [parts[0] if len(parts) == 1 else _join(parts, columns) for parts in by_key.values()]


def _join(parts: Sequence[Chunk], columns: Sequence[str]) -> Chunk:
    """Return the rows of all parts by time, with the newest names. If a tick occurs twice, the later row counts."""
    time_ms = np.concatenate([part.time_ms for part in parts])
    order_of_rows = np.lexsort((np.arange(len(time_ms)), time_ms))
    ordered = time_ms[order_of_rows]
    keep = order_of_rows[np.append(ordered[1:] != ordered[:-1], True)]

    def column(name: str) -> NDArray[np.float64]:
        joined: NDArray[np.float64] = np.concatenate([_values(part, name) for part in parts])[keep]
        return joined

    late_ms = np.concatenate([part.late_ms for part in parts])[keep]
    series = reduce(lambda older, newer: with_known_names(newer, older), (part.series for part in parts))
    return Chunk(series, time_ms[keep], late_ms, ColumnsOnAccess(LastColumn(columns, column), slice(None)))


def _values(chunk: Chunk, name: str) -> NDArray[np.float64]:
    try:
        return chunk.values[name]
    except KeyError:
        return np.full(len(chunk.time_ms), np.nan)
