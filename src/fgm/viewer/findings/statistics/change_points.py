"""Change points: ticks at which the level of a series changes, and stays.

Source: Page (1954), Continuous inspection schemes (cumulative sums); Scott and Knott (1974), binary segmentation.
"""

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.statistics.levels import SPREAD_OF_MAD, Floats, Values, medians


def cusum(values: Values) -> Floats:
    """Return how well a change of the mean at each tick divides each series: the larger, the better.

    It is the difference of the means of both sides, weighted as in the test for two means: for noise of standard
    deviation 1 without a change it has standard deviation 1 at each tick. 0 before the first value, and where one side
    has no value.

    Shape: float[series, ticks] -> float64[series, ticks]; a change at tick i is between the ticks i - 1 and i.
    """
    is_present = ~np.isnan(values)
    sums, counts = _before(np.where(is_present, values, 0.0).astype(np.float64)), _before(is_present.astype(np.float64))
    total, count = sums[..., -1:], counts[..., -1:]
    left, right = counts[..., :-1], count - counts[..., :-1]
    has_both = (left > 0) & (right > 0)
    left, right = np.where(has_both, left, 1.0), np.where(has_both, right, 1.0)
    difference = (total - sums[..., :-1]) / right - sums[..., :-1] / left
    return np.where(has_both, difference * np.sqrt(left * right / np.maximum(count, 1.0)), 0.0)


def split(values: Values) -> int:
    """Return the tick at which two levels describe one series best, by least squares: the first of the second level.

    Shape: `values` is float[ticks].
    """
    return int(np.argmax(np.abs(cusum(values))))


def change_points(values: Values, min_ticks: int = 5, threshold: float = 5.0, limit: int = 20) -> NDArray[np.int64]:
    """Return the ticks at which the level of one series changes, in ascending order; none if it does not.

    `threshold`: minimum of `cusum` in units of the noise, which is taken from the differences between neighbours, so
    that changes do not add to it. `min_ticks`: minimum number of ticks between two changes. `limit`: maximum number.

    Shape: `values` is float[ticks].
    """
    present = np.flatnonzero(~np.isnan(values))
    dense = np.asarray(values, np.float64)[present]
    noise = _noise(dense)
    pending, found = [(0, len(dense))], list[int]()
    while pending and len(found) < limit and noise > 0:
        begin, end = pending.pop(0)
        scores = np.abs(cusum(dense[begin:end]))
        scores[:min_ticks] = scores[max(len(scores) - min_ticks + 1, 0) :] = 0.0
        if len(scores) > 0 and scores.max() > threshold * noise:
            at = begin + int(np.argmax(scores))
            found.append(at)
            pending += [(begin, at), (at, end)]
    return present[np.sort(np.array(found, np.int64))]


def segment_levels(values: Values, changes: NDArray[np.int64]) -> Floats:
    """Return the median of each segment between change points.

    Shape: `values` is float[ticks], `changes` int64[changes]; the result is float64[changes + 1].
    """
    return np.array([float(medians(part)) for part in np.split(np.asarray(values), changes)])


def _noise(values: Floats) -> float:
    """Return the standard deviation of the noise, from the differences between neighbours."""
    if len(values) < 3:
        return 0.0
    differences = np.abs(np.diff(values))
    robust = float(medians(differences) * SPREAD_OF_MAD / np.sqrt(2))
    return robust or float(differences.mean() / np.sqrt(2))


def _before(values: Floats) -> Floats:
    """Return the sums of the values before each tick, and of all at the end."""
    sums = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    np.cumsum(values, axis=-1, out=sums[..., 1:])
    return sums
