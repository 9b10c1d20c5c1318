"""The input of formulas: samples of one series or of several, with their values and rates."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fgm.metrics.catalogue import BY_NAME
from fgm.metrics.rates import Floats, Times, rate


@dataclass(frozen=True, slots=True)
class Samples:
    """Raw samples of one series, in ascending order of time.

    `values`: recorded columns by name, NaN for null; a missing column counts as null. `tick_ms`: the sampling interval.

    Shape: `time_ms` is int64[n]; `late_ms` and each column are float64[n].
    """

    time_ms: Times
    late_ms: Floats
    values: Mapping[str, Floats]
    tick_ms: int

    def value(self, column: str) -> Floats:
        """Return a column as recorded; all NaN if it is missing.

        Shape: float64[n].
        """
        values = self.values.get(column)
        return np.full(len(self.time_ms), np.nan) if values is None else values

    def rate(self, column: str) -> Floats:
        """Return the growth of a counter per second; see `fgm.metrics.rates.rate`.

        Shape: float64[n].
        """
        return rate(self.time_ms, self.late_ms, self.value(column), interval_ms(column, self.tick_ms))


def interval_ms(column: str, tick_ms: int) -> int:
    """Return the interval between two reads of a recorded column: `tick_ms`, or a longer one."""
    metric = BY_NAME.get(column)
    return tick_ms if metric is None or metric.interval_s <= 1 else max(tick_ms, round(metric.interval_s * 1000))
