"""Rates of counters, and what counts as a gap: the rules that every reader of recorded data shares."""

import numpy as np
from numpy.typing import NDArray

GAP_INTERVALS = 2.5
"""Samples more than so many intervals apart have a gap between them: no line, and no rate across it."""

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


def gap_ms(interval_ms: float) -> float:
    """Return the longest distance in time, in ms, that is not yet a gap."""
    return GAP_INTERVALS * interval_ms


def rate(time_ms: Times, late_ms: Floats, values: Floats, interval_ms: float) -> Floats:
    """Return how much a counter grew per second since its last value, at each sample; NaN: unknown.

    All arrays are of the same length, in ascending time; `time_ms + late_ms` is when a value was really read
    (NaN is not late), `values` has NaN where there is none. Unknown are the first value, the first after a
    gap, and a value lower than the one before: the counter began anew.
    """
    result = np.full(len(values), np.nan)
    known = np.flatnonzero(~np.isnan(values))
    if len(known) < 2:
        return result
    ticks = time_ms[known]
    read_at = ticks + np.nan_to_num(late_ms[known])
    grown, passed_ms = np.diff(values[known]), np.diff(read_at)
    sound = (grown >= 0) & (passed_ms > 0) & (np.diff(ticks) <= gap_ms(interval_ms))
    result[known[1:][sound]] = grown[sound] * 1000.0 / passed_ms[sound]
    return result
