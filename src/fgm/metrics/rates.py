"""Rates of counters, and the definition of a gap, which all readers of recorded data share."""

import numpy as np
from numpy.typing import NDArray

GAP_INTERVALS = 2.5
"""Maximum distance between two samples, in intervals, that is not a gap. Lines and rates do not cross a gap."""

Floats = NDArray[np.float64]
Times = NDArray[np.int64]
Places = NDArray[np.intp]


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
    return Reads(time_ms, read_at_ms(time_ms, late_ms), interval_ms).rate(values)


def read_at_ms(time_ms: Times, late_ms: Floats) -> Floats:
    """Return when samples were actually read. A `late_ms` of NaN counts as 0."""
    return time_ms.astype(np.float64) + np.where(np.isnan(late_ms), 0.0, late_ms)


class Reads:
    """When counters were read. What their rates have in common is computed once for all of them."""

    def __init__(self, ticks: Times, read_at_ms: Floats, interval_ms: float) -> None:
        """`read_at_ms`: when each sample was actually read.

        `ticks`: the time of each sample, for gaps only; of another series at a distance that is a gap.

        Shape: both arrays have the same length.
        """
        self._ticks, self._read_at_ms, self._gap_ms = ticks, read_at_ms, gap_ms(interval_ms)
        self._passed_ms = self._between(slice(0, -1), slice(1, None))

    def rate(self, values: Floats) -> Floats:
        """Return the rate of a counter, as the function `rate` does."""
        rates = np.full(len(values), np.nan)
        _divide(values[1:] - values[:-1], self._passed_ms, rates[1:])
        is_null = np.isnan(values)
        if is_null.any():  # the previous value of one that follows nulls is before them
            last = np.flatnonzero(~is_null[:-1] & is_null[1:])
            next_ = 1 + np.flatnonzero(is_null[:-1] & ~is_null[1:])[int(is_null[0]) :]
            last = last[: len(next_)]
            is_near = self._ticks[next_] - self._ticks[last] <= self._gap_ms
            if is_near.any():
                last, next_ = last[is_near], next_[is_near]
                passed_ms = self._between(last, next_)
                rates[next_] = _divide(values[next_] - values[last], passed_ms, np.empty(len(next_)))
        return rates

    def _between(self, first: slice | Places, second: slice | Places) -> Floats:
        """Return the time between pairs of samples; NaN if there is a gap, or if it is not known."""
        passed_ms = self._read_at_ms[second] - self._read_at_ms[first]
        is_known = (passed_ms > 0) & (self._ticks[second] - self._ticks[first] <= self._gap_ms)
        return np.where(is_known, passed_ms, np.nan)


def _divide(growth: Floats, passed_ms: Floats, rates: Floats) -> Floats:
    """Write growth per second into `rates`, and return it; NaN where it is negative: the counter restarted."""
    np.divide(growth * 1000.0, passed_ms, out=rates)
    np.copyto(rates, np.nan, where=growth < 0)
    return rates
