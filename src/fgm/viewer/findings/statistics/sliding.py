"""Means over a sliding window and over blocks of ticks, and runs of ticks. Missing values are left out."""

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.statistics.levels import Floats, Values, medians

MIN_PRESENT = 0.5
"""Minimum share of the ticks of a window that must have a value; the mean of a window with fewer is missing."""


def sliding_means(values: Values, width: int) -> Floats:
    """Return the mean of each window of `width` ticks, at its first tick; NaN where too few values are present.

    Shape: float[series, ticks] -> float64[series, ticks - width + 1], or [series, 0] if there are fewer ticks.
    """
    if values.shape[-1] < width:
        return np.empty((*values.shape[:-1], 0))
    is_present = ~np.isnan(values)
    sums = _windows(np.where(is_present, values, 0.0).astype(np.float64), width)
    if is_present.all():
        return sums / width
    counts = _windows(is_present.astype(np.float64), width)
    means = np.full(sums.shape, np.nan)
    np.divide(sums, counts, out=means, where=counts >= MIN_PRESENT * width)
    return means


def block_medians(values: Values, width: int) -> Floats:
    """Return the median of each block of `width` ticks; a last block with fewer ticks is left out.

    Shape: float[series, ticks] -> float64[series, ticks // width].
    """
    blocks = values.shape[-1] // width
    return medians(values[..., : blocks * width].reshape(*values.shape[:-1], blocks, width))


def runs(mask: NDArray[np.bool_], max_gap: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first index of each run of true values, and the index after its last one.

    Runs with at most `max_gap` false values between them are one.

    Shape: `mask` is bool[ticks]; both results are int64[runs].
    """
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=np.int8(0), append=np.int8(0)))
    starts, ends = edges[::2], edges[1::2]
    is_apart = starts[1:] - ends[:-1] > max_gap
    is_edge = np.ones(min(len(starts), 1), np.bool_)
    return starts[np.concatenate([is_edge, is_apart])], ends[np.concatenate([is_apart, is_edge])]


def _windows(values: Floats, width: int) -> Floats:
    """Return the sum of each window."""
    sums = np.cumsum(values, axis=-1)
    result = sums[..., width - 1 :].copy()
    result[..., 1:] -= sums[..., :-width]
    return result
