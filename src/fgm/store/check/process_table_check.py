"""Checks that a process or region table is undamaged and matches its name and its folder."""

import os
from collections.abc import Iterator

from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.tables import process_tables, table_journal
from fgm.store.tables.table_rows import ROWS


def table_problems(path: str, kind: layout.TableKind, start_ms: int, *, is_hour: bool = False) -> Iterator[str]:
    """Yield a sentence for each problem of a table.

    `kind`, `start_ms`: its kind and start, from its name. `is_hour`: whether it has the tables of an hour.
    """
    try:
        block = process_tables.verify(path)
        window = layout.window_at(start_ms, block.header.rotation_s)
        if is_hour:
            last = layout.window_at(start_ms + layout.HOUR_MS - 1, block.header.rotation_s)
            window = layout.Window(start_ms, last.end_ms)
    except FileNotFoundError:
        return
    except BadFileError as error:
        yield error.reason
        return
    except (OSError, ValueError) as error:
        yield str(error)
        return
    folder = os.path.dirname(path)
    identifier = layout.parse_identifier(os.path.basename(folder))
    if block.header.identifier != identifier:
        yield f"written by {block.header.identifier}, but in the folder of {identifier}"
    if block.kind != kind:
        yield f"it has the name of a table of {kind}, but is a table of {block.kind}"
    if layout.day_start(start_ms) != layout.parse_day(os.path.basename(os.path.dirname(folder))):
        yield "in the folder of another day"
    if block.first_ms not in window or block.last_ms not in window:
        yield f"it has rows outside its {'hour' if is_hour else 'window'}"


def journal_problems(path: str, kind: layout.TableKind, start_ms: int) -> Iterator[str]:
    """Yield a sentence for each problem of a table's journal. A torn frame at its end is none."""
    try:
        groups = list(table_journal.read(path))
    except FileNotFoundError:
        return
    except BadFileError as error:
        yield error.reason
        return
    except OSError as error:
        yield str(error)
        return
    if any(not isinstance(row, ROWS[kind]) for _, rows in groups for row in rows):
        yield f"it has the name of a journal of {kind}, but has other rows"
    if any(row.time_ms not in layout.window_at(start_ms, header.rotation_s) for header, rows in groups for row in rows):
        yield "it has rows outside its window"


def has_padding(path: str) -> bool:
    """Return whether the pages of a table are longer than their values; False if the table cannot be read."""
    try:
        return process_tables.has_padding(path)
    except (BadFileError, OSError):
        return False  # `table_problems` reports it, unless the collector has just removed the table
