"""Level and spread of series by order statistics, which a few extremes do not change. Missing values are left out.

`numpy.median` and `numpy.percentile` are not used: they are slower along rows, and import the masked arrays.

Source: Hampel (1974), The influence curve and its role in robust estimation (median absolute deviation).
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Values = NDArray[np.floating]
F = TypeVar("F", bound=np.floating)

SPREAD_OF_MAD = 1.4826
"""Standard deviation of normally distributed values whose median absolute deviation is 1."""


def quantiles(values: Values, *shares: float) -> tuple[Floats, ...]:
    """Return quantiles of each series, interpolated linearly; NaN for a series without values.

    Shape: `values` is float[series, ticks], the result float64[series] for each share.
    """
    ordered = np.sort(values, axis=-1)  # NaN comes last
    return tuple(_at(ordered, np.isfinite(ordered).sum(axis=-1), share) for share in shares)


def zero_for_null(values: NDArray[F]) -> NDArray[F]:
    """Return values with 0 for NaN."""
    result: NDArray[F] = np.where(np.isnan(values), values.dtype.type(0), values)
    return result


def medians(values: Values) -> Floats:
    """Return the median of each series; NaN for a series without values."""
    return quantiles(values, 0.5)[0]


def levels_and_spreads(values: Values) -> tuple[Floats, Floats]:
    """Return the median of each series, and its median absolute deviation as a standard deviation."""
    level = medians(values)
    return level, SPREAD_OF_MAD * medians(np.abs(values - level[..., None]))


def _at(ordered: Values, counts: NDArray[np.int64], share: float) -> Floats:
    if ordered.shape[-1] == 0:
        return np.full(ordered.shape[:-1], np.nan)
    position = share * np.maximum(counts - 1, 0)
    lower = position.astype(np.int64)
    upper = np.minimum(lower + 1, np.maximum(counts - 1, 0))
    low, high = (np.take_along_axis(ordered, at[..., None], -1)[..., 0].astype(np.float64) for at in (lower, upper))
    return np.where(counts > 0, low + (position - lower) * (high - low), np.nan)
