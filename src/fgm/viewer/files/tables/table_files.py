"""Finds tables by the names of files, and reads them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fgm.store.directory import layout
from fgm.store.directory.layout import TableKind
from fgm.store.errors import BadFileError
from fgm.store.parquet.table_pages import Column, Texts
from fgm.store.samples.header import FileHeader
from fgm.store.tables import table_journal
from fgm.store.tables.table_file import Choose, TableFile
from fgm.store.tables.table_rows import ROWS, RUN_FIELDS, Row
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.listing.folder_listing import EARLIER_WINDOWS
from fgm.viewer.files.skipped_files import SkippedFiles, reason_of
from fgm.viewer.files.tables.columns import Columns, rows_of, size_of

MAX_PART_ROWS = 50_000
"""Maximum number of rows that are read from a merged table at a time, or those of one series if there are more."""


@dataclass(frozen=True, slots=True)
class NamedTable:
    """One table, or the journal of one. `start_ms`: start of its window or hour. `folder`: below the data directory."""

    start_ms: int
    is_journal: bool
    folder: str
    name: str
    is_hour: bool = False

    @property
    def path(self) -> str:
        """The path relative to the data directory."""
        return f"{self.folder}/{self.name}"

    @property
    def hour(self) -> tuple[str, int]:
        """The folder, and the start of the hour in which it starts."""
        return self.folder, self.start_ms - self.start_ms % layout.HOUR_MS


@dataclass(frozen=True, slots=True)
class TableQuestion:
    """Which rows of which tables are wanted. `from_ms`, `to_ms`: the range [from_ms, to_ms) of their times.

    Rows of the windows before the range may be among those that are read. `fields`: the wanted columns; `choose`: the
    wanted series; `node_name`: the node whose tables are wanted, None for all.
    """

    kind: TableKind
    from_ms: int
    to_ms: int
    fields: Sequence[str]
    choose: Choose
    node_name: str | None


class TableFiles:
    """The tables of a data directory. Thread-safe; all methods may block."""

    def __init__(self, files: DataFiles, skipped: SkippedFiles) -> None:
        self._files, self._skipped = files, skipped

    def between(self, from_ms: int, to_ms: int, kind: TableKind = "processes") -> list[NamedTable]:
        """Return the tables that may have rows in [from_ms, to_ms), oldest first: an hour, a window, then its journal.

        The last windows before the range are among them, because the length of a window is not in its name.
        """
        tables: list[NamedTable] = []
        for _, folder in self._files.folders_between(from_ms, to_ms):
            parsed = [_parse(folder, name, kind) for name in self._files.table_names(folder)]
            before = [table for table in parsed if table is not None and table.start_ms < to_ms]
            earlier = sorted({table.start_ms for table in before if table.start_ms < from_ms})
            first_ms = min(from_ms, *earlier[-EARLIER_WINDOWS:], from_ms)
            tables += [
                table
                for table in before
                if table.start_ms >= first_ms or (table.is_hour and table.start_ms + layout.HOUR_MS > from_ms)
            ]
        return sorted(tables, key=lambda table: (table.start_ms, not table.is_hour, table.is_journal, table.folder))

    def opened(self, table: NamedTable, question: TableQuestion) -> TableFile | None:
        """Open a closed table. Return None if it belongs to another node. The caller must close it.

        Raises: FileNotFoundError if it has gone.
        Raises: BadFileError or OSError if it cannot be read. It is then on the list of skipped files.
        """
        try:
            with self._files.opened(table.folder) as fd:
                file = _open(table.name, fd, question.kind)
        except FileNotFoundError:
            raise
        except (BadFileError, OSError) as error:
            self._skipped.note(table.path, reason_of(error))
            raise
        if _is_of(file.block.header, question):
            return file
        file.close()
        return None

    def parts(self, table: NamedTable, file: TableFile, question: TableQuestion) -> Iterator[Columns]:
        """Yield the wanted rows of a closed table, some series at a time.

        Raises: BadFileError or OSError if it cannot be read. It is then on the list of skipped files.
        """
        try:
            yield from file.parts(question.fields, question.choose, MAX_PART_ROWS)
        except (BadFileError, OSError) as error:
            self._skipped.note(table.path, reason_of(error))
            raise
        self._skipped.forget(table.path)

    def of_journal(self, table: NamedTable, question: TableQuestion) -> Columns | None:
        """Return the wanted rows of a journal. None if it belongs to another node.

        Raises: FileNotFoundError if it has gone.
        Raises: BadFileError or OSError if it cannot be read. It is then on the list of skipped files.
        """
        try:
            with self._files.opened(table.folder) as fd:
                header, rows = self._rows_of_journal(table, fd, question.kind)
        except FileNotFoundError:
            raise
        except (BadFileError, OSError) as error:
            self._skipped.note(table.path, reason_of(error))
            raise
        if header is None or not _is_of(header, question) or not rows:
            return None
        of_series = {field: _texts([getattr(row, field) for row in rows]) for field in RUN_FIELDS[question.kind]}
        columns = rows_of(_columns(rows, question.kind, question.fields), question.choose(of_series))
        return columns if size_of(columns) else None

    def _rows_of_journal(self, table: NamedTable, dir_fd: int, kind: TableKind) -> tuple[FileHeader | None, list[Row]]:
        """Return the rows before any damage, and put a damaged journal on the list of skipped files."""
        header, rows = None, list[Row]()
        try:
            for header, group in table_journal.read(table.name, dir_fd):  # noqa: B007 - all headers are of one node
                rows += group
            self._skipped.forget(table.path)
        except BadFileError as error:
            if not rows:
                raise
            self._skipped.note(table.path, error.reason)
        if any(not isinstance(row, ROWS[kind]) for row in rows):
            raise BadFileError(table.name, f"it has other rows than those of {kind}")
        return header, rows


def closed(journal: NamedTable, kind: TableKind) -> NamedTable:
    """Return the table that a journal becomes."""
    return replace(journal, is_journal=False, name=layout.table_name(kind, journal.start_ms))


def hour_of(window: NamedTable, kind: TableKind) -> NamedTable:
    """Return the merged table of the hour of a window. It need not exist."""
    folder, hour_ms = window.hour
    name = layout.table_hour_name(kind, hour_ms)
    return NamedTable(hour_ms, is_journal=False, folder=folder, name=name, is_hour=True)


def _open(name: str, dir_fd: int, kind: TableKind) -> TableFile:
    file = TableFile.open(name, dir_fd)
    if file.block.kind != kind:
        file.close()
        raise BadFileError(name, f"it is a table of {file.block.kind}")
    return file


def _is_of(header: FileHeader, question: TableQuestion) -> bool:
    return None in {header.node_name, question.node_name} or header.node_name == question.node_name


def _parse(folder: str, name: str, kind: TableKind) -> NamedTable | None:
    hour, window, journal = (
        layout.parse_table_hour_name(name),
        layout.parse_table_name(name),
        layout.parse_table_journal_name(name),
    )
    parsed = hour or window or journal
    if parsed is None or parsed[0] != kind:
        return None
    return NamedTable(parsed[1], journal is not None, folder, name, hour is not None)


def _columns(rows: Sequence[Row], kind: TableKind, fields: Sequence[str]) -> Columns:
    types = ROWS[kind].__annotations__
    return {field: _column(types[field], [getattr(row, field) for row in rows]) for field in fields}


def _column(kind: object, values: Sequence[object]) -> Column:
    if kind is int:
        return np.array(values, np.int64)
    if kind in {float, float | None}:
        return np.array(values, np.float64)
    return _texts(values)


def _texts(values: Sequence[object]) -> Texts:
    codes: dict[object, int] = {}
    numbers = [-1 if value is None else codes.setdefault(value, len(codes)) for value in values]
    return Texts(np.array(numbers, np.int32), [str(value) for value in codes])
