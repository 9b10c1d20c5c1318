"""Autocorrelation of series with missing values, its significance, and the period that it shows.

Source: Box, Jenkins and Reinsel, Time Series Analysis; Bartlett (1946) for the standard error; the sums are computed by
the fast Fourier transform (Wiener and Khinchin).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.statistics.levels import Floats, Values

MIN_PERIOD_TICKS = 4
"""Minimum number of ticks of a period: what swings faster cannot be told from noise."""
MIN_CYCLES = 4
"""Minimum number of periods in the range."""
BOUND_ERRORS = 2.807
"""Standard errors that normally distributed noise exceeds once in 200 times, on either side."""
MIN_SHARE = 0.1
"""Minimum part of the variance that must beat; less is not seen in a chart."""


class Periodicity(NamedTuple):
    """How alike a series is to itself after each lag, and the period that this shows.

    `bound`: autocorrelation that noise exceeds at one of 200 lags. `period_ticks`: None if nothing beats. `share`: part
    of the variance that beats with the period.

    Shape: `correlation` and `bound` are float64[lags], from lag 0 on.
    """

    correlation: Floats
    bound: Floats
    period_ticks: int | None
    share: float


def periodicity(values: Values, max_lag: int | None = None) -> Periodicity:
    """Return the periodicity of one series. `max_lag`: half of the range if there is none.

    Shape: `values` is float[ticks].
    """
    ticks = len(values)
    covariance = autocovariance(np.asarray(values)[None], min(ticks // 2, max_lag or ticks // 2))
    variance = float(covariance[0, 0])
    correlation = covariance[0] / variance if variance > 0 else np.zeros(covariance.shape[1])
    present = int((~np.isnan(values)).sum())
    bound = BOUND_ERRORS * standard_errors(correlation, present)
    period, strength = periods(covariance)
    lag = int(period[0])
    is_period = lag > 0 and correlation[lag] > bound[lag] and strength[0] >= MIN_SHARE * variance
    return Periodicity(
        correlation, bound, lag if is_period else None, float(strength[0]) / variance if is_period else 0.0
    )


def autocovariance(values: Values, max_lag: int) -> Floats:
    """Return the autocovariance of each series for the lags from 0 to `max_lag`; 0 for a series without values.

    Missing values are left out. The sums are divided by the number of all pairs of present ticks at a lag, so that
    long lags count as much as short ones.

    Shape: float[series, ticks] -> float64[series, max_lag + 1].
    """
    is_present = ~np.isnan(values)
    counts = np.maximum(is_present.sum(axis=-1, keepdims=True), 1)
    filled = np.where(is_present, values, 0.0).astype(np.float64)
    centred = np.where(is_present, filled - filled.sum(axis=-1, keepdims=True) / counts, 0.0)
    size = _fast_size(values.shape[-1] + max_lag)
    sums = _correlation(centred, size, max_lag)
    if is_present.all():
        pairs = values.shape[-1] - np.arange(max_lag + 1.0)
    else:
        pairs = _correlation(is_present.astype(np.float64), size, max_lag)
    return np.asarray(sums / np.maximum(pairs, 1.0), np.float64)


def autocorrelation(values: Values, max_lag: int) -> Floats:
    """Return the autocorrelation of each series: its autocovariance as a share of its variance."""
    covariance = autocovariance(values, max_lag)
    variance = covariance[..., :1]
    return np.divide(covariance, variance, out=np.zeros_like(covariance), where=variance > 0)


def standard_errors(correlation: Floats, ticks: int) -> Floats:
    """Return the standard error of the autocorrelation at each lag if there is none beyond shorter lags (Bartlett).

    Shape: float64[..., lags] -> float64[..., lags].
    """
    squares = correlation**2
    shorter = np.maximum(np.cumsum(squares, axis=-1) - squares - squares[..., :1], 0.0)  # without lag 0
    return np.asarray(np.sqrt((1.0 + 2.0 * shorter) / max(ticks, 1)), np.float64)


def beat_covariance(covariance: Floats, lags: NDArray[np.int64]) -> Floats:
    """Return how much of the variance beats with a period of each lag: 0 or less if nothing does.

    What beats is alike after one period and after two, and different after half a period and one and a half. Slow
    changes and noise that fades with the lag fail the second, and single coincidences the first. `lags`: at most half
    of the greatest lag of `covariance`.

    Shape: `covariance` is float64[series, all lags]; the result is float64[series, lags].
    """
    last = covariance.shape[-1] - 1
    twice = np.maximum.reduce([covariance[..., np.minimum(2 * lags + shift, last)] for shift in (-1, 0, 1)])
    between = np.maximum(
        (covariance[..., lags // 2] + covariance[..., (lags + 1) // 2]) / 2,
        (covariance[..., 3 * lags // 2] + covariance[..., (3 * lags + 1) // 2]) / 2,
    )
    return np.minimum(covariance[..., lags], twice) - np.maximum(between, 0.0)


def periods(covariance: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the period of each series in ticks, and the part of its variance that beats with it; 0 if none does.

    Of multiples of a period, the smallest one counts.

    Shape: float64[series, lags] -> int64[series], float64[series].
    """
    lags = np.arange(MIN_PERIOD_TICKS, (covariance.shape[-1] - 1) // 2 + 1)
    if len(lags) == 0:
        return np.zeros(covariance.shape[:-1], np.int64), np.zeros(covariance.shape[:-1])
    beats = beat_covariance(covariance, lags)
    best = beats.max(axis=-1, keepdims=True)
    first = np.argmax(beats >= 0.9 * best, axis=-1)
    # The first lag near the best value may be on the flank of its peak: climb to the top.
    for _ in range(2):
        neighbours = np.clip(first[..., None] + np.arange(-1, 2), 0, len(lags) - 1)
        first = np.take_along_axis(
            neighbours, np.argmax(np.take_along_axis(beats, neighbours, -1), axis=-1)[..., None], -1
        )[..., 0]
    strength = np.take_along_axis(beats, first[..., None], -1)[..., 0]
    return np.where(strength > 0, lags[first], 0), np.maximum(strength, 0.0)


def _correlation(values: Floats, size: int, max_lag: int) -> Floats:
    spectrum = np.fft.rfft(values, size, axis=-1)
    return np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size, axis=-1)[..., : max_lag + 1]


def _fast_size(least: int) -> int:
    """Return the smallest size of at least `least` whose only prime factors are 2, 3 and 5."""
    size = least
    while True:
        rest = size
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return size
        size += 1
