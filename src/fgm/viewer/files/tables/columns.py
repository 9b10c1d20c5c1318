"""Columns of a table: which rows of them, and those of several tables together."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fgm.store.parquet.table_pages import Column, Texts

Columns = dict[str, Column]
"""Columns of equal length, by field."""


def size_of(columns: Columns) -> int:
    """Return the number of rows."""
    column = next(iter(columns.values()))
    return len(column.codes if isinstance(column, Texts) else column)


def times_of(columns: Columns) -> NDArray[np.int64]:
    """Return the column of times.

    Shape: int64[rows].
    """
    time_ms = columns["time_ms"]
    assert not isinstance(time_ms, Texts)
    return time_ms.astype(np.int64, copy=False)


def rows_of(columns: Columns, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Columns:
    """Return some of the rows. `chosen`: a mask, or positions in the wanted order."""
    return {name: rows(column, chosen) for name, column in columns.items()}


def rows(column: Column, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> Column:
    """Return some of the rows of a column."""
    return Texts(column.codes[chosen], column.values) if isinstance(column, Texts) else column[chosen]


def joined(tables: Sequence[Columns]) -> Columns:
    """Return the rows of several tables, without those that are equal to another one in all of these columns.

    A column that a table does not have, because it is older, is null in its rows.
    """
    fields = dict.fromkeys(field for table in tables for field in table)
    columns = {field: _joined(field, tables) for field in fields}
    bits = np.column_stack([_bits(column) for column in columns.values()])
    _, first = np.unique(bits, axis=0, return_index=True)
    return rows_of(columns, np.sort(first))


def _joined(field: str, tables: Sequence[Columns]) -> Column:
    parts = [(table.get(field), size_of(table)) for table in tables]
    if not any(isinstance(part, Texts) for part, _ in parts):
        return np.concatenate([np.full(size, np.nan) if part is None else part for part, size in parts])
    codes: dict[str, int] = {}
    numbers = []
    for part, size in parts:
        if not isinstance(part, Texts):
            numbers.append(np.full(size, -1, np.int32))
            continue
        new = np.array([*(codes.setdefault(text, len(codes)) for text in part.values), -1], np.int32)
        numbers.append(new[part.codes])  # the code -1 of null is the last one
    return Texts(np.concatenate(numbers), list(codes))


def _bits(column: Column) -> NDArray[np.int64]:
    return column.codes.astype(np.int64) if isinstance(column, Texts) else column.view(np.int64)
