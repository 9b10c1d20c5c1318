"""Rows of a table in compact columns: a number takes 8 bytes, and a text 4 and once its own size.

As objects with equal texts that JSON has decoded one by one, the same rows take ten times as much.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgm.store.parquet.column_pages import ColumnType
from fgm.store.parquet.table_pages import Column, Texts

_NAN = float("nan")
_CODES: Mapping[ColumnType, str] = {"text": "i", "time": "q", "integer": "q", "number": "d"}
"""Types of the arrays, see the module `array`."""


class RowColumns:
    """The columns of rows that were added one after the other. Rows that are equal count once."""

    def __init__(self, types: Mapping[str, ColumnType]) -> None:
        """`types`: the type of each field of a row, in the order of the fields."""
        self._types = types
        self._arrays: dict[str, array[Any]] = {name: array(_CODES[kind]) for name, kind in types.items()}
        self._texts: dict[str, dict[str | None, int]] = {
            name: {None: -1} for name, kind in types.items() if kind == "text"
        }
        self.added = 0

    def extend(self, rows: Iterable[Sequence[Any]]) -> None:
        """Add rows. A value may be None, if it is a text or a number that is not an integer."""
        for name, values in zip(self._types, zip(*rows, strict=True), strict=False):
            if (codes := self._texts.get(name)) is not None:
                self._arrays[name].extend([codes.setdefault(value, len(codes) - 1) for value in values])
            else:
                self._arrays[name].extend([_NAN if value is None else value for value in values])
        self.added = len(next(iter(self._arrays.values())))

    def in_order(self, by: Sequence[str]) -> dict[str, Column]:
        """Return the columns, with their rows sorted by these fields and then by the others."""
        columns = {name: self._column(name) for name in self._types}
        bits = {name: _bits(column) for name, column in columns.items()}
        keys = [*by, *(name for name in self._types if name not in by)]
        order = np.lexsort([bits[name] for name in reversed(keys)])
        is_new = np.zeros(max(len(order) - 1, 0), np.bool_)
        for name in keys:
            ordered = bits[name][order]
            is_new |= ordered[1:] != ordered[:-1]
        order = order[np.append(np.ones(min(len(order), 1), np.bool_), is_new)]
        return {name: _in_order(column, order) for name, column in columns.items()}

    def _column(self, name: str) -> Column:
        values = self._arrays[name]
        kind = self._types[name]
        if kind == "number":
            return np.frombuffer(values, np.float64)
        if kind != "text":
            return np.frombuffer(values, np.int64)
        codes = self._texts[name]
        texts = sorted(text for text in codes if text is not None)
        rank = np.full(len(codes), -1, np.int32)  # the last one is that of null, whose code is -1
        rank[[codes[text] for text in texts]] = np.arange(len(texts), dtype=np.int32)
        return Texts(rank[np.frombuffer(values, np.int32)], texts)


def _bits(column: Column) -> NDArray[Any]:
    """Return integers that are equal if the values are, also if they are NaN. For texts, they have their order."""
    return column.codes if isinstance(column, Texts) else column.view(np.int64)


def _in_order(column: Column, order: NDArray[np.intp]) -> Column:
    return column._replace(codes=column.codes[order]) if isinstance(column, Texts) else column[order]
