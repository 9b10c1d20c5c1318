"""Merges the tables of one kind of an hour into one, column by column, so that its rows are never all in memory.

Rows that are equal in all columns count once. A table of a window and its journal may both exist after a kill, and a
window that was merged may have been recorded again.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.store.directory.layout import TableKind
from fgm.store.errors import BadFileError
from fgm.store.parquet.table_pages import Column, Texts
from fgm.store.parquet.window_block import Source
from fgm.store.tables.table_block import TableBlock
from fgm.store.tables.table_file import TableFile
from fgm.store.tables.table_rows import ORDER, RUN_FIELDS, field_types
from fgm.store.tables.table_writer import write_table

MAX_TABLES = 3_700
"""Maximum number of tables that are merged into one: an hour of windows of one second, and some more."""
MAX_ROWS = 2_000_000
"""Maximum number of rows of a merged table, which is that of 40 full windows. Merging them takes 90 MiB of memory."""


class Merged(NamedTuple):
    """The result of a merge. `block`: facts of the new table; None if nothing was written.

    `skipped`: path and reason of the tables whose rows are not in it; the others are `block.sources`.
    """

    block: TableBlock | None
    skipped: tuple[tuple[str, str], ...]


def merge_tables(file: BinaryIO, kind: TableKind, paths: Sequence[str]) -> Merged:
    """Write the rows of some tables as one table, from the beginning of an empty file.

    `paths`: the earlier merged table of the hour, if there is one, then the tables of windows. A damaged table, and one
    of another node than the newest, is left out.

    Raises: OSError if a table cannot be read (it may vanish at any time), or the new one cannot be written.
    Raises: BadFileError if a table was damaged or replaced meanwhile.
    Raises: ValueError if there are too many tables or rows.
    """
    if len(paths) > MAX_TABLES:
        raise ValueError(f"{len(paths)} tables are more than an hour has")
    blocks, skipped = dict[str, TableBlock](), list[tuple[str, str]]()
    for path in paths:
        try:
            blocks[path] = _checked(path, kind)
        except BadFileError as error:
            skipped.append((path, error.reason))
    if not blocks:
        return Merged(None, tuple(skipped))
    newest = max(blocks.values(), key=lambda block: block.last_ms).header
    for path, block in list(blocks.items()):
        if block.header.node_name != newest.node_name:
            skipped.append((path, f"it is of the node {block.header.node_name}, not {newest.node_name}"))
            del blocks[path]
    sources = {source.name: source for path, block in blocks.items() for source in _sources(path, block)}
    block = write_table(file, kind, newest, _Rows(kind, blocks).column, tuple(sources.values()))
    return Merged(block, tuple(skipped))


def _checked(path: str, kind: TableKind) -> TableBlock:
    with TableFile.open(path) as table:
        table.verify()
        if table.block.kind != kind:
            raise BadFileError(path, f"it is a table of {table.block.kind}")
        return table.block


def _sources(path: str, block: TableBlock) -> Sequence[Source]:
    return block.sources or (Source(os.path.basename(path), block.fingerprint),)


class _Rows:
    """The rows of all tables in their order. Only one column is in memory at a time."""

    def __init__(self, kind: TableKind, blocks: Mapping[str, TableBlock]) -> None:
        """Find the order of the rows.

        Raises: OSError; BadFileError if a table was damaged or replaced; ValueError if there are too many rows.
        """
        self._types = field_types(kind)
        self._blocks = blocks
        self._rows = sum(block.rows for block in blocks.values())
        if self._rows > MAX_ROWS:
            raise ValueError(f"{self._rows} rows are more than an hour has: {MAX_ROWS}")
        order = self._sorted(kind)
        self._count = len(order)
        self._place = np.full(self._rows, -1, np.int32)
        """For each row, table by table: its place in the new table; -1 if an equal one is there."""
        self._place[order] = np.arange(len(order), dtype=np.int32)

    def column(self, field: str) -> Column:
        """Return the column of a field."""
        if self._types[field] != "text":
            values = np.empty(self._count) if self._types[field] == "number" else np.empty(self._count, np.int64)
            for rows, part in self._parts(field):
                place = self._place[rows]
                values[place[place >= 0]] = _numbers(part)[place >= 0]
            return values
        parts = [(self._place[rows], _texts(part)) for rows, part in self._parts(field)]
        names = sorted({name for _, part in parts for name in part.values})
        codes = {name: code for code, name in enumerate(names)}
        ordered = np.empty(self._count, np.int32)
        for place, part in parts:
            new = np.array([*(codes[name] for name in part.values), -1], np.int32)  # the last one is that of null
            ordered[place[place >= 0]] = new[part.codes[place >= 0]]
        return Texts(ordered, names)

    def _parts(self, *fields: str) -> Iterator[tuple[slice, Column]]:
        """Yield a column table by table, or several: which rows it has, and the values."""
        first = 0
        for path, block in self._blocks.items():
            with TableFile.open(path) as table:
                if table.block.fingerprint != block.fingerprint:
                    raise BadFileError(path, "it was replaced while it was being merged")
                columns = table.columns(fields)
            for field in fields:
                yield slice(first, first + block.rows), columns.get(field, self._nulls(field, block.rows))
            first += block.rows

    def _nulls(self, field: str, rows: int) -> Column:
        """Return the column of a field that an older table does not have."""
        return Texts(np.full(rows, -1, np.int32), ()) if self._types[field] == "text" else np.full(rows, np.nan)

    def _sorted(self, kind: TableKind) -> NDArray[np.int32]:
        """Return the rows in their order, each of several equal ones once.

        The rows of one series are sorted at a time: sorting all takes several times the memory of a column.
        """
        keys = [self._key(field) for field in ORDER[kind][len(RUN_FIELDS[kind]) :]]
        order, done, twins = np.empty(self._rows, np.int32), 0, list[NDArray[np.int32]]()
        for parts in self._series(kind):
            rows = np.concatenate([np.arange(part.start, part.stop, dtype=np.int32) for part in parts])
            rows = rows[np.lexsort([key[rows] for key in reversed(keys)])]
            is_same = np.ones(len(rows) - 1, np.bool_)
            for key in keys:
                is_same &= key[rows[1:]] == key[rows[:-1]]
            if is_same.any():
                twins += np.split(rows, np.flatnonzero(~is_same) + 1)
            order[done : done + len(rows)] = rows
            done += len(rows)
        twins = [rows for rows in twins if len(rows) > 1]
        if not twins:
            return order
        return order[
            ~np.isin(order, self._equal_ones(twins, [name for name in self._types if name not in ORDER[kind]]))
        ]

    def _key(self, field: str) -> NDArray[np.int32] | NDArray[np.int64]:
        """Return numbers with the order of a column, with 32 bits if they suffice."""
        if self._types[field] == "text":
            parts = [_texts(part) for _, part in self._parts(field)]
            ranks = {name: rank for rank, name in enumerate(sorted({name for part in parts for name in part.values}))}
            return np.concatenate([np.array([*(ranks[n] for n in p.values), -1], np.int32)[p.codes] for p in parts])
        is_large = field == "start_time_ms"
        first_ms = min(block.first_ms for block in self._blocks.values()) if field == "time_ms" else 0
        key = np.empty(self._rows, np.int64) if is_large else np.empty(self._rows, np.int32)
        for rows, part in self._parts(field):
            key[rows] = _numbers(part) - first_ms
        return key

    def _series(self, kind: TableKind) -> list[list[slice]]:
        """Return the rows of each series, in the order of the series."""
        parts: dict[tuple[str | None, ...], list[slice]] = {}
        columns = list[Texts]()
        for rows, part in self._parts(*RUN_FIELDS[kind]):
            columns.append(_texts(part))
            if len(columns) < len(RUN_FIELDS[kind]):
                continue
            changes = np.zeros(rows.stop - rows.start - 1, np.bool_)
            for column in columns:
                changes |= column.codes[1:] != column.codes[:-1]
            firsts = [0, *(np.flatnonzero(changes) + 1).tolist(), rows.stop - rows.start]
            for first, end in pairwise(firsts):
                texts = tuple(_text(column, first) for column in columns)
                parts.setdefault(texts, []).append(slice(rows.start + first, rows.start + end))
            columns.clear()
        return [parts[texts] for texts in sorted(parts, key=lambda texts: [(text is not None, text) for text in texts])]

    def _equal_ones(self, twins: Sequence[NDArray[np.int32]], fields: Sequence[str]) -> NDArray[np.int32]:
        """Return all but one of the rows that are equal in all columns. `twins`: rows with equal keys."""
        rows = np.concatenate(twins)
        group = np.repeat(np.arange(len(twins)), [len(each) for each in twins])
        hashes = np.zeros(len(rows), np.uint64)
        for field in fields:
            if self._types[field] == "text":
                values = self._key(field)[rows].astype(np.int64)
            else:
                whole = np.empty(self._rows)
                for part_rows, part in self._parts(field):
                    whole[part_rows] = _numbers(part)
                values = whole[rows].view(np.int64)
            hashes = _mixed(hashes ^ values.view(np.uint64))
        order = np.lexsort((rows, hashes, group))
        is_equal = (np.diff(group[order]) == 0) & (hashes[order][1:] == hashes[order][:-1])
        equal_ones: NDArray[np.int32] = rows[order[1:][is_equal]]
        return equal_ones


def _texts(column: Column) -> Texts:
    assert isinstance(column, Texts)
    return column


def _numbers(column: Column) -> NDArray[np.int64] | NDArray[np.float64]:
    assert not isinstance(column, Texts)
    return column


def _text(column: Texts, row: int) -> str | None:
    code = int(column.codes[row])
    return column.values[code] if code >= 0 else None


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return numbers whose bits all depend on all bits of the given ones (the finalizer of SplitMix64)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
