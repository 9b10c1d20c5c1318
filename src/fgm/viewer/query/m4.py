"""M4 reduces samples without changing the picture that they draw.

It keeps the first, the lowest, the highest and the last sample of each pixel column. Samples can be reduced file by
file: reducing parts, joining them and reducing again has the same result as reducing all samples at once.

Source: Jugel et al., "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014.
"""

import numpy as np

from fgm.metrics.rates import Floats, Times

KEPT_PER_COLUMN = 4
"""Maximum number of kept samples in each pixel column."""


def m4(time_ms: Times, values: Floats, from_ms: int, to_ms: int, columns: int) -> tuple[Times, Floats]:
    """Return the samples that the pixel columns of the range [from_ms, to_ms) need, in ascending time.

    `time_ms`: must be within the range. `columns`: number of pixel columns. A column with values keeps the first value,
    the first lowest, the last highest and the last value. A column that has only nulls keeps its first null.

    Shape: `time_ms` is int64[n], ascending; `values` is float64[n], NaN for null.
    """
    column = (time_ms - from_ms) * columns // (to_ms - from_ms)
    is_null = np.isnan(values)
    null = np.flatnonzero(is_null)
    if not len(null):
        kept = _extremes(column, values)
    else:
        known = np.flatnonzero(~is_null)
        kept = known[_extremes(column[known], values[known])]
        starts = null[_starts(column[null])]
        kept = np.union1d(kept, starts[~np.isin(column[starts], column[known])])
    return time_ms[kept], values[kept]


def _extremes(column: Times, values: Floats) -> Times:
    """Return the indices of the first, lowest, highest and last value of each column, in ascending order."""
    if not len(column):
        return np.empty(0, np.int64)
    starts = _starts(column)
    ends = np.empty_like(starts)
    ends[:-1], ends[-1] = starts[1:] - 1, len(column) - 1
    sizes = ends - starts + 1
    lowest = (values == np.minimum.reduceat(values, starts).repeat(sizes)).nonzero()[0]
    highest = (values == np.maximum.reduceat(values, starts).repeat(sizes)).nonzero()[0]
    is_kept = np.zeros(len(column), np.bool_)
    is_kept[starts] = is_kept[ends] = True
    is_kept[lowest[lowest.searchsorted(starts)]] = True  # the first lowest, and the last highest
    is_kept[highest[highest.searchsorted(ends, side="right") - 1]] = True
    return is_kept.nonzero()[0]


def _starts(column: Times) -> Times:
    """Return the index of the first sample of each column. `column`: column of each sample, ascending."""
    is_start = np.ones(len(column), np.bool_)
    np.not_equal(column[1:], column[:-1], out=is_start[1:])
    return is_start.nonzero()[0]
