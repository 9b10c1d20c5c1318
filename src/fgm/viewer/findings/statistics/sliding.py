"""Means over a sliding window and over blocks of ticks, and runs of ticks. Missing values are left out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.statistics.levels import Floats, Values, medians

MIN_PRESENT = 0.5
"""Minimum share of the ticks of a window that must have a value; the mean of a window with fewer is missing."""


def sliding_means(values: Values, width: int) -> Floats:
    """Return the mean of each window of `width` ticks, at its first tick; NaN where too few values are present.

    Shape: float[series, ticks] -> float64[series, ticks - width + 1], or [series, 0] if there are fewer ticks.
    """
    return means_of_widths(values, (width,))[0]


def means_of_widths(values: Values, widths: Sequence[int]) -> list[Floats]:
    """Return what `sliding_means` does, for each of some widths. The values are added up once for all of them."""
    is_null = np.isnan(values)
    has_null = is_null.any(axis=-1)
    sums = np.cumsum(np.where(is_null, 0.0, values) if has_null.any() else values, axis=-1, dtype=np.float64)
    counts = np.cumsum(~is_null[has_null], axis=-1, dtype=np.float64)
    means = []
    for width in widths:
        if values.shape[-1] < width:
            means.append(np.empty((*values.shape[:-1], 0)))
            continue
        of_width = _windows(sums, width)
        present = _windows(counts, width)
        with_null = np.full(present.shape, np.nan)
        np.divide(of_width[has_null], present, out=with_null, where=present >= MIN_PRESENT * width)
        of_width /= width
        of_width[has_null] = with_null
        means.append(of_width)
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


def _windows(sums: Floats, width: int) -> Floats:
    """Return the sum of each window. `sums`: of all values up to each tick."""
    result = sums[..., width - 1 :].copy()
    result[..., 1:] -= sums[..., :-width]
    return result
