"""The last tick that was recorded before this run, with the columns from which events are derived."""

import logging
import os
from itertools import groupby
from typing import NamedTuple

import numpy as np

from fgm.events.columns import NEEDED_COLUMNS
from fgm.logs import fields
from fgm.store.directory import layout
from fgm.store.directory.listing import data_files
from fgm.store.errors import BadFileError
from fgm.store.journal.journal_reader import JournalReader
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk, ColumnsOnAccess, LastColumn
from fgm.store.samples.header import FileHeader
from fgm.store.samples.tick import Tick

MAX_FILES = 10
"""Maximum number of files to search, newest first. Some may contain no tick of this node."""

log = logging.getLogger(__name__)


class LastTick(NamedTuple):
    """The last tick, and the time of the first tick in the same file that has each series, by key."""

    tick: Tick
    first_ms: dict[str, int]


def last_tick(data_dir: str, before_ms: int, node_name: str | None) -> LastTick | None:
    """Return this node's newest tick before `before_ms`, recorded by any writer; None if there is none.

    Shape: `rows` is float64[len(series), 1 + NEEDED_COLUMNS]: `late_ms` first, NaN for null.
    Raises: OSError if the directory cannot be listed.
    """
    last: LastTick | None = None
    for path in _newest_files(data_dir, before_ms)[:MAX_FILES]:
        if last is not None and _until_ms(path) <= last.tick.time_ms:
            break
        try:
            header, tick = _read(path, before_ms, last)
        except (BadFileError, OSError) as error:
            log.info("cannot read a file of the previous run", extra=fields(file=path, reason=str(error)))
            continue
        if tick is not None and (None in (header.node_name, node_name) or header.node_name == node_name):
            last = tick
    return last


def _newest_files(data_dir: str, before_ms: int) -> list[str]:
    """Return all journals, and the Parquet files of the newest day that has any; the newest first.

    A merged hour is as new as its end, because its last tick may be later than those of windows next to it. Files that
    begin at `before_ms` or later are left out: they were recorded while the clock was ahead.
    """
    metrics = (path for path in data_files(data_dir, "metrics", newest_first=True) if _start_ms(path) < before_ms)
    _, newest_day = next(groupby(metrics, lambda path: path.split(os.sep)[-3]), ("", iter(())))
    journals = [path for path in data_files(data_dir, "journal") if _start_ms(path) < before_ms]
    return sorted([*newest_day, *journals], key=lambda path: (_until_ms(path), path.endswith(".journal")), reverse=True)


def _start_ms(path: str) -> int:
    parsed = layout.parse_name(os.path.basename(path))
    return 0 if parsed is None else parsed.start_ms


def _until_ms(path: str) -> int:
    """Return the end of a merged hour, or the start of a window, as the name shows it."""
    parsed = layout.parse_name(os.path.basename(path))
    return 0 if parsed is None else parsed.start_ms + (parsed.duration_ms or 0)


def _read(path: str, before_ms: int, newest: LastTick | None) -> tuple[FileHeader, LastTick | None]:
    """Return the header of a file and its last tick before `before_ms`, if that is later than `newest`."""
    since_ms = -1 if newest is None else newest.tick.time_ms
    if path.endswith(".journal"):
        reader = JournalReader(path)
        try:
            return reader.header, _last(reader.chunks(NEEDED_COLUMNS), since_ms, before_ms)
        finally:
            reader.close()
    file = WindowFile.open(path)
    try:
        if file.block.last_ms <= since_ms:
            return file.header, None
        return file.header, _last(_chunks(file), since_ms, before_ms)
    finally:
        file.close()


def _chunks(file: WindowFile) -> list[Chunk]:
    """Return the rows of each series, with columns that are read on access: all columns of an hour take 60 MB."""
    column = LastColumn(dict.fromkeys(NEEDED_COLUMNS).keys(), file.column)
    return [
        Chunk(
            chunk.series, chunk.time_ms, chunk.late_ms, ColumnsOnAccess(column, slice(run.first, run.first + run.count))
        )
        for chunk, run in zip(file.chunks(()), file.block.runs, strict=True)
    ]


def _last(chunks: list[Chunk], since_ms: int, before_ms: int) -> LastTick | None:
    """Return the last tick after `since_ms` and before `before_ms`; None if there is none."""
    last = [(chunk, int(np.searchsorted(chunk.time_ms, before_ms)) - 1) for chunk in chunks]
    time_ms = max((int(chunk.time_ms[i]) for chunk, i in last if i >= 0), default=since_ms)
    if time_ms <= since_ms:
        return None
    present = [(chunk, i) for chunk, i in last if i >= 0 and chunk.time_ms[i] == time_ms]
    columns = [[chunk.late_ms[i] for chunk, i in present]]
    columns += [[chunk.values[name][i] for chunk, i in present] for name in NEEDED_COLUMNS]
    first_ms = {chunk.series.key: int(chunk.time_ms[0]) for chunk, _ in present}
    return LastTick(Tick(time_ms, tuple(chunk.series for chunk, _ in present), np.array(columns).T.copy()), first_ms)
