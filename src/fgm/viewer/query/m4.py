"""Fewer samples that draw the same picture: M4 (first, minimum, maximum and last value of each pixel column).

Jugel et al., "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014. Pure; reducing the
joined reductions of parts gives what reducing the whole gives, so a range of any length is reduced file by
file.
"""

import numpy as np

from fgm.metrics.rates import Floats, Times

KEPT_PER_COLUMN = 4


def m4(time_ms: Times, values: Floats, from_ms: int, to_ms: int, columns: int) -> tuple[Times, Floats]:
    """Return the samples of [from_ms, to_ms) that its pixel columns need, in ascending time.

    `time_ms`: int64[n], ascending. `values`: float64[n], NaN for null. A column with values keeps the first,
    the (first) lowest, the (last) highest and the last of them; one with nulls alone keeps its first null.
    """
    column = (time_ms - from_ms) * columns // (to_ms - from_ms)
    is_null = np.isnan(values)
    known, null = np.flatnonzero(~is_null), np.flatnonzero(is_null)
    keep = _extremes(column[known], values[known])
    places = known[keep]
    if len(null):
        starts = null[_starts(column[null])]
        places = np.union1d(places, starts[~np.isin(column[starts], column[known])])
    return time_ms[places], values[places]


def _extremes(column: Times, values: Floats) -> Times:
    """Return the places of each column's first, lowest, highest and last value, ascending."""
    if not len(column):
        return np.empty(0, np.int64)
    starts = _starts(column)
    ends = np.append(starts[1:], len(column)) - 1
    by_value = np.lexsort((values, column))
    return np.unique(np.concatenate([starts, ends, by_value[starts], by_value[ends]]))


def _starts(column: Times) -> Times:
    """Return the places at which a new column begins."""
    return np.flatnonzero(np.diff(column, prepend=-1))
