"""The lower envelope of series: what is left whenever what can be given back has been given back."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

BINS = 360
"""Maximum number of bins of a series: of 5 s each for half an hour of seconds."""

DEPTH = 0.3
"""Minimum depth of a trough, as a share of the largest fall of a series."""

TOLERANCE = 0.05
"""Amount by which a later value may be below a trough that is kept, as a share of the largest fall of a series."""


class LowerEnvelopes(NamedTuple):
    """The lowest value of each series in each bin of ticks, and its tick.

    `value`: infinite where a bin has no value. `first_tick`: that of the first bin; the ticks before the first value
    of an array count as missing, so that the last bin is whole. `width`: number of ticks of a bin.

    Shape: `tick` is int64[series, bins]; `value` is float32[series, bins].
    """

    tick: Indices
    value: NDArray[np.float32]
    first_tick: int
    width: int

    def last_tick(self, bin_: int) -> int:
        """Return the last tick of a bin."""
        return self.first_tick + (bin_ + 1) * self.width - 1

    def bin_of(self, tick: int) -> int:
        """Return the bin that a tick is in."""
        return (tick - self.first_tick) // self.width

    def points(self, row: int, end: int) -> tuple[Indices, Floats]:
        """Return the ticks and the values of the bins of one series up to the bin `end` that have a value."""
        value = self.value[row, : end + 1]
        has_value = value < np.inf
        return self.tick[row, : end + 1][has_value], value[has_value].astype(np.float64)

    def values_after(self, row: int, end: int) -> Floats:
        """Return the values of the bins of one series after the bin `end` that have one."""
        value = self.value[row, end + 1 :]
        return value[value < np.inf].astype(np.float64)


def lower_envelopes(values: NDArray[np.float32], bins: int = BINS) -> LowerEnvelopes:
    """Return the lower envelopes of all series.

    Shape: `values` is float32[series, ticks], NaN for missing.
    """
    series, ticks = values.shape
    width = max(1, -(-ticks // bins))
    missing = -ticks % width
    padded = np.full((series, missing + ticks), np.inf, np.float32)
    np.copyto(padded[:, missing:], values, where=~np.isnan(values))
    parts = padded.reshape(series, -1, width)
    lowest = parts.argmin(axis=2)
    value = np.take_along_axis(parts, lowest[:, :, np.newaxis], axis=2)[:, :, 0]
    tick = np.arange(parts.shape[1]) * width - missing + lowest
    return LowerEnvelopes(tick, value, -missing, width)


def largest_fall(values: Floats) -> float:
    """Return the largest amount that a series gave back after it had taken it.

    Shape: float64[points]; no NaN.
    """
    return float((np.maximum.accumulate(values) - values).max(initial=0.0))


def troughs(values: Floats) -> Indices:
    """Return the indices of the local minima of a series to which it fell from much higher; none at its end.

    Of a saw-tooth these are the points after each garbage collection. A rise that has not ended yet has none: it is not
    known yet what will be given back of it. Much is a share of DEPTH of the largest fall.

    Shape: float64[points]; no NaN.
    """
    change = np.diff(values)
    lowest = 1 + np.flatnonzero((change[:-1] < 0) & (change[1:] > 0))
    if not len(lowest):
        return lowest
    highest = np.maximum.reduceat(values, np.append(0, lowest[:-1]))
    highest[-1] = values[(lowest[-2] if len(lowest) > 1 else 0) : lowest[-1] + 1].max()
    return lowest[highest - values[lowest] >= DEPTH * largest_fall(values)]


def kept(values: Floats, lowest: Indices) -> Indices:
    """Return those of these indices that no later value falls below by more than a little.

    A little is a share of TOLERANCE of the largest fall.

    Shape: `values` is float64[points]; no NaN.
    """
    later = np.minimum.accumulate(values[::-1])[::-1]
    return lowest[values[lowest] <= later[lowest] + TOLERANCE * largest_fall(values)]


def coarser(values: Floats, width: int) -> Indices:
    """Return the index of the lowest of each `width` values; the first of them may be fewer.

    Shape: `values` is float64[points]; no NaN.
    """
    missing = -len(values) % width
    parts = np.append(np.full(missing, np.inf), values).reshape(-1, width)
    return np.asarray(parts.argmin(axis=1) + np.arange(len(parts)) * width - missing, dtype=np.int64)
