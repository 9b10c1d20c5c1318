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
from fgm.store.samples.chunk import Chunk
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
    for path in _newest_files(data_dir, before_ms)[:MAX_FILES]:
        try:
            header, chunks = _read(path)
        except (BadFileError, OSError) as error:
            log.info("cannot read a file of the previous run", extra=fields(file=path, reason=str(error)))
            continue
        if None in (header.node_name, node_name) or header.node_name == node_name:
            tick = _last(chunks, before_ms)
            if tick is not None:
                return tick
    return None


def _newest_files(data_dir: str, before_ms: int) -> list[str]:
    """Return all journals, and the Parquet files of the newest day that has any; the newest window first.

    Windows that begin at `before_ms` or later are left out: they were recorded while the clock was ahead.
    """
    metrics = (path for path in data_files(data_dir, "metrics", newest_first=True) if _order(path)[0] < before_ms)
    _, newest_day = next(groupby(metrics, lambda path: path.split(os.sep)[-3]), ("", iter(())))
    journals = [path for path in data_files(data_dir, "journal") if _order(path)[0] < before_ms]
    return sorted([*newest_day, *journals], key=_order, reverse=True)


def _order(path: str) -> tuple[int, bool]:
    parsed = layout.parse_name(os.path.basename(path))
    return (0, False) if parsed is None else (parsed.start_ms, parsed.kind == "journal")


def _read(path: str) -> tuple[FileHeader, list[Chunk]]:
    if path.endswith(".journal"):
        reader = JournalReader(path)
        try:
            return reader.header, reader.chunks(NEEDED_COLUMNS)
        finally:
            reader.close()
    file = WindowFile.open(path)
    try:
        return file.header, file.chunks(NEEDED_COLUMNS)
    finally:
        file.close()


def _last(chunks: list[Chunk], before_ms: int) -> LastTick | None:
    last = [(chunk, int(np.searchsorted(chunk.time_ms, before_ms)) - 1) for chunk in chunks]
    time_ms = max((int(chunk.time_ms[i]) for chunk, i in last if i >= 0), default=None)
    if time_ms is None:
        return None
    present = [(chunk, i) for chunk, i in last if i >= 0 and chunk.time_ms[i] == time_ms]
    rows = np.array([[chunk.late_ms[i], *(chunk.values[name][i] for name in NEEDED_COLUMNS)] for chunk, i in present])
    first_ms = {chunk.series.key: int(chunk.time_ms[0]) for chunk, _ in present}
    return LastTick(Tick(time_ms, tuple(chunk.series for chunk, _ in present), rows), first_ms)
