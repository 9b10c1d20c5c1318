"""Finds the last tick that was recorded before this run, as far as events are derived from it."""

import logging
import os
from itertools import groupby

import numpy as np

from fgm.events.watched import NEEDS
from fgm.logs import fields
from fgm.store.directory import layout
from fgm.store.directory.listing import data_files
from fgm.store.errors import BadFileError
from fgm.store.journal.journal_reader import JournalReader
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.tick import Tick

MOST_FILES = 10
"""So many of the newest files are looked at: those that hold no tick, or none of this node, are passed over."""

log = logging.getLogger(__name__)


def last_tick(data_dir: str, before_ms: int, node_name: str | None) -> Tick | None:
    """Return the newest tick before an instant, its rows with `late_ms` and NEEDS; None where there is none.

    Of any writer, but of this node. Raises OSError where the directory cannot be listed.
    """
    for path in _newest_files(data_dir)[:MOST_FILES]:
        try:
            header, chunks = _read(path)
        except (BadFileError, OSError) as error:
            log.info("a file tells nothing of the time before", extra=fields(file=path, reason=str(error)))
            continue
        if None in (header.node_name, node_name) or header.node_name == node_name:
            tick = _last(chunks, before_ms)
            if tick is not None:
                return tick
    return None


def _newest_files(data_dir: str) -> list[str]:
    """Return all journals, and the Parquet files of the newest day that has some; the newest window first."""
    closed = groupby(data_files(data_dir, "metrics", newest_first=True), lambda path: path.split(os.sep)[-3])
    _, newest_day = next(closed, ("", iter(())))
    return sorted([*newest_day, *data_files(data_dir, "journal")], key=_order, reverse=True)


def _order(path: str) -> tuple[int, bool]:
    parsed = layout.parse_name(os.path.basename(path))
    return (0, False) if parsed is None else (parsed.start_ms, parsed.kind == "journal")


def _read(path: str) -> tuple[FileHeader, list[Chunk]]:
    if path.endswith(".journal"):
        reader = JournalReader(path)
        try:
            return reader.header, reader.chunks(NEEDS)
        finally:
            reader.close()
    file = WindowFile.open(path)
    try:
        return file.header, file.chunks(NEEDS)
    finally:
        file.close()


def _last(chunks: list[Chunk], before_ms: int) -> Tick | None:
    ends = [int(np.searchsorted(chunk.time_ms, before_ms)) - 1 for chunk in chunks]
    time_ms = max((int(chunk.time_ms[end]) for chunk, end in zip(chunks, ends, strict=True) if end >= 0), default=None)
    if time_ms is None:
        return None
    there = [(c, end) for c, end in zip(chunks, ends, strict=True) if end >= 0 and c.time_ms[end] == time_ms]
    rows = np.array([[c.late_ms[end], *(c.values[name][end] for name in NEEDS)] for c, end in there])
    return Tick(time_ms, tuple(c.series for c, _ in there), rows)
