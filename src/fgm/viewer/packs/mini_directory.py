"""A small data directory with what a pack contains, from which a viewer can answer as from any other one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from fgm import __version__
from fgm.metrics.catalogue import COLUMN_TYPES
from fgm.metrics.rates import Floats
from fgm.store.directory import layout
from fgm.store.events import events_file
from fgm.store.events.event import encode
from fgm.store.index import first_seen, index_file
from fgm.store.parquet.metrics_writer import write_metrics
from fgm.store.parquet.window_block import LATE
from fgm.store.samples.chunk import rounded_late_ms
from fgm.store.samples.header import FORMAT_VERSION
from fgm.viewer.packs.sample_part import PassedTime, Units

if TYPE_CHECKING:
    from fgm.store.events.event import Event
    from fgm.store.index.index_file import Index
    from fgm.store.samples.header import FileHeader
    from fgm.viewer.exports.range_rows import RangeRows
    from fgm.viewer.packs.mini_tables import MiniTables
    from fgm.viewer.packs.redaction.redaction import Redaction

LEVEL = 9
"""Level of zstd of the metrics files. A pack is made once."""


class MiniFile(NamedTuple):
    """A file of the directory that becomes a part of the pack. `facts`: what the manifest says about it."""

    path: str
    facts: dict[str, Any]


@dataclass
class MiniDirectory:
    """A data directory that is being made. `path`: an empty folder; `names`: replaces the names in everything.

    `from_ms`: begin of the range, before which there are a few rows. `identifier`: that of the writer; None: no rows
    were written. `rows`: the metrics files; `tables`: the tables; `event_paths`: paths of the files of events.
    """

    path: str
    names: Redaction
    from_ms: int
    identifier: str | None = None

    def __post_init__(self) -> None:
        """Begin without files."""
        self.rows: list[MiniFile] = []
        self.tables: list[MiniFile] = []
        self.event_paths: list[str] = []
        self._header: FileHeader | None = None
        self._passed: dict[str, PassedTime] = {}

    @property
    def index_path(self) -> str:
        """The path of index.json."""
        return os.path.join(self.path, layout.INDEX_NAME)

    @property
    def first_seen_path(self) -> str:
        """The path of first-seen.json."""
        return os.path.join(self.path, layout.FIRST_SEEN_NAME)

    def write_rows(self, part: RangeRows, columns: Sequence[str]) -> None:
        """Write rows of one hour into a file. `columns`: the recorded columns to write.

        The names of the series must have been replaced already.

        Raises: OSError or BadFileError.
        """
        assert part.header is not None
        header = replace(self.names.header(part.header), fgm_version=__version__, format_version=FORMAT_VERSION)
        self.identifier, self._header = header.identifier, header
        start_ms = part.within[0] - part.within[0] % layout.HOUR_MS
        name = layout.hour_name(start_ms)
        path = os.path.join(self._folder(start_ms), name)
        types = {name: kind for name, kind in COLUMN_TYPES.items() if name in columns}
        late_ms = rounded_late_ms(part.column(LATE))  # as it is stored
        for run in part.runs:
            rows = slice(run.first, run.first + run.count)
            self._passed.setdefault(run.series.key, PassedTime(self.from_ms)).add(part.time_ms[rows], late_ms[rows])

        def column(name: str) -> Floats:
            return late_ms.copy() if name == LATE else part.column(name)

        with open(path, "xb") as file:
            write_metrics(file, header, part.runs, part.time_ms, column, columns=types, compression_level=LEVEL)
        self.rows.append(MiniFile(path, {"start_ms": start_ms, "duration_ms": layout.HOUR_MS}))

    def passed(self) -> Mapping[str, Units]:
        """Return the time that passed before each row of the range, of each series by its key."""
        return {key: passed.units() for key, passed in self._passed.items()}

    def write_tables(self, tables: MiniTables) -> None:
        """Write the tables of one kind, whose rows were read. The metrics files must have been written.

        Raises: OSError.
        """
        assert self._header is not None
        for start_ms, content in tables.tables(self._header):
            path = os.path.join(self._folder(start_ms), layout.table_hour_name(tables.kind, start_ms))
            with open(path, "xb") as file:
                file.write(content)
            facts = {"table": tables.kind, "start_ms": start_ms, "duration_ms": layout.HOUR_MS}
            self.tables.append(MiniFile(path, facts))

    def write_first_seen(self, first_ms: Mapping[str, int]) -> None:
        """Write when series that are not in the index were first seen. `first_ms`: by key, with other names.

        Raises: OSError.
        """
        with open(self.first_seen_path, "xb") as file:
            file.write(first_seen.dump(first_ms))

    def write_index(self, index: Index) -> None:
        """Write index.json, with other names.

        Raises: OSError.
        """
        with open(self.index_path, "xb") as file:
            file.write(index_file.dump(self.names.index(index)))

    def write_events(self, events: Iterable[Event], from_ms: int, to_ms: int) -> None:
        """Write the events of the range, with other names, to a file for each day, whichever writer they are from.

        Raises: OSError.
        """
        renamed = [self.names.event(event) for event in events]
        for day_ms in range(layout.day_start(from_ms), to_ms, layout.DAY_MS):
            of_day = [event for event in renamed if layout.day_start(event.time_ms) == day_ms]
            path = os.path.join(self._folder(day_ms), layout.EVENTS_NAME)
            events_file.append_lines(path, b"".join(map(encode, of_day)))
            self.event_paths.append(path)
        events_file.create_missing(os.path.dirname(file.path) for file in self.rows)

    def _folder(self, instant_ms: int) -> str:
        """Return the folder of a day, which is made if it is not there."""
        assert self.identifier is not None, "rows are written first"
        folder = os.path.join(self.path, layout.day_folder(instant_ms), layout.identifier_folder(self.identifier))
        os.makedirs(folder, exist_ok=True)
        return folder
