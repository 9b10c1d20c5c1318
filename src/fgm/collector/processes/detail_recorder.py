"""Records process tables: keeps the rows of a window in memory, and writes them to files when it ends."""

import logging
import os
from collections.abc import Sequence

from fgm.logs import fields
from fgm.store.directory import atomic, layout
from fgm.store.directory.layout import TableKind
from fgm.store.errors import BadFileError
from fgm.store.parquet import process_tables
from fgm.store.parquet.process_tables import Row
from fgm.store.samples.header import FileHeader

MAX_ROWS = 50_000
"""Maximum number of rows of a file; further rows are dropped. They take about 15 MB of memory until the window ends."""

log = logging.getLogger(__name__)


class DetailRecorder:
    """The rows that are not on disk yet; they are lost if the collector is killed. Used by one thread at a time."""

    def __init__(self, data_dir: str, header: FileHeader) -> None:
        self._data_dir = data_dir
        self._header = header
        self._rows: dict[tuple[int, TableKind], list[Row]] = {}

    def add(self, kind: TableKind, rows: Sequence[Row]) -> None:
        """Add rows of the same time."""
        if not rows:
            return
        window = layout.window_at(rows[0].time_ms, self._header.rotation_s)
        rows_of_window = self._rows.setdefault((window.start_ms, kind), [])
        if len(rows_of_window) < MAX_ROWS <= len(rows_of_window) + len(rows):
            log.warning(
                "too many rows in a process table; dropping the rest of the window",
                extra=fields(kind=kind, max_rows=MAX_ROWS),
            )
        rows_of_window.extend(rows[: MAX_ROWS - len(rows_of_window)])

    def close_before(self, time_ms: int) -> None:
        """Write the files of all windows except the one that contains `time_ms`."""
        now = layout.window_at(time_ms, self._header.rotation_s)
        self._publish([file for file in self._rows if file[0] != now.start_ms])

    def close(self) -> None:
        """Write the files of all windows that are still in memory, even if they are incomplete."""
        self._publish(list(self._rows))

    def _publish(self, files: Sequence[tuple[int, TableKind]]) -> None:
        for start_ms, kind in files:
            rows = self._rows.pop((start_ms, kind))
            identifier = layout.identifier_folder(self._header.identifier)
            folder = os.path.join(self._data_dir, layout.day_folder(start_ms), identifier)
            name = layout.table_name(kind, start_ms)
            try:
                atomic.make_folder(folder, within=self._data_dir)
                data = process_tables.encode(kind, [*_earlier_rows(folder, name), *rows], self._header)
                atomic.publish(folder, name, data)
            except (OSError, ValueError) as error:
                log.error("cannot record a process table", extra=fields(file=name, rows=len(rows), reason=str(error)))


def _earlier_rows(folder: str, name: str) -> list[Row]:
    """Return the rows of the window's file; it exists if the collector was restarted within the window."""
    path = os.path.join(folder, name)
    try:
        return process_tables.rows(path)
    except FileNotFoundError:
        return []
    except BadFileError as error:
        aside = atomic.set_aside(path, f"bad-{name}")
        log.error(
            "cannot read the earlier file of a window; keeping it next to the new one",
            extra=fields(file=path, reason=error.reason, kept_as=aside),
        )
        return []
