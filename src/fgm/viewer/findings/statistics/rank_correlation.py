"""Rank correlation of two series, of which the second may follow the first after some ticks.

Source: Spearman, "The proof and measurement of association between two things" (1904).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.floating]


class Correlation(NamedTuple):
    """A rank correlation, from -1 to 1, and the lag in ticks at which it is that high."""

    value: float
    lag: int


def lagged(first: Vector, second: Vector, max_lag: int) -> Correlation:
    """Return the highest rank correlation of a series with what another one does up to `max_lag` ticks later.

    Each tick counts as the mean of itself and its neighbours, because a rate belongs to the time between two readings.
    It is 0 if one of the series is constant.

    Shape: both are float[ticks], without NaN.
    """
    best = Correlation(0.0, 0)
    causes, effects = _ranks(_smooth(first)), _ranks(_smooth(second))
    for lag in range(min(max_lag, len(first) // 4) + 1):
        cause, effect = causes[: len(causes) - lag], effects[lag:]
        cause, effect = cause - cause.mean(), effect - effect.mean()
        scale = float(np.sqrt((cause**2).sum() * (effect**2).sum()))
        value = float((cause * effect).sum()) / scale if scale > 0 else 0.0
        best = max(best, Correlation(value, lag), key=lambda each: each.value)
    return best


def _ranks(values: Vector) -> NDArray[np.float64]:
    """Return the rank of each value; equal values have the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks


def _smooth(values: Vector) -> NDArray[np.float64]:
    padded = np.pad(values.astype(np.float64), 1, mode="edge")
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3
