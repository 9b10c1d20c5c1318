"""When each series of a file begins and ends, for an index that is made again from the files."""

from dataclasses import dataclass

import numpy as np

from fgm.store.errors import BadFileError
from fgm.store.minutes.minute_rows import MINUTE_MS
from fgm.store.minutes.minutes_file import MinutesFile
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.series import Series

_METRICS_OF_ALL = ("memory.current", "cpu.stat.usage_usec")
"""Metrics whose minutes show how long a series was there. With the usual controllers, containers have one of them."""


@dataclass(frozen=True, slots=True)
class SeriesSpan:
    """A series of a file, with the times of its first and last tick."""

    series: Series
    first_ms: int
    last_ms: int


def of_samples(path: str) -> list[SeriesSpan] | None:
    """Return the spans of a window or a merged hour; None if it cannot be read. Reads no column but the time."""
    try:
        file = WindowFile.open(path)
    except (OSError, BadFileError):
        return None
    try:
        times = file.time_ms()
        ends = [(run, run.first + run.count - 1) for run in file.block.runs]
        return [SeriesSpan(run.series, int(times[run.first]), int(times[last])) for run, last in ends]
    except (OSError, BadFileError):
        return None
    finally:
        file.close()


def of_minutes(path: str) -> list[SeriesSpan] | None:
    """Return the spans of a file of minutes, in whole minutes; None if it cannot be read.

    A series without any of `_METRICS_OF_ALL` counts as there all the time.
    """
    try:
        file = MinutesFile.open(path)
    except (OSError, BadFileError):
        return None
    try:
        first_ms = np.full(len(file.series), np.iinfo(np.int64).max)
        last_ms = np.full(len(file.series), -1)
        for metric in _METRICS_OF_ALL:
            rows = file.rows(metric)
            np.minimum.at(first_ms, rows.series, rows.time_ms)
            np.maximum.at(last_ms, rows.series, rows.time_ms)
        block = file.block
        return [
            SeriesSpan(series, first, last + MINUTE_MS - 1)
            if last >= 0
            else SeriesSpan(series, block.first_ms, block.last_ms + MINUTE_MS - 1)
            for series, first, last in zip(file.series, first_ms.tolist(), last_ms.tolist(), strict=True)
        ]
    except (OSError, BadFileError):
        return None
    finally:
        file.close()
