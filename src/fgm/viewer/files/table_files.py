"""Finds and reads process tables and labelled tables, of closed windows and of the one that is being recorded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.store.directory import layout
from fgm.store.directory.layout import TableKind
from fgm.store.errors import BadFileError
from fgm.store.parquet.table_pages import Column, Texts
from fgm.store.samples.header import FileHeader
from fgm.store.tables import process_tables, table_journal
from fgm.store.tables.table_rows import ROWS, Row
from fgm.viewer.files.data_files import EARLIER_WINDOWS, DataFiles
from fgm.viewer.files.skipped_files import SkippedFiles, reason_of

FIELDS = (
    "time_ms",
    "container_id",
    "pod_uid",
    "pid",
    "start_time_ms",
    "comm",
    "cpu_usec",
    "rss_bytes",
    "threads",
    "fds",
    "cgroup",
    "late_ms",
    "children_cpu_usec",
)
"""Fields of a `ProcessRow` that are read."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """One table, or the journal of one. `start_ms`: start of its window. `folder`: below the data directory."""

    start_ms: int
    is_journal: bool
    folder: str
    name: str

    @property
    def path(self) -> str:
        """The path relative to the data directory."""
        return f"{self.folder}/{self.name}"


class Readings(NamedTuple):
    """The rows of a process table, as columns. All arrays have the same length.

    `read_at_ms`: when the process was really read. Texts are null if unknown.
    """

    time_ms: NDArray[np.int64]
    read_at_ms: NDArray[np.float64]
    container_id: Texts
    pod_uid: Texts
    cgroup: Texts
    pid: NDArray[np.int64]
    start_time_ms: NDArray[np.int64]
    comm: Texts
    cpu_usec: NDArray[np.float64]
    rss_bytes: NDArray[np.float64]
    threads: NDArray[np.float64]
    fds: NDArray[np.float64]
    children_cpu_usec: NDArray[np.float64]

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Readings":
        """Return some of the rows. `chosen`: a mask, or positions in the wanted order."""
        columns: list[Any] = [
            Texts(column.codes[chosen], column.values) if isinstance(column, Texts) else column[chosen]
            for column in self
        ]
        return Readings(*columns)


class TableFiles:
    """The tables of a data directory. Thread-safe; all methods may block."""

    def __init__(self, files: DataFiles, skipped: SkippedFiles) -> None:
        self._files, self._skipped = files, skipped

    def between(self, from_ms: int, to_ms: int, kind: TableKind = "processes") -> list[TableFile]:
        """Return the tables that may have rows in [from_ms, to_ms), oldest first, a table before its journal.

        The last windows before the range are among them, because the length of a window is not in its name.
        """
        tables: list[TableFile] = []
        for _, folder in self._files.folders_between(from_ms, to_ms):
            parsed = [_parse(folder, name, kind) for name in self._files.table_names(folder)]
            before = [file for file in parsed if file is not None and file.start_ms < to_ms]
            earlier = sorted({file.start_ms for file in before if file.start_ms < from_ms})
            first_ms = min(from_ms, *earlier[-EARLIER_WINDOWS:], from_ms)
            tables += [file for file in before if file.start_ms >= first_ms]
        return sorted(tables, key=lambda file: (file.start_ms, file.is_journal, file.folder))

    def read(self, file: TableFile, node_name: str | None) -> Readings | None:
        """Return the rows of a process table; None if it has gone, or belongs to another node.

        Raises: as `columns`.
        """
        columns = self.columns(file, node_name, "processes", FIELDS)
        return None if columns is None else _readings(columns)

    def columns(
        self, file: TableFile, node_name: str | None, kind: TableKind, fields: Sequence[str]
    ) -> dict[str, Column] | None:
        """Return columns of a table by field; None if it has gone, or belongs to another node.

        Raises: BadFileError or OSError if it cannot be read. It is then on the list of skipped files.
        """
        try:
            with self._files.opened(file.folder) as fd:
                if file.is_journal:
                    header, rows = self._rows_of_journal(file, fd, kind)
                    columns = _columns(rows, kind, fields)
                else:
                    header, columns = _read_table(file.name, fd, kind, fields)
        except FileNotFoundError:
            if not file.is_journal:
                return None
            # The window was closed after its journal was listed: now it has a table, unless that was removed.
            closed = replace(file, is_journal=False, name=layout.table_name(kind, file.start_ms))
            return self.columns(closed, node_name, kind, fields)
        except (BadFileError, OSError) as error:
            self._skipped.note(file.path, reason_of(error))
            raise
        if not file.is_journal:  # a journal may be damaged and still have rows
            self._skipped.forget(file.path)
        if header is None or (None not in (header.node_name, node_name) and header.node_name != node_name):
            return None
        return columns

    def _rows_of_journal(self, file: TableFile, dir_fd: int, kind: TableKind) -> tuple[FileHeader | None, list[Row]]:
        """Return the rows before any damage, and put a damaged journal on the list of skipped files."""
        header, rows = None, list[Row]()
        try:
            for header, group in table_journal.read(file.name, dir_fd):  # noqa: B007 - all headers are of one node
                rows += group
            self._skipped.forget(file.path)
        except BadFileError as error:
            if not rows:
                raise
            self._skipped.note(file.path, error.reason)
        if any(not isinstance(row, ROWS[kind]) for row in rows):
            raise BadFileError(file.name, f"it has other rows than those of {kind}")
        return header, rows


def _parse(folder: str, name: str, kind: TableKind) -> TableFile | None:
    table, journal = layout.parse_table_name(name), layout.parse_table_journal_name(name)
    parsed = table or journal
    if parsed is None or parsed[0] != kind:
        return None
    return TableFile(parsed[1], table is None, folder, name)


def _read_table(name: str, dir_fd: int, kind: TableKind, fields: Sequence[str]) -> tuple[FileHeader, dict[str, Column]]:
    block, columns = process_tables.columns(name, fields, dir_fd)
    if block.kind != kind:
        raise BadFileError(name, f"it is a table of {block.kind}")
    return block.header, columns


def _columns(rows: Sequence[Row], kind: TableKind, fields: Sequence[str]) -> dict[str, Column]:
    types = ROWS[kind].__annotations__
    return {field: _column(types[field], [getattr(row, field) for row in rows]) for field in fields}


def _column(kind: object, values: Sequence[object]) -> Column:
    if kind is int:
        return np.array(values, np.int64)
    if kind in {float, float | None}:
        return np.array(values, np.float64)
    codes: dict[object, int] = {}
    numbers = [-1 if value is None else codes.setdefault(value, len(codes)) for value in values]
    return Texts(np.array(numbers, np.int32), [str(value) for value in codes])


def _readings(columns: dict[str, Column]) -> Readings:
    time_ms = columns["time_ms"]
    assert not isinstance(time_ms, Texts)
    rows = len(time_ms)
    late_ms = columns.pop("late_ms", None)
    none = Texts(np.full(rows, -1, np.int32), ())
    read_at_ms = time_ms.astype(np.float64)
    if late_ms is not None:
        assert not isinstance(late_ms, Texts)
        read_at_ms += np.nan_to_num(late_ms)
    older = {"cgroup": none, "children_cpu_usec": np.full(rows, np.nan)}
    return Readings(**{**older, "read_at_ms": read_at_ms, **columns})  # type: ignore[arg-type]  # by FIELDS
