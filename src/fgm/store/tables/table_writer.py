"""Writes tables column by column, with a block between the last column chunk and the footer."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fgm.store.directory.layout import TableKind
from fgm.store.parquet.block import PARQUET_MAGIC, read_crc
from fgm.store.parquet.column_chunks import write_columns
from fgm.store.parquet.column_pages import ColumnValues
from fgm.store.parquet.series_columns import page_starts
from fgm.store.parquet.table_pages import Column, Texts
from fgm.store.parquet.window_block import Source
from fgm.store.samples.header import FORMAT_VERSION, FileHeader
from fgm.store.tables.table_block import TableBlock
from fgm.store.tables.table_rows import RUN_FIELDS, column_name, field_types

MAX_PAGE_ROWS = 1 << 12
"""Number of rows at which a page ends, at the latest after the series that it belongs to.

A question for one series reads one page of each column. Larger pages need fewer bytes, but more time.
"""

MAX_ENCODED_ROWS = 500_000
"""Maximum number of rows of a table whose columns get the smallest encoding. Finding it takes 50 bytes a row."""
LEVEL_OF_HOURS = 6
"""The zstd level of merged tables, which are written once and kept for days."""
_MAX_WHOLE = 2.0**62


def write_table(
    file: BinaryIO,
    kind: TableKind,
    header: FileHeader,
    column: Callable[[str], Column],
    sources: Sequence[Source] = (),
) -> TableBlock:
    """Write a table from its beginning, and return the facts in its block.

    `column`: returns the column of a field, in the order of `table_rows.ORDER`; called once for each field, and before
    that for those of `RUN_FIELDS` and for the time. Its arrays may be changed. `sources`: the tables whose rows these
    are.

    Raises: OSError; ValueError if a column is too large, or there are no rows.
    """
    times = column("time_ms")
    assert not isinstance(times, Texts)
    if not len(times):
        raise ValueError("a table without rows has no file")
    rows, first_ms, last_ms = len(times), int(times.min()), int(times.max())
    del times
    header = replace(header, format_version=FORMAT_VERSION)
    runs = _runs([_codes(column(field)) for field in RUN_FIELDS[kind]])
    starts = page_starts(runs[:, -1].tolist(), MAX_PAGE_ROWS)
    types = field_types(kind)
    metadata = {
        "fgm.format_version": str(header.format_version),
        "fgm.header": json.dumps(header.to_json(), separators=(",", ":")),
        "pandas": _zones(column_name(field) for field in types if types[field] == "time"),
    }
    footer, chunks, _ = write_columns(
        file, _columns(kind, column, starts, rows, level=LEVEL_OF_HOURS if sources else 3), metadata
    )
    block = TableBlock(kind, header, first_ms, last_ms, rows, tuple(sources), columns=chunks, runs=runs)
    packed = block.to_bytes(footer)
    file.write(packed + footer + len(footer).to_bytes(4, "little") + PARQUET_MAGIC)
    return replace(block, fingerprint=read_crc(packed))


def _columns(
    kind: TableKind, column: Callable[[str], Column], starts: Sequence[int], rows: int, level: int
) -> Iterator[ColumnValues]:
    is_smallest = rows <= MAX_ENCODED_ROWS
    for field, type_in_memory in field_types(kind).items():
        values, name = column(field), column_name(field)
        if isinstance(values, Texts):
            of_series = field in _OF_SERIES
            yield ColumnValues(name, "text", values, compression_level=level, page_starts=(0,) if of_series else starts)
            continue
        if name == "late_us":
            np.multiply(values, 1000, out=values)
        if type_in_memory == "number" and values.min() >= -_MAX_WHOLE and values.max() <= _MAX_WHOLE:  # none is null
            values = np.rint(values, out=values).astype(np.int64)
        yield ColumnValues(
            name,
            "integer" if type_in_memory == "number" else type_in_memory,
            values,
            is_nullable=type_in_memory != "time",  # as all integers of fgm, also if none is null
            compression_level=level,
            page_starts=starts,
            is_smallest=is_smallest,
        )
        del values  # so that only one column is in memory


_OF_SERIES = frozenset({"scope", "container_id", "container_name", "pod_name", "namespace", "pod_uid", "cgroup"})
"""Fields of texts that seldom change from row to row. They have one page, and fgm reads only its dictionary."""


def _codes(column: Column) -> NDArray[np.int32]:
    assert isinstance(column, Texts)
    return column.codes


def _runs(codes: Sequence[NDArray[np.int32]]) -> NDArray[np.int64]:
    """Return the runs of rows with equal codes: their codes, and the number of rows."""
    rows = len(codes[0])
    changes = np.zeros(rows - 1, np.bool_)
    for column in codes:
        changes |= column[1:] != column[:-1]
    firsts = np.append(0, np.flatnonzero(changes) + 1)
    return np.column_stack([*(column[firsts] for column in codes), np.diff(np.append(firsts, rows))]).astype(np.int64)


def _zones(time_columns: Iterable[str]) -> str:
    """Return pandas' metadata of these columns, which alone tells fastparquet that their times are in UTC."""
    facts = {"pandas_type": "datetimetz", "numpy_type": "datetime64[ms]", "metadata": {"timezone": "UTC"}}
    columns = [{"name": name, "field_name": name, **facts} for name in time_columns]
    return json.dumps({"index_columns": [], "columns": columns}, separators=(",", ":"))
