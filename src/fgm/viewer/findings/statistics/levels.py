"""Level and spread of series by order statistics, which a few extremes do not change. Missing values are left out.

`numpy.median` and `numpy.percentile` are not used: they are slower along rows, and import the masked arrays.

Source: Hampel (1974), The influence curve and its role in robust estimation (median absolute deviation).
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Values = NDArray[np.floating]
F = TypeVar("F", bound=np.floating)

MIN_PARTITIONED = 4_000
"""Minimum number of values that are put in order in a few places only; fewer are sorted in less time."""
MAX_PLACES = 8
"""Maximum number of these places."""
SPREAD_OF_MAD = 1.4826
"""Standard deviation of normally distributed values whose median absolute deviation is 1."""


def quantiles(values: Values, *shares: float) -> tuple[Floats, ...]:
    """Return quantiles of each series, interpolated linearly; NaN for a series without values.

    Shape: `values` is float[series, ticks], the result float64[series] for each share.
    """
    counts = np.count_nonzero(np.isfinite(values), axis=-1)
    positions = [_position(counts, share) for share in shares]
    if values.shape[-1] == 0:
        return tuple(np.full(values.shape[:-1], np.nan) for _ in shares)
    # NaN comes last
    needed = _needed(positions) if values.size >= MIN_PARTITIONED else None
    ordered = np.sort(values, axis=-1) if needed is None else np.partition(values, needed, axis=-1)
    return tuple(np.where(counts > 0, _at(ordered, position), np.nan) for position in positions)


def zero_for_null(values: NDArray[F]) -> NDArray[F]:
    """Return values with 0 for NaN."""
    result: NDArray[F] = np.where(np.isnan(values), values.dtype.type(0), values)
    return result


def medians(values: Values) -> Floats:
    """Return the median of each series; NaN for a series without values."""
    return quantiles(values, 0.5)[0]


def median(values: ArrayLike) -> float:
    """Return the median of some values."""
    return float(medians(np.asarray(values, np.float64)))


def levels_and_spreads(values: Values) -> tuple[Floats, Floats]:
    """Return the median of each series, and its median absolute deviation as a standard deviation."""
    level = medians(values)
    return level, SPREAD_OF_MAD * medians(np.abs(values - level[..., None]))


class _Position(NamedTuple):
    """Where a quantile of each series is: between the value at `lower` and the one at `upper`; `share`: how far."""

    lower: NDArray[np.int64]
    upper: NDArray[np.int64]
    share: Floats


def _position(counts: NDArray[np.int64], share: float) -> _Position:
    last = np.maximum(counts - 1, 0)
    position = share * last
    lower = position.astype(np.int64)
    return _Position(lower, np.minimum(lower + 1, last), position - lower)


def _needed(positions: Sequence[_Position]) -> list[int] | None:
    """Return the places that must be in order; None if there are so many that it takes less time to sort all."""
    places = {place for each in positions for ends in each[:2] for place in ends.ravel().tolist()}
    return sorted(places) if len(places) <= MAX_PLACES else None


def _at(ordered: Values, at: _Position) -> Floats:
    rows = ordered.reshape(-1, ordered.shape[-1])
    number = np.arange(len(rows)).reshape(at.lower.shape)
    low, high = (rows[number, place].astype(np.float64) for place in (at.lower, at.upper))
    result: Floats = low + at.share * (high - low)
    return result
