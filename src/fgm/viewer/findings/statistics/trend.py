"""Trends: how fast a series grows, between which bounds, since when, and whether that can be chance.

The methods are robust: a few outliers, or values that are not distributed normally, change their results little.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SURE = 0.95
"""Probability with which an interval of a slope contains the true slope."""
_NORMAL_QUANTILE = 1.959964
"""Quantile of the standard normal distribution for SURE, on both sides."""
MAX_POINTS = 40
"""Maximum number of points of each series: the slopes of all pairs are computed, of which there are 780 then."""

MAX_CORRELATION = 0.95
"""Maximum autocorrelation that is corrected for: of a few dozen points, more cannot be told from it."""


class Trends(NamedTuple):
    """One trend for each series; NaN if a series has fewer than three points.

    `slope_low`, `slope_high`: the interval that contains the true slope with probability SURE. `level`: the value of
    the line at time 0. `z`: significance of the growth; in standard deviations of what chance makes.

    Unit: of the values, per unit of time for slopes.
    Shape: float64[series] each.
    """

    slope: Floats
    slope_low: Floats
    slope_high: Floats
    level: Floats
    z: Floats


def trends(time: Floats, values: Floats) -> Trends:
    """Return the trend of each series by Theil and Sen, with its significance by Mann and Kendall.

    The slope is the median of the slopes of all pairs of points. The variance of Kendall's statistic is corrected for
    the autocorrelation of the residuals, without which every random walk would be significant; the interval of the
    slope uses the corrected variance, too.

    `time`: of each point, ascending, for all series or one row for each. `values`: NaN for missing.

    Shape: `values` is float64[series, points], with at most a few dozen points; see `decimated`.
    Source: Sen (1968), "Estimates of the regression coefficient based on Kendall's tau"; Yue and Wang (2004), "The
    Mann-Kendall test modified by effective sample size to detect trend in serially correlated hydrological series".
    """
    time = np.broadcast_to(time, values.shape)
    first, second = np.triu_indices(values.shape[1], 1)
    rise, passed = values[:, second] - values[:, first], time[:, second] - time[:, first]
    slopes = np.divide(rise, passed, out=np.full(rise.shape, np.nan), where=passed > 0)
    slopes.sort(axis=1)  # NaN is last
    pairs = np.count_nonzero(~np.isnan(slopes), axis=1)
    points = np.count_nonzero(~np.isnan(values), axis=1)
    slope = _sorted_quantile(slopes, pairs, (pairs - 1) / 2)
    level = _median(values - slope[:, np.newaxis] * time)
    residuals = values - level[:, np.newaxis] - slope[:, np.newaxis] * time
    n = points.astype(np.float64)
    deviation = np.sqrt(n * (n - 1) * (2 * n + 5) / 18 * _variance_factor(residuals))
    score = np.nansum(np.sign(rise), axis=1)
    significance = np.sign(score) * np.maximum(np.abs(score) - 1, 0) / np.maximum(deviation, 1e-9)
    reach = _NORMAL_QUANTILE * deviation / 2
    has_trend = points >= 3
    return Trends(
        *(
            np.where(has_trend, column, np.nan)
            for column in (
                slope,
                _sorted_quantile(slopes, pairs, (pairs - 1) / 2 - reach),
                _sorted_quantile(slopes, pairs, (pairs - 1) / 2 + reach),
                level,
                significance,
            )
        )
    )


def decimated(time: Floats, values: Floats, points: int = MAX_POINTS) -> tuple[Floats, Floats]:
    """Return at most `points` points of one series: the medians of parts of equal numbers of samples, and their times.

    Shape: `time` and `values` are float64[samples]; no NaN.
    """
    if len(values) <= points:
        return time, values
    times, parts = np.array_split(time, points), np.array_split(values, points)
    ordered = [np.sort(part) for part in parts]
    medians = [(part[(len(part) - 1) // 2] + part[len(part) // 2]) / 2 for part in ordered]
    return np.array([part.mean() for part in times]), np.array(medians)


class Growth(NamedTuple):
    """A level, and a line that grows from it from an instant on: `value = level + slope * max(0, time - begin)`.

    `is_whole`: whether the line grows from the first sample on, so that its begin is not known.
    """

    begin: float
    level: float
    slope: float
    is_whole: bool

    def at(self, time: Floats) -> Floats:
        """Return the values of the line at these times."""
        return self.level + self.slope * np.maximum(0, time - self.begin)


def growth(time: Floats, values: Floats, knots: int = 300) -> Growth:
    """Return the growth that fits one series best: least squares over all begins, which may be between two samples.

    Shape: float64[samples], at least three; times ascending; no NaN.
    Source: Hinkley (1971), "Inference in two-phase regression", with the first phase level.
    """
    t, y = time - time[-1], values - values.mean()
    sums = np.zeros((5, len(t) + 1))  # of the samples from each one on
    np.cumsum(np.array([np.ones_like(t), t, t * t, y, y * t])[:, ::-1], axis=1, out=sums[:, -2::-1])
    coarse = np.linspace(t[0], 0, knots + 1)[:-1]
    step = coarse[1] - coarse[0]
    begin = coarse[_explained(t, sums, coarse).argmax()]
    fine = np.clip(np.linspace(begin - 2 * step, begin + 2 * step, 81), t[0], coarse[-1])
    begin = float(fine[_explained(t, sums, fine).argmax()])
    grown = np.maximum(0, t - begin)
    rise = grown - grown.mean()
    slope = float((rise * y).sum() / (rise * rise).sum())
    level = float(values.mean() - slope * grown.mean())
    return Growth(begin + float(time[-1]), level, slope, is_whole=bool(begin <= t[0] + step))


def _explained(t: Floats, sums: Floats, knots: Floats) -> Floats:
    """Return how much of the sum of squares the best growth from each knot on explains.

    `sums`: of 1, t, t^2, y and y t over the samples from each one on, and 0 after the last.
    """
    count, of_t, of_squares, of_y, of_products = sums[:, np.searchsorted(t, knots, side="right")]
    grown = of_t - count * knots
    squares = of_squares - 2 * knots * of_t + count * knots * knots - grown * grown / len(t)
    product = of_products - knots * of_y
    explained: Floats = np.divide(product * product, squares, out=np.zeros_like(knots), where=squares > 0)
    return explained


def slope_error(time: Floats, residuals: Floats, least: float = 0.0) -> float:
    """Return the standard error of a slope of least squares, corrected for the autocorrelation of the residuals.

    `residuals`: those of the whole fit, of which the slope may be a part only. `least`: their minimum standard
    deviation, by which values are not exact.

    Shape: float64[points] for `time`, at least two different; no NaN.
    """
    spread = max(least, float(np.sqrt((residuals * residuals).mean())))
    factor = float(_variance_factor(residuals[np.newaxis])[0])
    return float(spread * np.sqrt(factor) / max(1e-9, float(np.sqrt(((time - time.mean()) ** 2).sum()))))


def _variance_factor(residuals: Floats) -> Floats:
    """Return by how much the autocorrelation of residuals increases the variance of Kendall's statistic, at least 1.

    The autocorrelation of a detrended series is too low on average, which is corrected.

    Source: Marriott and Pope (1954), "Bias in the estimation of autocorrelations", for a series without its trend.
    """
    this, following = residuals[:, :-1], residuals[:, 1:]
    both = np.nansum(this * following, axis=1)
    alone = np.nansum(residuals * residuals, axis=1)
    correlation = np.divide(both, alone, out=np.zeros_like(both), where=alone > 0)
    count = np.count_nonzero(~np.isnan(residuals), axis=1)
    correlation = np.clip(correlation + (2 + 4 * correlation) / np.maximum(count, 1), 0, MAX_CORRELATION)
    return np.asarray((1 + correlation) / (1 - correlation), dtype=np.float64)


def _median(values: Floats) -> Floats:
    ordered = np.sort(values, axis=1)
    count = np.count_nonzero(~np.isnan(ordered), axis=1)
    return _sorted_quantile(ordered, count, (count - 1) / 2)


def _sorted_quantile(ordered: Floats, count: NDArray[np.int64], position: Floats) -> Floats:
    """Return the value at a fractional position of each sorted row, whose first `count` values are not NaN."""
    last = np.maximum(count - 1, 0)
    position = np.clip(np.nan_to_num(position), 0, last)
    below = np.floor(position).astype(np.int64)
    above = np.minimum(below + 1, last)
    rows, part = np.arange(len(ordered)), position - below
    return np.asarray(ordered[rows, below] * (1 - part) + ordered[rows, above] * part, dtype=np.float64)
