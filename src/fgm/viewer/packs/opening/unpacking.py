"""Unpacks the data of a pack into a data directory, and checks all of it before anything else reads it.

Only the parts with recorded data are read: metrics files, tables, index and events. The program in the pack is never
read, and no name of a file is taken from it: names are made from numbers that were checked, and the identifier of the
writer from the header of a file that was checked.
"""

import os
from collections.abc import Callable, Iterator
from typing import cast

from fgm.iso_time import END_OF_TIME_MS
from fgm.store.check.directory_check import check
from fgm.store.directory import layout
from fgm.store.directory.atomic import FILE_MODE, FOLDER_MODE
from fgm.store.directory.layout import HOUR_MS, TableKind
from fgm.store.errors import BadFileError
from fgm.store.events import events_file
from fgm.store.events.event import Event, decode
from fgm.store.index import index_file
from fgm.store.parquet.window_block import WindowBlock
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.header import FileHeader
from fgm.store.tables.table_file import TableFile
from fgm.viewer.packs.manifest import PartFacts
from fgm.viewer.packs.pack_format import MAX_RANGE_MS, BadPackError
from fgm.viewer.packs.pack_reader import Pack

MAX_DATA_BYTES = 512 << 20
"""Maximum size of all data of a pack together, after decompression."""
MAX_ROWS, MAX_TABLE_ROWS = 2_500_000, 2_000_000
"""Maximum number of rows of all metrics files of a pack together, and of all tables: more than a viewer saves.

A few bytes of a file that was made to do harm can mean any number of equal rows.
"""
MAX_EVENTS_BYTES = 16 << 20
"""Maximum size of all events of a pack."""
_TABLE_KINDS: tuple[TableKind, ...] = ("processes", "labelled")
"""Kinds of tables that packs have."""
_ROWS, _TABLES = "rows/", "tables/"


def unpack(pack: Pack, folder: str, on_part: Callable[[], object] = lambda: None) -> None:
    """Write the data of a pack to an empty folder, which becomes a data directory. `on_part` is called after each part.

    Raises: BadPackError if any of it is damaged, or is not what the manifest says. OSError if it cannot be written.
    """
    parts = [part for part in pack.manifest.parts if _is_data(part.name)]
    total = sum(part.size for part in parts)
    if total > MAX_DATA_BYTES:
        raise BadPackError(f"the pack has {total} bytes of data; at most {MAX_DATA_BYTES} are read")
    manifest = pack.manifest
    if manifest.to_ms - manifest.from_ms > MAX_RANGE_MS:
        raise BadPackError("the pack is damaged: its range is longer than that of any pack")
    identifier, rows = None, 0
    for part in (part for part in parts if part.name.startswith(_ROWS)):
        start_ms, name = _metrics_name(part)
        block = _write_rows(folder, start_ms, name, pack.part(part.name))
        identifier, rows = block.header.identifier, _sum_of_rows(rows, block.rows, MAX_ROWS)
        on_part()
    if identifier is None:
        raise BadPackError("the pack is damaged: it has no samples")
    rows = 0
    for part in (part for part in parts if part.name.startswith(_TABLES)):
        start_ms, name = _table_name(part)
        rows = _sum_of_rows(rows, _write_table(folder, start_ms, name, pack.part(part.name)), MAX_TABLE_ROWS)
        on_part()
    if pack.manifest.part("index") is not None:
        _write(os.path.join(folder, layout.INDEX_NAME), _checked_index(pack.part("index")))
    if pack.manifest.part("first_seen") is not None:
        _write(os.path.join(folder, layout.FIRST_SEEN_NAME), pack.part("first_seen"))
    if pack.manifest.part("events") is not None:
        _write_events(pack, folder, identifier)
    problems = check(folder).problems
    if problems:
        path, sentence = problems[0]
        raise BadPackError(f"the pack is damaged: {os.path.relpath(path, folder)}: {sentence}")


def _is_data(name: str) -> bool:
    return name in {"index", "events", "first_seen"} or name.startswith((_ROWS, _TABLES))


def _sum_of_rows(before: int, rows: int, most: int) -> int:
    if before + rows > most:
        raise BadPackError(f"the pack is damaged: it has more than {most} rows")
    return before + rows


def _write_rows(folder: str, start_ms: int, name: str, content: bytes) -> WindowBlock:
    """Write a metrics file to the folder of its writer, and return its block."""
    incoming = os.path.join(folder, "incoming")
    _write(incoming, content)
    try:
        file = WindowFile.open(incoming)
    except BadFileError as error:
        raise BadPackError(f"the pack is damaged: {name}: {error.reason}") from error
    block = file.block
    file.close()
    os.rename(incoming, _path(folder, start_ms, block.header, name))
    return block


def _write_table(folder: str, start_ms: int, name: str, content: bytes) -> int:
    """Write a table to the folder of its writer, and return its number of rows."""
    incoming = os.path.join(folder, "incoming")
    _write(incoming, content)
    try:
        with TableFile.open(incoming) as table:
            block = table.block
    except BadFileError as error:
        raise BadPackError(f"the pack is damaged: {name}: {error.reason}") from error
    os.rename(incoming, _path(folder, start_ms, block.header, name))
    return block.rows


def _path(folder: str, start_ms: int, header: FileHeader, name: str) -> str:
    """Return the path of a file of this writer and day. There is no file yet."""
    if not layout.valid_identifier(header.identifier):
        raise BadPackError(f"the pack is damaged: the writer of {name} has a name that is not allowed")
    path = os.path.join(folder, layout.day_folder(start_ms), layout.identifier_folder(header.identifier), name)
    if os.path.lexists(path):
        raise BadPackError(f"the pack is damaged: it has several files {name}")
    os.makedirs(os.path.dirname(path), FOLDER_MODE, exist_ok=True)
    return path


def _write_events(pack: Pack, folder: str, identifier: str) -> None:
    """Write the events to the file of each day. The file of a day and writer is empty if nothing is in it."""
    manifest, content = pack.manifest, pack.part("events")
    if len(content) > MAX_EVENTS_BYTES:
        raise BadPackError(f"the pack is damaged: its events have {len(content)} bytes")
    events = list(_events(content))
    outside = [event for event in events if not manifest.from_ms <= event.time_ms < manifest.to_ms]
    if outside:
        raise BadPackError("the pack is damaged: it has events outside of its range")
    first_ms = layout.day_start(manifest.from_ms)
    for day_ms in range(first_ms, manifest.to_ms, layout.DAY_MS):
        of_day = (event for event in events if layout.day_start(event.time_ms) == day_ms)
        events_file.append_to_day(folder, identifier, day_ms, of_day)
    days = [os.path.join(folder, name) for name in os.listdir(folder) if layout.parse_day(name) is not None]
    events_file.create_missing(os.path.join(day, writer) for day in days for writer in os.listdir(day))


def _events(content: bytes) -> Iterator[Event]:
    for line in content.splitlines(keepends=True):
        try:
            yield decode(line)
        except ValueError as error:
            raise BadPackError("the pack is damaged: it has lines of events that are none") from error


def _checked_index(content: bytes) -> bytes:
    """Return the index as this version writes it.

    Raises: BadPackError if it is none.
    """
    if len(content) > index_file.MAX_INDEX_BYTES:
        raise BadPackError(f"the pack is damaged: its index has {len(content)} bytes")
    try:
        return index_file.dump(index_file.parse(content))
    except index_file.NOT_AN_INDEX as error:
        raise BadPackError(f"the pack is damaged: its index cannot be read ({error})") from error


def _metrics_name(part: PartFacts) -> tuple[int, str]:
    start_ms, is_hour = _start(part)
    return start_ms, layout.hour_name(start_ms) if is_hour else layout.metrics_name(start_ms)


def _table_name(part: PartFacts) -> tuple[int, str]:
    kind = part.facts.get("table")
    if kind not in _TABLE_KINDS:
        raise BadPackError(f"the pack is damaged: {part.name} is a table of {str(kind)[:40]!r}")
    start_ms, is_hour = _start(part)
    table = cast("TableKind", kind)
    return start_ms, layout.table_hour_name(table, start_ms) if is_hour else layout.table_name(table, start_ms)


def _start(part: PartFacts) -> tuple[int, bool]:
    """Return the start of the window or hour of a part, and whether it is an hour."""
    start_ms, duration_ms = part.facts.get("start_ms"), part.facts.get("duration_ms")
    is_hour = duration_ms == HOUR_MS
    if (
        type(start_ms) is not int
        or not 0 <= start_ms < END_OF_TIME_MS
        or start_ms % (HOUR_MS if is_hour else 1000)
        or not (is_hour or duration_ms is None)
    ):
        raise BadPackError(
            f"the pack is damaged: {part.name} begins at {str(start_ms)[:40]} and takes {str(duration_ms)[:40]} ms"
        )
    return start_ms, is_hour


def _write(path: str, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE), "wb") as file:
        file.write(content)
