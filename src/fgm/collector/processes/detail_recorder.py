"""Records process tables: appends the rows of a window to journals, and makes tables of them when it ends."""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence

from fgm.logs import fields
from fgm.store.directory import atomic, layout
from fgm.store.directory.layout import TableKind
from fgm.store.errors import BadFileError
from fgm.store.samples.header import FileHeader
from fgm.store.tables import process_tables, table_journal
from fgm.store.tables.table_journal import TableJournal
from fgm.store.tables.table_rows import Row

MAX_ROWS = 50_000
"""Maximum number of rows of a file; further rows are dropped."""

log = logging.getLogger(__name__)

_File = tuple[int, TableKind]


class DetailRecorder:
    """The tables of the open windows. A killed collector loses no row. Used by one thread at a time.

    Journals that an earlier run left become tables together with the first window that ends in this run.
    """

    def __init__(self, data_dir: str, header: FileHeader) -> None:
        self._data_dir = data_dir
        self._header = header
        self._journals: dict[_File, TableJournal] = {}
        self._window_ms: int | None = None
        self._unclosed: dict[_File, None] | None = None
        """Files whose journal is not closed yet, and not open; None if the data directory was not searched yet."""
        self._is_failing = False

    def add(self, kind: TableKind, rows: Sequence[Row]) -> None:
        """Add rows of the same time. From here on, they are on disk."""
        if not rows:
            return
        window = layout.window_at(rows[0].time_ms, self._header.rotation_s)
        file = (window.start_ms, kind)
        try:
            journal = self._journal(file)
            if journal.count < MAX_ROWS <= journal.count + len(rows):
                log.warning(
                    "too many rows in a process table; dropping the rest of the window",
                    extra=fields(kind=kind, max_rows=MAX_ROWS),
                )
            if journal.count < MAX_ROWS:
                journal.append(rows[: MAX_ROWS - journal.count])
            self._is_failing = False
        except (OSError, BadFileError) as error:
            self._note_failure(file, len(rows), error)

    def close_before(self, time_ms: int) -> None:
        """Make tables of all windows except the one that contains `time_ms`."""
        now = layout.window_at(time_ms, self._header.rotation_s)
        has_ended = self._window_ms not in (None, now.start_ms) or any(
            start != now.start_ms for start, _ in self._journals
        )
        self._window_ms = now.start_ms
        if not has_ended:  # at the start of a run, the first ticks need not wait for the tables of earlier runs
            return
        if self._unclosed is None:
            self._unclosed = dict.fromkeys(self._left_by_earlier_runs())
        for file in [*self._unclosed, *self._journals]:
            if file[0] != now.start_ms:
                self._publish(file)

    def close(self) -> None:
        """Make tables of all windows, even if they are incomplete."""
        for file in [*(self._unclosed or {}), *self._journals]:
            self._publish(file)

    def _journal(self, file: _File) -> TableJournal:
        """Return the journal of a table. Another one is begun if its folder was removed or replaced."""
        journal = self._journals.get(file)
        if journal is not None and journal.is_in_place:
            return journal
        if journal is not None:
            self._journals.pop(file).close()
        start_ms, kind = file
        folder = self._folder(start_ms)
        atomic.make_folder(folder, within=self._data_dir)
        path = os.path.join(folder, layout.table_journal_name(kind, start_ms))
        try:
            journal = TableJournal(path, kind, self._header)
        except BadFileError as error:
            _set_aside(path, error)
            journal = TableJournal(path, kind, self._header)
        self._journals[file] = journal
        return journal

    def _publish(self, file: _File) -> None:
        """Make a table of a journal, and remove the journal. If that fails, it is tried again after the next window."""
        start_ms, kind = file
        if (journal := self._journals.pop(file, None)) is not None:
            journal.close()
        folder, name = self._folder(start_ms), layout.table_name(kind, start_ms)
        path = os.path.join(folder, layout.table_journal_name(kind, start_ms))
        rows = process_tables.row_columns(kind)
        try:
            try:
                for _, group in table_journal.read(path):
                    rows.extend(group)
            except BadFileError as error:
                _set_aside(path, error)
            if rows.added:
                for group in _earlier_rows(folder, name):  # a kill may have left both files
                    rows.extend(group)
                atomic.publish(folder, name, process_tables.encode(kind, rows, self._header))
            atomic.remove(path)
        except FileNotFoundError:
            pass  # retention has removed it, or it was set aside
        except (OSError, ValueError) as error:
            self._note_failure(file, rows.added, error)
            self._unclosed = {**(self._unclosed or {}), file: None}
            return
        if self._unclosed is not None:
            self._unclosed.pop(file, None)

    def _left_by_earlier_runs(self) -> Iterator[_File]:
        identifier = layout.identifier_folder(self._header.identifier)
        for day in sorted(filter(layout.parse_day, _names(self._data_dir))):
            for name in _names(os.path.join(self._data_dir, day, identifier)):
                parsed = layout.parse_table_journal_name(name)
                if parsed is not None and (parsed[1], parsed[0]) not in self._journals:
                    yield parsed[1], parsed[0]

    def _folder(self, start_ms: int) -> str:
        identifier = layout.identifier_folder(self._header.identifier)
        return os.path.join(self._data_dir, layout.day_folder(start_ms), identifier)

    def _note_failure(self, file: _File, rows: int, error: Exception) -> None:
        if not self._is_failing:
            name = layout.table_name(file[1], file[0])
            log.error("cannot record a process table", extra=fields(file=name, rows=rows, reason=str(error)))
        self._is_failing = True


def _earlier_rows(folder: str, name: str) -> Iterable[list[Row]]:
    """Return the rows of the window's file; it exists if the collector was restarted within the window."""
    path = os.path.join(folder, name)
    try:
        return process_tables.groups(path)
    except FileNotFoundError:
        return []
    except BadFileError as error:
        _set_aside(path, error)
        return []


def _set_aside(path: str, error: BadFileError) -> None:
    aside = atomic.set_aside(path, f"bad-{os.path.basename(path)}")
    log.error(
        "cannot read the earlier file of a window; keeping it next to the new one",
        extra=fields(file=path, reason=error.reason, kept_as=aside),
    )


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
