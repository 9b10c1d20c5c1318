"""Tables of a window: the top processes, with --verbose-perf-risk their memory regions, and labelled values.

The files are plain Parquet, with one row per process (or region, or label) and instant. Like metrics files, they have
a block between the last column chunk and the footer. It contains the facts of `TableBlock` and a CRC32 of all bytes
before the block, so that damage is detected before a library opens the file.
"""

import json
import math
import os
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fgm.store.directory.layout import TableKind
from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.parquet import column_chunks, parquet_encoding
from fgm.store.parquet.block import PARQUET_MAGIC, pack_block, read_block
from fgm.store.parquet.column_chunks import ColumnValues
from fgm.store.parquet.page import uncompressed_size
from fgm.store.parquet.row_columns import RowColumns
from fgm.store.parquet.table_pages import Column, Texts, read_columns
from fgm.store.samples.header import FileHeader

MAX_FILE_BYTES = 64 << 20
"""Maximum size of a table. A larger file was not written by fgm."""
_GROUP_ROWS = 1000
"""Maximum number of rows of a table that are objects at the same time."""


class ProcessRow(NamedTuple):
    """One process at one instant. (pid, start_time_ms) identifies the process.

    `cpu_usec`, `children_cpu_usec`: counters of its CPU time, and of that of its children that have ended.

    `late_ms`: how long after the tick it was read; None before format version 3.
    """

    time_ms: int
    container_id: str | None
    container_name: str | None
    pod_name: str | None
    namespace: str | None
    pod_uid: str | None
    pid: int
    start_time_ms: int
    comm: str
    cpu_usec: float
    rss_bytes: float
    threads: float
    fds: float | None
    cgroup: str | None = None
    late_ms: float | None = None
    children_cpu_usec: float | None = None


class RegionRow(NamedTuple):
    """The memory of all mappings with one name in one process, at one instant."""

    time_ms: int
    container_id: str | None
    container_name: str | None
    pod_name: str | None
    namespace: str | None
    pod_uid: str | None
    pid: int
    start_time_ms: int
    comm: str
    region: str
    size_bytes: float
    rss_bytes: float
    pss_bytes: float
    private_dirty_bytes: float
    swap_bytes: float
    cgroup: str | None = None


class LabelledRow(NamedTuple):
    """One of several values that a metric of a series has at an instant, such as the bytes read from one disk.

    `label`: name of the disk, file system or resource. Counters are recorded raw. See `fgm.metrics.labelled`.
    """

    time_ms: int
    scope: str
    container_id: str | None
    container_name: str | None
    pod_name: str | None
    namespace: str | None
    pod_uid: str | None
    cgroup: str | None
    metric: str
    label: str
    value: float


Row = ProcessRow | RegionRow | LabelledRow

ROWS: Mapping[TableKind, type[Row]] = {"processes": ProcessRow, "regions": RegionRow, "labelled": LabelledRow}
"""The type of the rows of each kind of table."""
_TYPES: Mapping[str, column_chunks.ColumnType] = {
    "time_ms": "time",
    "start_time_ms": "time",
    "pid": "integer",
    **dict.fromkeys(
        ("container_id", "container_name", "pod_name", "namespace", "pod_uid", "comm", "region", "cgroup"), "text"
    ),
    **dict.fromkeys(("scope", "metric", "label"), "text"),
}
_ADDED_IN_3 = {
    "processes": frozenset({"cgroup", "late_ms", "children_cpu_usec"}),
    "regions": frozenset({"cgroup"}),
    "labelled": frozenset(),
}
"""Columns that tables of the format versions 1 and 2 do not have."""


@dataclass(frozen=True, slots=True)
class TableBlock:
    """The facts in the block of one table. `first_ms`, `last_ms`: times of its oldest and newest row."""

    kind: TableKind
    header: FileHeader
    first_ms: int
    last_ms: int
    rows: int


_ORDER: Mapping[TableKind, Sequence[str]] = {
    "processes": ("container_id", "cgroup", "time_ms", "pid"),
    "regions": ("container_id", "cgroup", "time_ms", "pid"),
    "labelled": ("scope", "pod_uid", "container_id", "cgroup", "metric", "label", "time_ms"),
}
"""Fields by which the rows of each kind of table are sorted."""


def row_columns(kind: TableKind) -> RowColumns:
    """Return empty columns for the rows of a table."""
    return RowColumns({name: _TYPES.get(name, "number") for name in ROWS[kind]._fields})


def encode(kind: TableKind, rows: RowColumns | Iterable[Row], header: FileHeader) -> bytes:
    """Return the bytes of a table, with its rows sorted by container, time and pid, or by series, label and time.

    Raises: ValueError if there are no rows.
    """
    if not isinstance(rows, RowColumns):
        added = row_columns(kind)
        added.extend(rows)
        rows = added
    if not rows.added:
        raise ValueError("a table without rows has no file")
    columns = rows.in_order(_ORDER[kind])
    times = columns["time_ms"]
    assert isinstance(times, np.ndarray)
    kinds = {name: _TYPES.get(name, "number") for name in columns}
    values = [
        ColumnValues(_column_name(name), kinds[name], column, is_nullable=kinds[name] in {"text", "number"})
        for name, column in columns.items()
    ]
    chunks_bytes, footer = parquet_encoding.encode_table(values, header)
    facts = {
        "kind": kind,
        "header": header.to_json(),
        "first_ms": int(times.min()),
        "last_ms": int(times.max()),
        "rows": len(times),
        "crc": zlib.crc32(chunks_bytes),
    }
    return chunks_bytes + pack_block(facts, footer) + footer + len(footer).to_bytes(4, "little") + PARQUET_MAGIC


def verify(path: str) -> TableBlock:
    """Check all bytes of a table and return the facts in its block.

    Raises: FileNotFoundError if it does not exist, or another OSError.
    Raises: BadFileError if it is damaged, or was not written by fgm.
    """
    return _read(path)[0]


def has_padding(path: str) -> bool:
    """Return whether the pages of a table are longer than their values. ClickHouse cannot read such a file.

    Raises: as `verify`.
    """
    details, data = _read(path)
    try:
        return uncompressed_size(data[len(PARQUET_MAGIC) :]) > 8 * details.rows  # the first column is the time
    except ValueError as error:
        raise BadFileError(path, str(error)) from error


def rows(path: str) -> list[Row]:
    """Return the rows of a table.

    Raises: as `verify`.
    """
    return [row for group in groups(path) for row in group]


def groups(path: str) -> Iterator[list[Row]]:
    """Return the rows of a table in groups, so that they are not all in memory as objects.

    Raises: as `verify`.
    """
    details, values = columns(path, {name for row in ROWS.values() for name in row._fields})
    kind, names = ROWS[details.kind], _fields(details)

    def group(part: slice) -> list[Row]:
        by_row = zip(*(_plain(values[name], part) for name in names), strict=True)
        return [kind(**dict(zip(names, row, strict=True))) for row in by_row]

    return (group(slice(first, first + _GROUP_ROWS)) for first in range(0, details.rows, _GROUP_ROWS))


def _plain(column: Column, part: slice) -> list[Any]:
    """Return values of a column, with None for null."""
    if isinstance(column, Texts):
        return [column.values[code] if code >= 0 else None for code in column.codes[part].tolist()]
    if column.dtype.kind == "i":
        return list(column[part].tolist())
    return [None if math.isnan(value) else value for value in column[part].tolist()]


def columns(path: str, wanted: Collection[str], dir_fd: int | None = None) -> tuple[TableBlock, dict[str, Column]]:
    """Return the facts in the block of a table, and some of its columns.

    `wanted`: fields of a row. A column that the table does not have, because it is older, is not in the result.
    `dir_fd`: folder that `path` is relative to.

    Raises: as `verify`.
    """
    details, data = _read(path, dir_fd)
    types = {name: _TYPES.get(name, "number") for name in _fields(details)}
    try:
        return details, read_columns(data, types, details.rows, set(wanted) & types.keys())
    except (ArithmeticError, LookupError, ValueError) as error:
        raise BadFileError(path, f"malformed pages: {error or type(error).__name__}") from error


def _fields(details: TableBlock) -> list[str]:
    is_older = details.header.format_version < 3
    return [name for name in ROWS[details.kind]._fields if not (is_older and name in _ADDED_IN_3[details.kind])]


def _column_name(field: str) -> str:
    return field.removesuffix("_ms") if _TYPES.get(field) == "time" else field


def _read(path: str, dir_fd: int | None = None) -> tuple[TableBlock, bytes]:
    fd = open_regular(path, dir_fd)
    try:
        size = os.fstat(fd).st_size
        if size > MAX_FILE_BYTES:
            raise BadFileError(path, f"it has {size} bytes, more than any table of fgm")
        block, block_at = read_block(path, fd)
        data = os.pread(fd, size, 0)
    finally:
        os.close(fd)
    try:
        facts = json.loads(block)
        details, crc = _from_json(facts), int(facts["crc"])
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise BadFileError(path, f"malformed block: {error}") from error
    if zlib.crc32(data[:block_at]) != crc:
        raise BadFileError(path, "its columns do not match their checksum")
    return details, data


def _from_json(facts: Mapping[str, Any]) -> TableBlock:
    if facts["kind"] not in ROWS:
        raise ValueError(f"{facts['kind']!r} is not a kind of table")
    header = FileHeader.from_json(facts["header"])
    return TableBlock(facts["kind"], header, int(facts["first_ms"]), int(facts["last_ms"]), int(facts["rows"]))
