"""The rows of process tables and labelled tables that a pack contains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgm.store.directory import layout
from fgm.store.directory.layout import TableKind
from fgm.store.parquet.table_pages import Column, Texts
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Scope, Series
from fgm.store.tables import process_tables
from fgm.store.tables.row_columns import RowColumns
from fgm.store.tables.table_rows import field_types
from fgm.viewer.files.tables.columns import Columns, rows_of, size_of, times_of
from fgm.viewer.files.tables.table_files import TableFiles, TableQuestion
from fgm.viewer.files.tables.table_scan import TableScan
from fgm.viewer.packs.redaction.redaction import Redaction

KINDS: tuple[TableKind, ...] = ("processes", "labelled")
"""Kinds of tables that are in packs."""
LEAD_MS = 60_000
"""Time before the range whose rows are kept, too: the first CPU use of a process is computed from them."""
MAX_ROWS = 300_000
"""Maximum number of rows of one kind, which take 40 MB while they are sorted."""
_GROUP_ROWS = 1_000
"""Number of rows that are objects at the same time."""


class MiniTables:
    """Reads the rows of one kind of the chosen series in [from_ms - LEAD_MS, to_ms), with other names.

    `is_cut`: whether rows are left out, because there are more than MAX_ROWS.
    """

    def __init__(
        self, kind: TableKind, keys: frozenset[str], within: tuple[int, int], node_name: str | None, names: Redaction
    ) -> None:
        """`keys`: of the series (`Series.key`); `within`: the range; `node_name`: of the tables."""
        self.kind, self.is_cut = kind, False
        self._keys, self._within, self._node_name, self._names = keys, within, node_name, names
        self._types = field_types(kind)
        self._by_hour: dict[int, RowColumns] = {}
        self._rows = 0

    def read(self, tables: TableFiles) -> Iterator[None]:
        """Read the tables, step by step. Tables that cannot be read are skipped, as in queries."""
        from_ms, to_ms = self._within
        question = TableQuestion(self.kind, from_ms - LEAD_MS, to_ms, tuple(self._types), self._choose, self._node_name)
        scan = TableScan(tables, question)
        while (part := scan.next_part()) is not None:
            self._add(part)
            yield

    def tables(self, header: FileHeader) -> Iterator[tuple[int, bytes]]:
        """Yield the start of each hour with rows, and its table. `header`: with other names."""
        for hour_ms in sorted(self._by_hour):
            yield hour_ms, process_tables.encode(self.kind, self._by_hour.pop(hour_ms), header)

    def _choose(self, series: Mapping[str, Texts]) -> NDArray[np.bool_]:
        """Return which runs of rows belong to the chosen series."""
        codes = np.stack([column.codes for column in series.values()])
        kinds, inverse = np.unique(codes, axis=1, return_inverse=True)
        columns = [
            _texts(Texts(of_kind, column.values)) for of_kind, column in zip(kinds, series.values(), strict=True)
        ]
        keys = (self._key(dict(zip(series, texts, strict=True))) for texts in zip(*columns, strict=True))
        is_chosen = np.fromiter((key in self._keys for key in keys), np.bool_, kinds.shape[1])
        return is_chosen[inverse.reshape(-1)]

    def _key(self, of_row: Mapping[str, str | None]) -> str:
        container_id, cgroup, pod_uid = (of_row.get(name) for name in ("container_id", "cgroup", "pod_uid"))
        scope: Scope = "container" if container_id else "cgroup" if cgroup else "pod"
        if "scope" in of_row:
            scope = of_row["scope"]  # type: ignore[assignment]  # the collector writes no others
        return Series(scope, container_id=container_id, cgroup=cgroup, pod_uid=pod_uid).key

    def _add(self, part: Columns) -> None:
        from_ms, to_ms = self._within
        times_ms = times_of(part)
        part = rows_of(part, (times_ms >= from_ms - LEAD_MS) & (times_ms < to_ms))
        columns = [self._renamed(name, part.get(name), size_of(part)) for name in self._types]
        at = list(self._types).index("time_ms")
        for first in range(0, size_of(part), _GROUP_ROWS):
            rows = zip(*(_plain(column, slice(first, first + _GROUP_ROWS)) for column in columns), strict=True)
            by_hour: dict[int, list[tuple[Any, ...]]] = {}
            for row in rows:
                by_hour.setdefault(row[at] - row[at] % layout.HOUR_MS, []).append(row)
            for hour_ms, of_hour in by_hour.items():
                room = MAX_ROWS - self._rows
                self.is_cut |= len(of_hour) > room
                self._by_hour.setdefault(hour_ms, process_tables.row_columns(self.kind)).extend(of_hour[:room])
                self._rows += min(room, len(of_hour))

    def _renamed(self, name: str, column: Column | None, size: int) -> Column:
        """Return a column with other names. A column that the table does not have, because it is older, is null."""
        if column is None:
            return Texts(np.full(size, -1, np.int32), []) if self._types[name] == "text" else np.full(size, np.nan)
        if not isinstance(column, Texts):
            return column
        return Texts(column.codes, [self._names.cell(name, value) or "" for value in column.values])


def _texts(column: Texts) -> list[str | None]:
    return [column.values[code] if code >= 0 else None for code in column.codes.tolist()]


def _plain(column: Column, part: slice) -> list[Any]:
    """Return values of a column, with None for null."""
    if isinstance(column, Texts):
        return _texts(Texts(column.codes[part], column.values))
    values = column[part].tolist()
    return values if column.dtype.kind == "i" else [None if value != value else value for value in values]  # noqa: PLR0124 - NaN
