"""Closing a window: its journal becomes a Parquet file and goes. Recovery after a kill is the same, only later."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fgm.collector.windows import window_summary
from fgm.logs import fields
from fgm.metrics.catalogue import BY_NAME, COLUMNS
from fgm.store.directory import atomic, layout
from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError, ForeignFileError
from fgm.store.journal.frame import has_mark
from fgm.store.journal.journal_reader import JournalReader
from fgm.store.parquet import parquet_writer
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FORMAT_VERSION, FileHeader
from fgm.store.samples.series import Series

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """The first and last tick of a series in some file."""

    series: Series
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class ClosedWindow:
    """What became of a journal."""

    path: str
    rows: int
    size_bytes: int
    first_ms: int
    last_ms: int
    seen: tuple[Seen, ...]
    summary: Mapping[str, Any]


def close_window(journal_path: str, compression_level: int) -> ClosedWindow | None:
    """Publish a journal's rows as the window's Parquet file, then remove the journal.

    A file that the window already has (the collector was stopped and started within it) is merged into the new one; one
    that cannot be read is set aside, never overwritten; and so is one that was recorded before the wall clock was set
    back. Returns None where the journal held no tick, or was closed before. Raises ForeignFileError where it is not
    fgm's, BadFileError where it makes no sense, and OSError; the journal is still there then, but for
    FileNotFoundError.
    """
    folder, name = os.path.split(journal_path)
    parsed = layout.parse_name(name)
    if parsed is None or parsed.kind != "journal":
        raise BadFileError(journal_path, "not the name of a journal")
    target = layout.metrics_name(parsed.start_ms)
    if os.path.lexists(journal_path) and not _is_ours(journal_path):
        raise ForeignFileError(journal_path, "only called like a journal of fgm's")
    try:
        reader = JournalReader(journal_path, metrics=COLUMNS)
    except FileNotFoundError:
        if os.path.exists(os.path.join(folder, target)):
            return None
        raise
    try:
        chunks, is_damaged, supersedes = reader.chunks(COLUMNS), reader.is_damaged, reader.supersedes
        if not chunks and is_damaged:
            raise BadFileError(journal_path, "damaged before its first tick")
        header = replace(reader.header, format_version=FORMAT_VERSION) if chunks else None
    finally:
        reader.close()
        del reader  # it holds all rows too
    if header is None:
        atomic.remove(journal_path)
        return None
    if not supersedes:
        chunks = [*_already_closed(folder, target), *chunks]
    seen_all = tuple(Seen(chunk.series, int(chunk.time_ms[0]), int(chunk.time_ms[-1])) for chunk in chunks)
    data = parquet_writer.encode(chunks, COLUMNS, header, _column_facts(header), compression_level)
    if supersedes:
        _keep_superseded(folder, parsed.start_ms, data)
    atomic.publish(folder, target, data)
    if is_damaged:
        aside = set_aside(journal_path)
        log.error("a journal was damaged; ticks behind the damage are not in its window", extra=fields(kept_as=aside))
    else:
        atomic.remove(journal_path)
    return ClosedWindow(
        path=os.path.join(folder, target),
        rows=sum(len(chunk.time_ms) for chunk in chunks),
        size_bytes=len(data),
        first_ms=min(seen.first_ms for seen in seen_all),
        last_ms=max(seen.last_ms for seen in seen_all),
        seen=seen_all,
        summary=window_summary.of_window(chunks),
    )


def _is_ours(path: str) -> bool:
    try:
        fd = open_regular(path)
    except FileNotFoundError:
        return True  # it has just gone, and who reads it says so
    except BadFileError:
        return False
    try:
        return has_mark(fd)
    finally:
        os.close(fd)


def salvage(journal_path: str, compression_level: int) -> None:
    """Close the window of a journal that cannot be continued, as far as it can be read, so that its name is free.

    Raises OSError.
    """
    try:
        close_window(journal_path, compression_level)
    except BadFileError as error:
        aside = set_aside(journal_path)
        log.error("a journal cannot be read", extra=fields(reason=error.reason, kept_as=aside))


def set_aside(journal_path: str) -> str:
    """Rename a journal that cannot be read, so that nothing tries it again; return its new path. Raises OSError."""
    return atomic.set_aside(journal_path, os.path.basename(journal_path) + ".bad")


def _column_facts(header: FileHeader) -> dict[str, dict[str, Any]]:
    tick_s = header.interval_ms / 1000
    return {
        name: {
            "unit": metric.unit,
            "kind": metric.kind,
            "interval_s": tick_s if metric.interval_s == 1 else max(metric.interval_s, tick_s),
        }
        for name, metric in BY_NAME.items()
    }


def _already_closed(folder: str, name: str) -> list[Chunk]:
    path = os.path.join(folder, name)
    try:
        file = WindowFile.open(path)
    except FileNotFoundError:
        return []
    except BadFileError as error:
        return _keep_bad(folder, name, error)
    try:
        return file.chunks(COLUMNS)
    except BadFileError as error:
        return _keep_bad(folder, name, error)
    finally:
        file.close()


def _keep_superseded(folder: str, start_ms: int, data: bytes) -> None:
    """Rename an earlier file of the window, unless a killed collector has just published it from the same journal."""
    name = layout.metrics_name(start_ms)
    path = os.path.join(folder, name)
    try:
        with open(open_regular(path), "rb") as file:
            if file.read() == data:
                return
    except FileNotFoundError:
        return
    except BadFileError as error:
        _keep_bad(folder, name, error)
        return
    number = 1
    while os.path.lexists(os.path.join(folder, layout.superseded_name(start_ms, number))):
        number += 1
    aside = layout.superseded_name(start_ms, number)
    atomic.rename(path, aside)
    log.warning("a window was recorded again after the clock was set back", extra=fields(file=path, kept_as=aside))


def _keep_bad(folder: str, name: str, error: BadFileError) -> list[Chunk]:
    aside = atomic.set_aside(os.path.join(folder, name), f"bad-{name}")
    log.error(
        "an earlier file of the window cannot be read; it is kept beside the new one",
        extra=fields(file=error.path, reason=error.reason, kept_as=aside),
    )
    return []
