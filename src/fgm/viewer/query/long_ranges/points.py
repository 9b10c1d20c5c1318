"""Turns minutes into samples: the lowest and the highest of each minute, each at the time when it was recorded."""

from collections.abc import Collection
from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.rates import Floats, Times
from fgm.store.minutes.minutes_file import MinutesChunk

POINT_COLUMNS = ("min", "min_at_ms", "max", "max_at_ms")
"""The columns of minutes from which `points` are made."""
_VALUES = ("min", "mean", "max", "last")
_COLUMNS = tuple(each.name for each in fields(MinutesChunk) if each.name != "series")


def points(minutes: MinutesChunk, from_ms: int, to_ms: int) -> tuple[Times, Floats]:
    """Return the times and values of the samples in [from_ms, to_ms) that are known from minutes.

    The last value of a minute is none of them: it is rounded, and its time is not recorded.

    Shape: int64[n], ascending; float64[n], without NaN.
    """
    low_ms, high_ms = minutes.time_ms + minutes.min_at_ms, minutes.time_ms + minutes.max_at_ms
    is_low_first, is_alone = low_ms <= high_ms, low_ms == high_ms
    time_ms, values = np.empty(2 * len(low_ms), np.int64), np.empty(2 * len(low_ms))
    time_ms[::2], time_ms[1::2] = np.minimum(low_ms, high_ms), np.maximum(low_ms, high_ms)
    values[::2] = np.where(is_low_first, minutes.min, minutes.max)
    values[1::2] = np.where(is_low_first, minutes.max, minutes.min)
    is_within = not len(time_ms) or (time_ms[0] >= from_ms and time_ms[-1] < to_ms)
    if is_within and not is_alone.any():
        return time_ms, values
    is_kept = np.ones(len(time_ms), np.bool_)
    is_kept[1::2] = ~is_alone
    if not is_within:
        is_kept &= (time_ms >= from_ms) & (time_ms < to_ms)
    return time_ms[is_kept], values[is_kept]


def only(minutes: MinutesChunk, is_kept: NDArray[np.bool_]) -> MinutesChunk:
    """Return some of the minutes."""
    return replace(minutes, **{name: getattr(minutes, name)[is_kept] for name in _COLUMNS})


def scaled(minutes: MinutesChunk, factor: float, columns: Collection[str]) -> MinutesChunk:
    """Return minutes whose values are multiplied by a positive factor. `columns`: those that were read."""
    return replace(minutes, **{name: getattr(minutes, name) * factor for name in _VALUES if name in columns})
