"""What was recorded of a window before: in the file of the window, or in the merged file of its hour.

A window has a file of its own until its hour is merged. It is recorded again after that only if the wall clock was set
back by more than an hour, or if a journal of it turns up late.
"""

import os
from collections.abc import Iterator

import numpy as np

from fgm.metrics.catalogue import COLUMNS
from fgm.store.directory import layout
from fgm.store.directory.layout import Window
from fgm.store.errors import BadFileError
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk


def last_ms(folder: str, window: Window) -> int:
    """Return the last tick of a window that is in a Parquet file; -1 if there is none that can be read. May block."""
    try:
        file = WindowFile.open(os.path.join(folder, layout.metrics_name(window.start_ms)))
    except (BadFileError, OSError):
        return _last_merged_ms(folder, window)
    try:
        return file.block.last_ms
    finally:
        file.close()


def merged_chunks(folder: str, window: Window) -> list[Chunk]:
    """Return the rows of a window that are in the merged file of its hour; none if the hour was not merged.

    Reads one series at a time, because all columns of an hour take hundreds of MB.

    Raises: BadFileError if the file cannot be read.
    """
    try:
        file = WindowFile.open(_hour_path(folder, window))
    except FileNotFoundError:
        return []
    try:
        if file.block.last_ms < window.start_ms or file.block.first_ms >= window.end_ms:
            return []
        keys = dict.fromkeys(series.key for series in file.series)
        return [part for key in keys for chunk in file.chunks(COLUMNS, [key]) for part in _cut(chunk, window)]
    finally:
        file.close()


def _cut(chunk: Chunk, window: Window) -> Iterator[Chunk]:
    first, end = np.searchsorted(chunk.time_ms, (window.start_ms, window.end_ms))
    if first < end:
        rows = slice(int(first), int(end))
        values = {name: column[rows].copy() for name, column in chunk.values.items()}
        yield Chunk(chunk.series, chunk.time_ms[rows].copy(), chunk.late_ms[rows].copy(), values)


def _last_merged_ms(folder: str, window: Window) -> int:
    try:
        file = WindowFile.open(_hour_path(folder, window))
    except (BadFileError, OSError):
        return -1
    try:
        times = file.time_ms()
        return int(times[(times >= window.start_ms) & (times < window.end_ms)].max(initial=-1))
    except BadFileError:
        return -1
    finally:
        file.close()


def _hour_path(folder: str, window: Window) -> str:
    return os.path.join(folder, layout.hour_name(window.start_ms - window.start_ms % layout.HOUR_MS))
