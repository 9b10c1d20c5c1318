"""The range of ticks in which a series was most above what is usual."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.statistics.levels import zero_for_null

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Segments(NamedTuple):
    """One range of ticks for each row: [start, stop), and the sum of the weights in it. Empty if no weight is above 0.

    Shape: int64[rows], int64[rows], float64[rows].
    """

    start: Ints
    stop: Ints
    weight: Floats


def heaviest(weights: NDArray[np.floating]) -> Segments:
    """Return for each row the range of ticks whose weights have the greatest sum: the one that CUSUM rises most in.

    A weight is how far a value is above what is allowed, and negative below it. A short pause does not end a range if
    what follows weighs more than the pause, and a single high tick long before does not begin one. NaN counts as 0.

    Shape: `weights` is float[rows, ticks].
    Source: Page, "Continuous inspection schemes", Biometrika 41 (1954); as a range, it is Kadane's maximum sum.
    """
    rows, ticks = weights.shape
    sums = np.zeros((rows, ticks + 1))
    np.cumsum(zero_for_null(weights), axis=1, out=sums[:, 1:])
    lows = np.minimum.accumulate(sums, axis=1)
    stop = np.argmax(sums - lows, axis=1)
    positions = np.maximum.accumulate(np.where(sums == lows, np.arange(ticks + 1), 0), axis=1)
    every = np.arange(rows)
    start = positions[every, stop]
    return Segments(start, stop, sums[every, stop] - sums[every, start])


def usual_part(values: NDArray[np.floating], begin: int) -> NDArray[np.floating]:
    """Return the ticks of each row that show what is usual: those before the range in question.

    If there are none, they are those of the range outside of its heaviest part above the mean, the others being NaN.

    Shape: float[rows, ticks] -> float[rows, usual ticks].
    """
    if begin:
        return values[:, :begin]
    present = np.isfinite(values)
    means = np.where(present, values, 0).sum(axis=1, dtype=np.float64) / np.maximum(present.sum(axis=1), 1)
    rise = heaviest(values - means[:, None])
    at = np.arange(values.shape[1])
    is_inside = (at >= rise.start[:, None]) & (at < rise.stop[:, None])
    return np.where(is_inside, values.dtype.type(np.nan), values)
