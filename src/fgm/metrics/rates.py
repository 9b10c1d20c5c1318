"""Rates of counters, and the definition of a gap, which all readers of recorded data share."""

import numpy as np
from numpy.typing import NDArray

GAP_INTERVALS = 2.5
"""Maximum distance between two samples, in intervals, that is not a gap. Lines and rates do not cross a gap."""

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


def gap_ms(interval_ms: float) -> float:
    """Return the maximum time between two samples that is not a gap."""
    return GAP_INTERVALS * interval_ms


def rate(time_ms: Times, late_ms: Floats, values: Floats, interval_ms: float) -> Floats:
    """Return the growth of a counter per second since its previous value, for each sample; NaN if it is unknown.

    A value was actually read at `time_ms + late_ms`; a `late_ms` of NaN counts as 0. `values` has NaN for null. The
    rate is unknown for the first value, for the first value after a gap, and for a value lower than the previous one,
    which means that the counter restarted.

    Shape: all arrays have the same length, in ascending order of time.
    """
    return rate_between_reads(time_ms, time_ms.astype(np.float64) + np.nan_to_num(late_ms), values, interval_ms)


def rate_between_reads(ticks: Times, read_at_ms: Floats, values: Floats, interval_ms: float) -> Floats:
    """Return what `rate` does. `read_at_ms`: when each value was actually read.

    `ticks`: the time of each sample, for gaps only; of another series at a distance that is a gap.

    Shape: all arrays have the same length.
    """
    result = np.full(len(values), np.nan)
    present = np.flatnonzero(~np.isnan(values))
    if len(present) < 2:
        return result
    is_whole = len(present) == len(values)
    if not is_whole:
        ticks, read_at_ms, values = ticks[present], read_at_ms[present], values[present]
    growth, passed_ms = values[1:] - values[:-1], read_at_ms[1:] - read_at_ms[:-1]
    is_known = (growth >= 0) & (passed_ms > 0) & (ticks[1:] - ticks[:-1] <= gap_ms(interval_ms))
    rates = result[1:] if is_whole else np.full(len(growth), np.nan)
    np.divide(growth * 1000.0, passed_ms, out=rates, where=is_known)
    if not is_whole:
        result[present[1:]] = rates
    return result
