"""Encodes Parquet files as bytes: the metrics files of windows, and tables."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgm.store.parquet.block import PARQUET_MAGIC
from fgm.store.parquet.column_chunks import ColumnValues, encode_parts
from fgm.store.parquet.table_pages import Texts
from fgm.store.parquet.window_block import LATE, TIME, Run, WindowBlock
from fgm.store.samples.chunk import Chunk, ColumnsOnAccess, LastColumn
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import IDENTITY_COLUMNS, order, with_known_names


def encode(
    chunks: Iterable[Chunk],
    columns: Sequence[str],
    header: FileHeader,
    column_facts: Mapping[str, Mapping[str, Any]],
    compression_level: int = 3,
) -> bytes:
    """Return the bytes of a metrics file with the rows of `chunks`, sorted by series and time.

    If two chunks have a row of the same series and tick, the row of the later chunk counts. `columns`: the metric
    columns to write, in file order. `column_facts`: unit, kind and interval of each column, for the footer.

    Raises: ValueError if there are no rows.
    """
    merged = sorted(_merge(chunks, columns), key=lambda chunk: order(chunk.series))
    if not merged:
        raise ValueError("a window without rows has no file")
    runs, first = [], 0
    for chunk in merged:
        runs.append(Run(chunk.series, first, len(chunk.time_ms)))
        first += len(chunk.time_ms)
    time_ms = np.concatenate([chunk.time_ms for chunk in merged])
    metadata = {
        "fgm.format_version": str(header.format_version),
        "fgm.header": json.dumps(header.to_json(), separators=(",", ":")),
        "fgm.columns": json.dumps({name: dict(column_facts[name]) for name in columns}, separators=(",", ":")),
    }
    parts = encode_parts(_columns(merged, time_ms, columns, compression_level), metadata)
    block = WindowBlock(header, int(time_ms.min()), int(time_ms.max()), len(time_ms), parts.positions, tuple(runs))
    footer_size = len(parts.footer).to_bytes(4, "little")
    return parts.chunks + block.to_bytes(parts.footer) + parts.footer + footer_size + PARQUET_MAGIC


def encode_table(columns: Sequence[ColumnValues], header: FileHeader) -> tuple[bytes, bytes]:
    """Return a Parquet file with these columns in two parts: the bytes before the footer, and the footer."""
    metadata = {
        "fgm.format_version": str(header.format_version),
        "fgm.header": json.dumps(header.to_json(), separators=(",", ":")),
        "pandas": _zones(column.name for column in columns if column.type == "time"),
    }
    parts = encode_parts(columns, metadata)
    return parts.chunks, parts.footer


def _zones(time_columns: Iterable[str]) -> str:
    """Return pandas' metadata of these columns, which alone tells fastparquet that their times are in UTC."""
    facts = {"pandas_type": "datetimetz", "numpy_type": "datetime64[ms]", "metadata": {"timezone": "UTC"}}
    columns = [{"name": name, "field_name": name, **facts} for name in time_columns]
    return json.dumps({"index_columns": [], "columns": columns}, separators=(",", ":"))


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


def _columns(
    chunks: Sequence[Chunk], time_ms: NDArray[np.int64], columns: Sequence[str], compression_level: int
) -> Iterator[ColumnValues]:
    """Yield the columns of a metrics file, in file order."""
    counts = [len(chunk.time_ms) for chunk in chunks]
    yield ColumnValues(TIME, "time", time_ms, is_nullable=False)
    for name in IDENTITY_COLUMNS:
        texts = _texts([getattr(chunk.series, name) for chunk in chunks])
        texts = texts._replace(codes=np.repeat(texts.codes, counts))
        yield ColumnValues(name, "text", texts, is_nullable=name != IDENTITY_COLUMNS[0])
    late_ms = np.concatenate([chunk.late_ms for chunk in chunks])
    yield ColumnValues(LATE, "number", late_ms, compression_level=compression_level)
    for name in columns:
        values = np.concatenate([_values(chunk, name) for chunk in chunks])
        yield ColumnValues(name, "number", values, compression_level=compression_level)


def _values(chunk: Chunk, name: str) -> NDArray[np.float64]:
    try:
        return chunk.values[name]
    except KeyError:
        return np.full(len(chunk.time_ms), np.nan)


def _texts(values: Sequence[str | None]) -> Texts:
    names = sorted({value for value in values if value is not None})
    code = {name: i for i, name in enumerate(names)}
    return Texts(np.array([-1 if value is None else code[value] for value in values], np.int32), names)
