"""Keeps the rows of the open window, and publishes them when it ends as files beside the window's metrics."""

import logging
import os
from collections.abc import Sequence

from fgm.logs import fields
from fgm.store.directory import atomic, layout
from fgm.store.directory.layout import DetailKind
from fgm.store.errors import BadFileError
from fgm.store.parquet import process_tables
from fgm.store.parquet.process_tables import Row
from fgm.store.samples.header import FileHeader

MOST_ROWS = 50_000
"""Of one file: some 15 MB of memory until its window ends. Further rows are dropped, which is logged."""

log = logging.getLogger(__name__)


class DetailRecorder:
    """The rows that are not on disk yet. Used by one thread at a time; a killed collector loses them."""

    def __init__(self, data_dir: str, header: FileHeader) -> None:
        self._data_dir = data_dir
        self._header = header
        self._rows: dict[tuple[int, DetailKind], list[Row]] = {}

    def add(self, kind: DetailKind, rows: Sequence[Row]) -> None:
        """Take rows of one instant."""
        if not rows:
            return
        window = layout.window_at(rows[0].time_ms, self._header.rotation_s)
        kept = self._rows.setdefault((window.start_ms, kind), [])
        if len(kept) < MOST_ROWS <= len(kept) + len(rows):
            log.warning("a window has too many rows; further ones are dropped", extra=fields(kind=kind, most=MOST_ROWS))
        kept.extend(rows[: MOST_ROWS - len(kept)])

    def close_before(self, time_ms: int) -> None:
        """Publish the windows that an instant does not lie in."""
        now = layout.window_at(time_ms, self._header.rotation_s)
        self._publish([place for place in self._rows if place[0] != now.start_ms])

    def close(self) -> None:
        """Publish everything."""
        self._publish(list(self._rows))

    def _publish(self, places: Sequence[tuple[int, DetailKind]]) -> None:
        for start_ms, kind in places:
            rows = self._rows.pop((start_ms, kind))
            identifier = layout.identifier_folder(self._header.identifier)
            folder = os.path.join(self._data_dir, layout.day_folder(start_ms), identifier)
            name = layout.detail_name(kind, start_ms)
            try:
                atomic.make_folder(folder, within=self._data_dir)
                data = process_tables.encode(kind, [*_already_there(folder, name), *rows], self._header)
                atomic.publish(folder, name, data)
            except (OSError, ValueError) as error:
                log.error("rows could not be recorded", extra=fields(file=name, rows=len(rows), reason=str(error)))


def _already_there(folder: str, name: str) -> list[Row]:
    """Return the rows that the window has, where the collector was stopped and started within it."""
    path = os.path.join(folder, name)
    try:
        return process_tables.rows(path)
    except FileNotFoundError:
        return []
    except BadFileError as error:
        aside = atomic.set_aside(path, f"bad-{name}")
        log.error(
            "an earlier file of the window cannot be read; it is kept beside the new one",
            extra=fields(file=path, reason=error.reason, kept_as=aside),
        )
        return []
