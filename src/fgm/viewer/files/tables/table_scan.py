"""Reads the tables of a range from the oldest to the newest, each row once, also while they change.

A window that is among the sources of a merged hour is not read. Other tables of that hour are read together with it,
because their times may overlap: they were recorded late, or again after the clock was set back. If a window vanishes
before it was read, the hour was merged meanwhile, and its rows from there on are read from the merged table.
"""

from collections.abc import Iterator

import numpy as np

from fgm.store.errors import BadFileError
from fgm.store.parquet.table_pages import Texts
from fgm.store.parquet.window_block import Source
from fgm.store.tables.table_file import TableFile
from fgm.store.tables.table_rows import RUN_FIELDS
from fgm.viewer.files.listing.folder_listing import EARLIER_WINDOWS
from fgm.viewer.files.tables.columns import Columns, joined, rows_of, size_of, times_of
from fgm.viewer.files.tables.table_files import NamedTable, TableFiles, TableQuestion, closed, hour_of

_ALWAYS_MS = -(1 << 62)


class TableScan:
    """The tables for one question. `skipped_files`: number of those that could not be read so far. Not thread-safe."""

    def __init__(self, tables: TableFiles, question: TableQuestion) -> None:
        """List the tables. May block."""
        self.skipped_files = 0
        self._tables, self._question = tables, question
        self._left = tables.between(question.from_ms, question.to_ms, question.kind)[::-1]
        self._parts = self._all_parts()

    def next_part(self) -> Columns | None:
        """Return the next rows, or None after the last ones. May block.

        Rows of one series that are returned later have later times, except those of tables of several writers.
        """
        return next(self._parts, None)

    def _all_parts(self) -> Iterator[Columns]:
        while self._left:
            table = self._left.pop()
            try:
                if table.is_hour:
                    yield from self._of_hour(table, _ALWAYS_MS)
                elif table.is_journal:
                    yield from filter(None, [self._tables.of_journal(table, self._question)])
                else:
                    yield from self._of_window(table)
            except FileNotFoundError:
                # The window was closed after its journal was listed, or merged after its table was.
                if table.is_journal:
                    self._left.append(closed(table, self._question.kind))
                elif not table.is_hour:
                    yield from self._of_hour(hour_of(table, self._question.kind), table.start_ms)
            except (BadFileError, OSError):
                self.skipped_files += 1

    def _of_window(self, table: NamedTable) -> Iterator[Columns]:
        file = self._tables.opened(table, self._question)
        if file is not None:
            with file:
                yield from self._tables.parts(table, file, self._question)

    def _of_hour(self, hour: NamedTable, since_ms: int) -> Iterator[Columns]:
        """Yield the rows of a merged table from `since_ms` on, and those of the other tables of the hour."""
        try:
            file = self._tables.opened(hour, self._question)
        except FileNotFoundError:
            return  # retention has removed it, or what vanished was not merged
        if file is None:
            return
        with file:
            others = self._others(hour, file)
            if others is None:  # another merge has replaced the table since it was opened
                yield from self._of_hour(hour, since_ms)
                return
            earlier_ms = EARLIER_WINDOWS * file.block.header.rotation_s * 1000
            since_ms = max(since_ms, self._question.from_ms - earlier_ms)
            try:
                for part in self._tables.parts(hour, file, self._question):
                    rows = rows_of(part, times_of(part) >= since_ms)
                    if others:
                        rows, others = self._with_others(rows, others)
                    if size_of(rows):
                        yield rows
            except (BadFileError, OSError):
                self.skipped_files += 1
            if others and size_of(others):
                yield others

    def _others(self, hour: NamedTable, file: TableFile) -> Columns | None:
        """Return the rows of those tables of an hour that are not in its merged table, and do not list them any more.

        None if one of them is gone, and not in the merged table either.
        """
        sources = file.block.sources
        listed = [table for table in self._left if table.hour == hour.hour]
        rows = list[Columns]()
        for table in reversed(listed):
            name = (closed(table, self._question.kind) if table.is_journal else table).name
            try:
                if table.is_journal:
                    rows += filter(None, [self._tables.of_journal(table, self._question)])
                    continue
                other = self._tables.opened(table, self._question)
                if other is not None:
                    with other:
                        if Source(name, other.block.fingerprint) not in sources:
                            rows += self._tables.parts(table, other, self._question)
            except FileNotFoundError:
                if name in {source.name for source in sources}:
                    continue
                at = self._left.index(table)
                self._left[at : at + 1] = [closed(table, self._question.kind)] if table.is_journal else []
                return None
            except (BadFileError, OSError):
                self.skipped_files += 1
        self._left = [table for table in self._left if table.hour != hour.hour]
        return joined(rows) if rows else {}

    def _with_others(self, part: Columns, others: Columns) -> tuple[Columns, Columns]:
        """Add the rows of other tables that belong to a series of `part`. Return it, and the rows that are left."""
        series = set(self._series(part))
        is_member = np.array([each in series for each in self._series(others)], np.bool_)
        return joined([part, rows_of(others, is_member)]), rows_of(others, ~is_member)

    def _series(self, columns: Columns) -> Iterator[tuple[str | None, ...]]:
        """Yield the texts that say which series each row belongs to."""
        texts = [column for field in RUN_FIELDS[self._question.kind] if isinstance(column := columns.get(field), Texts)]
        names = [[*column.values, None] for column in texts]
        for codes in zip(*(column.codes.tolist() for column in texts), strict=True):
            yield tuple(each[code] for each, code in zip(names, codes, strict=True))
