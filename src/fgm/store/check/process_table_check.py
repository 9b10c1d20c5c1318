"""Checks that a process or region table is undamaged and matches its name and its folder."""

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from fgm.store.check.report import LEFT_OVER, PADDED, Report
from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.parquet.window_block import Source
from fgm.store.tables import process_tables, table_journal
from fgm.store.tables.table_block import TableBlock
from fgm.store.tables.table_rows import ROWS


class Table(NamedTuple):
    """An intact table. `source`: how a merged table names it; `sources`: the tables that were merged into it."""

    path: str
    kind: layout.TableKind
    start_ms: int
    is_hour: bool
    source: Source
    sources: tuple[Source, ...]


def check_table(report: Report, path: str, kind: layout.TableKind, start_ms: int, *, is_hour: bool) -> Iterator[Table]:
    """Add the problems of a table to a report, and yield the table if it can be read.

    `kind`, `start_ms`: its kind and start, from its name. `is_hour`: whether it has the tables of an hour.
    """
    try:
        block = process_tables.verify(path)
        window = layout.window_at(start_ms, block.header.rotation_s)
        if is_hour:
            last = layout.window_at(start_ms + layout.HOUR_MS - 1, block.header.rotation_s)
            window = layout.Window(start_ms, last.end_ms)
        if process_tables.has_padding(path):
            report.counts[PADDED] += 1
    except FileNotFoundError:
        return
    except BadFileError as error:
        report.add(path, error.reason)
        return
    except (OSError, ValueError) as error:
        report.add(path, str(error))
        return
    for problem in _problems(path, block, kind, start_ms):
        report.add(path, problem)
    if block.first_ms not in window or block.last_ms not in window:
        report.add(path, f"it has rows outside its {'hour' if is_hour else 'window'}")
    source = Source(os.path.basename(path), block.fingerprint)
    yield Table(path, kind, start_ms, is_hour, source, block.sources)


def check_sources(report: Report, tables: Iterable[Table]) -> None:
    """Check the sources of merged tables, and count those that are still next to them. `tables`: of one folder."""
    tables = list(tables)
    merged = {(table.kind, table.start_ms): table for table in tables if table.is_hour}
    for table in merged.values():
        for source in table.sources:
            parsed = layout.parse_table_name(source.name)
            if parsed is None or (parsed[0], _hour_of(parsed[1])) != (table.kind, table.start_ms):
                report.add(table.path, f"it names {source.name!r} as a source, which is no such table of this hour")
    for table in tables:
        hour = merged.get((table.kind, _hour_of(table.start_ms)))
        if hour is not None and not table.is_hour and table.source in hour.sources:
            report.counts[LEFT_OVER] += 1


def _hour_of(start_ms: int) -> int:
    return start_ms - start_ms % layout.HOUR_MS


def _problems(path: str, block: TableBlock, kind: layout.TableKind, start_ms: int) -> Iterator[str]:
    folder = os.path.dirname(path)
    identifier = layout.parse_identifier(os.path.basename(folder))
    if block.header.identifier != identifier:
        yield f"written by {block.header.identifier}, but in the folder of {identifier}"
    if block.kind != kind:
        yield f"it has the name of a table of {kind}, but is a table of {block.kind}"
    if layout.day_start(start_ms) != layout.parse_day(os.path.basename(os.path.dirname(folder))):
        yield "in the folder of another day"


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
