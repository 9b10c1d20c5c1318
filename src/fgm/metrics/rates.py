"""Rates of counters, and the rule for gaps, which all readers of recorded data share."""

import numpy as np
from numpy.typing import NDArray

GAP_INTERVALS = 2.5
"""Number of intervals between two samples beyond which there is a gap: no line is drawn and no rate reaches across."""

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


def gap_ms(interval_ms: float) -> float:
    """Return the longest time between two samples that is not a gap."""
    return GAP_INTERVALS * interval_ms


def rate(time_ms: Times, late_ms: Floats, values: Floats, interval_ms: float) -> Floats:
    """Return how much a counter grew per second since the value before, for each sample; NaN if that is unknown.

    `time_ms + late_ms` is when a value was really read; a `late_ms` of NaN counts as 0. `values` has NaN for null.
    The rate is unknown for the first value, for the first one after a gap, and for one lower than that before it, which
    means that the counter started over.

    Shape: all arrays have the same length, in ascending order of time.
    """
    result = np.full(len(values), np.nan)
    present = np.flatnonzero(~np.isnan(values))
    if len(present) < 2:
        return result
    ticks = time_ms[present]
    read_at = ticks + np.nan_to_num(late_ms[present])
    growth, passed_ms = np.diff(values[present]), np.diff(read_at)
    is_known = (growth >= 0) & (passed_ms > 0) & (np.diff(ticks) <= gap_ms(interval_ms))
    result[present[1:][is_known]] = growth[is_known] * 1000.0 / passed_ms[is_known]
    return result
