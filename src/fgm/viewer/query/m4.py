"""M4: fewer samples that draw the same picture.

Each pixel column keeps its first, lowest, highest and last sample. To reduce the joined reductions of parts gives the
same as to reduce the whole, so a range of any length can be reduced file by file.

Source: Jugel et al., "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014.
"""

import numpy as np

from fgm.metrics.rates import Floats, Times

KEPT_PER_COLUMN = 4
"""Maximum number of samples that a pixel column keeps."""


def m4(time_ms: Times, values: Floats, from_ms: int, to_ms: int, columns: int) -> tuple[Times, Floats]:
    """Return the samples of [from_ms, to_ms) that its pixel columns need, in ascending time.

    A column with values keeps the first, the (first) lowest, the (last) highest and the last of them; a column that has
    only nulls keeps its first null.

    Shape: `time_ms` is int64[n], ascending; `values` is float64[n], NaN for null.
    """
    column = (time_ms - from_ms) * columns // (to_ms - from_ms)
    is_null = np.isnan(values)
    known, null = np.flatnonzero(~is_null), np.flatnonzero(is_null)
    kept = known[_extremes(column[known], values[known])]
    if len(null):
        starts = null[_starts(column[null])]
        kept = np.union1d(kept, starts[~np.isin(column[starts], column[known])])
    return time_ms[kept], values[kept]


def _extremes(column: Times, values: Floats) -> Times:
    """Return the indices of each column's first, lowest, highest and last value, ascending."""
    if not len(column):
        return np.empty(0, np.int64)
    starts = _starts(column)
    ends = np.append(starts[1:], len(column)) - 1
    by_value = np.lexsort((values, column))
    return np.unique(np.concatenate([starts, ends, by_value[starts], by_value[ends]]))


def _starts(column: Times) -> Times:
    """Return the indices at which a new column begins."""
    return np.flatnonzero(np.diff(column, prepend=-1))
