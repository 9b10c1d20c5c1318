"""Sums of all metrics of all series over two time ranges, for the ranking of changes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.rates import Floats

BEFORE, DURING = 0, 1
"""Indices of the two ranges."""

Sum = NDArray[np.float64]
"""A number for each series, metric and range.

Shape: float64[series, metrics, 2].
"""


@dataclass(frozen=True, slots=True)
class Sums:
    """Count, sum, sum of squares, lowest and highest value of each metric of each series in each range."""

    count: Sum
    total: Sum
    squares: Sum
    low: Sum
    high: Sum

    @classmethod
    def empty(cls, series: int, metrics: int) -> "Sums":
        """Return sums to which no value was added yet. `series`, `metrics`: numbers of series and metrics."""
        shape = (series, metrics, 2)
        count, total, squares = np.zeros((3, *shape))
        return cls(count, total, squares, np.full(shape, np.inf), np.full(shape, -np.inf))

    def add(
        self,
        segments: tuple[NDArray[np.intp], NDArray[np.intp]],
        metric: int,
        starts: NDArray[np.intp],
        values: Floats,
    ) -> None:
        """Add values of one metric.

        The values consist of segments, which begin at `starts`. `segments`: the series and the range of each.

        Shape: `values` is float64[n], NaN for null.
        """
        known = ~np.isnan(values)
        if not known.any():
            return
        series, ranges = segments
        target: Any = (series, metric, ranges)
        if known.all():
            filled, counts = values, np.diff(starts, append=len(values))
        else:
            filled, counts = np.where(known, values, 0.0), np.add.reduceat(known, starts, dtype=np.intp)
        np.add.at(self.count, target, counts.astype(np.float64))
        np.add.at(self.total, target, np.add.reduceat(filled, starts))
        np.add.at(self.squares, target, np.add.reduceat(filled * filled, starts))
        np.fmin.at(self.low, target, np.fmin.reduceat(values, starts))
        np.fmax.at(self.high, target, np.fmax.reduceat(values, starts))

    def first(self, series: int) -> "Sums":
        """Return the sums of the first `series` series, without copying."""
        return Sums(
            self.count[:series], self.total[:series], self.squares[:series], self.low[:series], self.high[:series]
        )

    def swapped(self) -> "Sums":
        """Return the sums with the two ranges in each other's place, without copying."""
        return Sums(
            self.count[:, :, ::-1],
            self.total[:, :, ::-1],
            self.squares[:, :, ::-1],
            self.low[:, :, ::-1],
            self.high[:, :, ::-1],
        )
