"""Closes a window: turns its journal into a Parquet file, and removes the journal.

The journal that a killed collector left is closed in the same way, after the next start.
"""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from fgm.collector.windows.file_spans import SeriesSpan
from fgm.collector.windows.recorded_window import merged_chunks
from fgm.collector.windows.window_summary import summarise
from fgm.logs import fields
from fgm.metrics.catalogue import COLUMN_TYPES, COLUMNS
from fgm.store.directory import atomic, layout
from fgm.store.directory.layout import Window
from fgm.store.directory.regular_file import first_byte, open_regular
from fgm.store.errors import BadFileError, ForeignFileError
from fgm.store.journal.frame import has_mark
from fgm.store.journal.journal_reader import JournalReader
from fgm.store.parquet import parquet_encoding
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FORMAT_VERSION, FileHeader

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClosedWindow:
    """A published window. `spans`: one for each chunk of rows; `summary`: statistics for the log."""

    path: str
    rows: int
    size_bytes: int
    first_ms: int
    last_ms: int
    spans: tuple[SeriesSpan, ...]
    summary: Mapping[str, Any]


def close_window(journal_path: str, compression_level: int) -> ClosedWindow | None:
    """Publish the rows of a journal as the Parquet file of its window, then remove the journal.

    If the window has a file already, because the collector was restarted within it, that file is merged into the new
    one; if its hour was merged, its rows in the file of the hour are. A file that cannot be read, or that was recorded
    before the wall clock was set back, is set aside instead, and never overwritten. Returns None if the journal has no
    tick, or was closed before. After an error the journal still exists, except after FileNotFoundError. A journal of
    zeros, which a power loss can leave, is removed.

    Raises: ForeignFileError if the file is not fgm's; BadFileError if it cannot be read as a journal; OSError if
    reading or writing fails.
    """
    folder, name = os.path.split(journal_path)
    parsed = layout.parse_name(name)
    if parsed is None or parsed.kind != "journal":
        raise BadFileError(journal_path, "its name is not that of a journal")
    target = layout.metrics_name(parsed.start_ms)
    if _is_blank(journal_path):
        log.warning("a power loss left a journal without content; removing it", extra=fields(journal=journal_path))
        atomic.remove(journal_path)
        return None
    _check_mark(journal_path)
    try:
        reader = JournalReader(journal_path, metrics=COLUMNS, is_packed=True)
    except FileNotFoundError:
        if os.path.exists(os.path.join(folder, target)):
            return None
        raise
    try:
        chunks, is_damaged, supersedes = reader.chunks(COLUMNS), reader.is_damaged, reader.supersedes
        if not chunks and is_damaged:
            raise BadFileError(journal_path, "it is damaged before its first tick")
        header = replace(reader.header, format_version=FORMAT_VERSION) if chunks else None
    finally:
        reader.close()
    if header is None:
        atomic.remove(journal_path)
        return None
    window = layout.window_at(parsed.start_ms, header.rotation_s)
    with ExitStack() as stack:
        if not supersedes:
            chunks = [*_already_closed(stack, folder, window), *chunks]
        data = _encode(chunks, header, compression_level)
        summary = summarise(chunks)
    if supersedes:
        _keep_superseded(folder, window, data, lambda earlier: _encode(earlier, header, compression_level))
    atomic.publish(folder, target, data)
    if is_damaged:
        aside = set_aside(journal_path)
        log.error("journal is damaged; ticks after the damage are lost", extra=fields(kept_as=aside))
    else:
        atomic.remove(journal_path)
    spans = tuple(SeriesSpan(chunk.series, int(chunk.time_ms[0]), int(chunk.time_ms[-1])) for chunk in chunks)
    return ClosedWindow(
        path=os.path.join(folder, target),
        rows=sum(len(chunk.time_ms) for chunk in chunks),
        size_bytes=len(data),
        first_ms=min(span.first_ms for span in spans),
        last_ms=max(span.last_ms for span in spans),
        spans=spans,
        summary=summary,
    )


def _is_blank(path: str) -> bool:
    """Return whether a file has content, but only zeros."""
    try:
        fd = open_regular(path)
    except (FileNotFoundError, BadFileError):
        return False
    try:
        return os.fstat(fd).st_size > 0 and not first_byte(fd)
    finally:
        os.close(fd)


def _check_mark(path: str) -> None:
    if os.path.lexists(path) and not _has_mark(path):
        raise ForeignFileError(path, "it has the name of a journal, but lacks fgm's mark")


def _has_mark(path: str) -> bool:
    try:
        fd = open_regular(path)
    except FileNotFoundError:
        return True  # it was just removed; JournalReader reports that
    except BadFileError:
        return False
    try:
        return has_mark(fd)
    finally:
        os.close(fd)


def salvage(journal_path: str, compression_level: int) -> None:
    """Close the window of a journal that cannot be continued. Its readable ticks are kept, and its name is free then.

    Raises: OSError if reading or writing fails.
    """
    try:
        close_window(journal_path, compression_level)
    except BadFileError as error:
        aside = set_aside(journal_path)
        log.error("cannot read a journal", extra=fields(reason=error.reason, kept_as=aside))


def set_aside(journal_path: str) -> str:
    """Rename a journal that cannot be read, so that it is not tried again; return its new path.

    Raises: OSError if renaming fails.
    """
    return atomic.set_aside(journal_path, os.path.basename(journal_path) + ".bad")


def _encode(chunks: Sequence[Chunk], header: FileHeader, compression_level: int) -> bytes:
    return parquet_encoding.encode(chunks, COLUMN_TYPES, header, compression_level)


def _already_closed(stack: ExitStack, folder: str, window: Window) -> list[Chunk]:
    """Return the rows of the window that are in a file. Their columns can be used until `stack` is closed."""
    name = layout.metrics_name(window.start_ms)
    path = os.path.join(folder, name)
    try:
        file = WindowFile.open(path)
    except FileNotFoundError:
        return _already_merged(folder, window)
    except BadFileError as error:
        return _keep_bad(folder, name, error)
    stack.callback(file.close)
    try:
        return file.chunks_on_access(COLUMNS)
    except BadFileError as error:
        return _keep_bad(folder, name, error)


def _already_merged(folder: str, window: Window) -> list[Chunk]:
    try:
        return merged_chunks(folder, window)
    except BadFileError as error:
        log.error(
            "cannot read the merged hour of a window; its earlier rows stay there",
            extra=fields(file=error.path, reason=error.reason),
        )
        return []


def _keep_superseded(folder: str, window: Window, data: bytes, encode: Callable[[Sequence[Chunk]], bytes]) -> None:
    """Keep what was recorded of the window earlier, unless it is equal: then a killed collector wrote it.

    An earlier file is renamed. Rows in the merged file of the hour, which leave it when it is merged again, are copied.
    """
    name = layout.metrics_name(window.start_ms)
    path = os.path.join(folder, name)
    try:
        with open(open_regular(path), "rb") as file:
            if file.read() == data:
                return
    except FileNotFoundError:
        path = os.path.join(folder, layout.hour_name(window.start_ms - window.start_ms % layout.HOUR_MS))
        merged = _already_merged(folder, window)
        if not merged:
            return
        earlier = encode(merged)
        aside, last = _names_of_superseded(folder, window)
        if last is not None and _has_content(os.path.join(folder, last), earlier):
            return
        atomic.publish(folder, aside, earlier)
    except BadFileError as error:
        _keep_bad(folder, name, error)
        return
    else:
        aside, _ = _names_of_superseded(folder, window)
        atomic.rename(path, aside)
    log.warning(
        "a window was recorded twice, because the wall clock was set back", extra=fields(file=path, kept_as=aside)
    )


def _names_of_superseded(folder: str, window: Window) -> tuple[str, str | None]:
    """Return the first free name of a superseded file of a window, and the last one that is used."""
    number, last = 1, None
    while os.path.lexists(os.path.join(folder, name := layout.superseded_name(window.start_ms, number))):
        number, last = number + 1, name
    return name, last


def _has_content(path: str, data: bytes) -> bool:
    try:
        with open(open_regular(path), "rb") as file:
            return file.read() == data
    except (BadFileError, FileNotFoundError):
        return False


def _keep_bad(folder: str, name: str, error: BadFileError) -> list[Chunk]:
    aside = atomic.set_aside(os.path.join(folder, name), f"bad-{name}")
    log.error(
        "cannot read the earlier file of a window; keeping it next to the new one",
        extra=fields(file=error.path, reason=error.reason, kept_as=aside),
    )
    return []
