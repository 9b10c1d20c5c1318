"""Tables of a window or of an hour: top processes, with --verbose-perf-risk their memory regions, and labelled values.

The files are plain Parquet, with one row per process (or region, or label) and instant. Like metrics files, they have
a block between the last column chunk and the footer, so that damage is detected before a library opens the file.
"""

import io
import math
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from fgm.store.directory.layout import TableKind
from fgm.store.parquet.table_pages import Column, Texts
from fgm.store.samples.header import FileHeader
from fgm.store.tables.row_columns import RowColumns
from fgm.store.tables.table_block import TableBlock
from fgm.store.tables.table_file import TableFile
from fgm.store.tables.table_rows import ORDER, ROWS, Row, field_types
from fgm.store.tables.table_writer import write_table

_GROUP_ROWS = 1000
"""Maximum number of rows of a table that are objects at the same time."""


def row_columns(kind: TableKind) -> RowColumns:
    """Return empty columns for the rows of a table."""
    return RowColumns(field_types(kind))


def encode(kind: TableKind, rows: RowColumns | Iterable[Row], header: FileHeader) -> bytes:
    """Return the bytes of a table, with its rows sorted by series, then by process or label, then by time.

    Raises: ValueError if there are no rows.
    """
    if not isinstance(rows, RowColumns):
        added = row_columns(kind)
        added.extend(rows)
        rows = added
    file = io.BytesIO()
    write_table(file, kind, header, rows.in_order(ORDER[kind]).__getitem__)
    return file.getvalue()


def verify(path: str) -> TableBlock:
    """Check all bytes of a table and return the facts in its block.

    Raises: FileNotFoundError if it does not exist, or another OSError.
    Raises: BadFileError if it is damaged, or was not written by fgm.
    """
    with TableFile.open(path) as table:
        table.verify()
        return table.block


def has_padding(path: str) -> bool:
    """Return whether the pages of a table are longer than their values. ClickHouse cannot read such a file.

    Raises: as `verify`.
    """
    with TableFile.open(path) as table:
        return table.has_padding


def rows(path: str) -> list[Row]:
    """Return the rows of a table, after all of its bytes were checked.

    Raises: as `verify`.
    """
    return [row for group in groups(path) for row in group]


def groups(path: str) -> Iterator[list[Row]]:
    """Return the rows of a table in groups, so that they are not all in memory as objects.

    Raises: as `verify`.
    """
    with TableFile.open(path) as table:
        table.verify()
        block, names = table.block, tuple(table.types)
        values = table.columns(names)
    kind = ROWS[block.kind]

    def group(part: slice) -> list[Row]:
        by_row = zip(*(_plain(values[name], part) for name in names), strict=True)
        return [kind(**dict(zip(names, row, strict=True))) for row in by_row]

    return (group(slice(first, first + _GROUP_ROWS)) for first in range(0, block.rows, _GROUP_ROWS))


def columns(path: str, wanted: Collection[str], dir_fd: int | None = None) -> tuple[TableBlock, dict[str, Column]]:
    """Return the facts in the block of a table, and some of its columns.

    `wanted`: fields of a row. A column that the table does not have, because it is older, is not in the result.
    `dir_fd`: folder that `path` is relative to.

    Raises: as `verify`, but only the bytes of these columns are checked.
    """
    with TableFile.open(path, dir_fd) as table:
        return table.block, table.columns(wanted)


def _plain(column: Column, part: slice) -> list[Any]:
    """Return values of a column, with None for null."""
    if isinstance(column, Texts):
        return [column.values[code] if code >= 0 else None for code in column.codes[part].tolist()]
    if column.dtype.kind == "i":
        return list(column[part].tolist())
    return [None if math.isnan(value) else value for value in column[part].tolist()]
