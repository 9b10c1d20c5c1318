"""The grid: the values of all series at each tick of a range and of some time before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fgm.store.events.event import Event
from fgm.store.samples.series import Series

Matrix = NDArray[np.float32]
"""Values of one metric.

Shape: float32[series, ticks], NaN for null.
"""
Row = NDArray[np.float32]
"""Values of one metric of one series.

Shape: float32[ticks], NaN for null.
"""


@dataclass(frozen=True, slots=True)
class Grid:
    """Values of metrics of all series over ticks of equal distance.

    `begin`: index of the first tick of the range in question. The ticks before it are what is usual; there may be none.
    `metrics`: by the names that the viewer shows: counters are rates, and there are derived metrics. A metric that is
    not read at each tick has values only at those that read it. `events`: those in the time of the grid, oldest first.
    `is_leaf`: whether a series has no parts that are series, too: containers, services, the rest of the node.
    `node`: row of the node, or None. `of_node`: its values, so that a part of the grid in which it has no row has them,
    too. `pod_of`: row of the pod of each series; -1: none.

    Shape: `time_ms` is int64[ticks]; `is_leaf` and `pod_of` have a value for each series.
    """

    time_ms: NDArray[np.int64]
    begin: int
    interval_ms: int
    series: Sequence[Series]
    is_leaf: NDArray[np.bool_]
    pod_of: NDArray[np.int64]
    node: int | None
    metrics: Mapping[str, Matrix]
    events: Sequence[Event] = field(default=())
    of_node: Mapping[str, Row] = field(default_factory=dict)

    def has(self, metric: str) -> bool:
        """Return whether any series has a value of a metric."""
        return metric in self.metrics

    def value(self, metric: str) -> Matrix:
        """Return the values of a metric; all NaN if no series has one."""
        known = self.metrics.get(metric)
        return np.full((len(self.series), len(self.time_ms)), np.nan, np.float32) if known is None else known

    def value_of_node(self, metric: str) -> Row:
        """Return the values of a metric of the node; all NaN if it has none."""
        known = self.of_node.get(metric)
        if known is None and self.node is not None:
            known = self.value(metric)[self.node]
        return np.full(len(self.time_ms), np.nan, np.float32) if known is None else known
