"""Tables of a window: the top processes, with --verbose-perf-risk their memory regions, and labelled values.

The files are plain Parquet, with one row per process (or region, or label) and instant. Like metrics files, they have
a block between the last column chunk and the footer. It contains the facts of `TableBlock` and a CRC32 of all bytes
before the block, so that damage is detected before a library opens the file.
"""

import json
import math
import os
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fgm.store.directory.layout import TableKind
from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.parquet import parquet_encoding
from fgm.store.parquet.block import PARQUET_MAGIC, pack_block, read_block
from fgm.store.parquet.column_chunks import ColumnValues
from fgm.store.parquet.page import uncompressed_size
from fgm.store.parquet.table_pages import Column, Texts, read_columns
from fgm.store.samples.header import FileHeader
from fgm.store.tables.row_columns import RowColumns
from fgm.store.tables.table_rows import ORDER, ROWS, Row, column_name, column_types

MAX_FILE_BYTES = 64 << 20
"""Maximum size of a table. A larger file was not written by fgm."""
_GROUP_ROWS = 1000
"""Maximum number of rows of a table that are objects at the same time."""


@dataclass(frozen=True, slots=True)
class TableBlock:
    """The facts in the block of one table. `first_ms`, `last_ms`: times of its oldest and newest row."""

    kind: TableKind
    header: FileHeader
    first_ms: int
    last_ms: int
    rows: int


def row_columns(kind: TableKind) -> RowColumns:
    """Return empty columns for the rows of a table."""
    return RowColumns(column_types(kind))


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
    columns = rows.in_order(ORDER[kind])
    times = columns["time_ms"]
    assert isinstance(times, np.ndarray)
    kinds = column_types(kind)
    values = [
        ColumnValues(column_name(name), kinds[name], column, is_nullable=kinds[name] in {"text", "number"})
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
    kind, names = ROWS[details.kind], tuple(column_types(details.kind, details.header.format_version))

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
    types = column_types(details.kind, details.header.format_version)
    try:
        return details, read_columns(data, types, details.rows, set(wanted) & types.keys())
    except (ArithmeticError, LookupError, ValueError) as error:
        raise BadFileError(path, f"malformed pages: {error or type(error).__name__}") from error


def _read(path: str, dir_fd: int | None = None) -> tuple[TableBlock, bytes]:
    fd = open_regular(path, dir_fd)
    try:
        size = os.fstat(fd).st_size
        if size > MAX_FILE_BYTES:
            raise BadFileError(path, f"it has {size} bytes, more than any table of fgm")
        block, block_at, _ = read_block(path, fd)
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
