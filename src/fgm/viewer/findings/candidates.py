"""The series and values in which detectors of levels look for something."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.floors import floor_of
from fgm.viewer.findings.grid import Grid, Matrix, Row

START_S = 60
"""Time after the start of a container that is left out: a start is never like what follows."""
MIN_PRESENT_S = 60
"""Minimum time for which a series must have values, also in the range alone unless half of that is shorter."""
MAX_LATE_TICKS = 3
"""Maximum number of ticks after those of the others with which the values of a running series begin."""

LEVELS = (
    "total_cpu_usage_millicores",
    "memory_working_set",
    "io_read_bytes_per_s",
    "io_write_bytes_per_s",
    "network.rx_bytes",
    "network.tx_bytes",
)
"""Metrics of what a series itself does. Pressure is left out, because others may be its cause."""


class Candidates(NamedTuple):
    """The series whose values of one metric change by more than its floor, without the time after a start.

    `rows`: the row in the grid that a finding is about. `begin`: as that of the grid. `floor`: of the metric.

    Shape: `rows` is int64[candidates]; `values` is float64[candidates, ticks].
    """

    metric: str
    rows: NDArray[np.int64]
    values: NDArray[np.float64]
    begin: int
    floor: float

    def of(self, chosen: NDArray[np.int64]) -> "Candidates":
        """Return some of the candidates."""
        return self._replace(rows=self.rows[chosen], values=self.values[chosen])


def candidates_of(grid: Grid, metric: str, *, also_before: bool = False) -> Candidates:
    """Return the candidates among the leaves, and among pods whose network is recorded.

    `also_before`: whether a series is one whose values change only before the range.
    """
    values, floor = grid.value(metric), floor_of(metric)
    view = values[:, grid.begin :]
    is_candidate = grid.is_leaf.copy()
    if metric.startswith("network."):
        is_candidate |= np.isin(np.arange(len(values)), grid.pod_of[grid.pod_of >= 0])
    rows = np.flatnonzero(is_candidate)
    enough = MIN_PRESENT_S * 1000 / grid.interval_ms
    in_view, in_all = (np.count_nonzero(~np.isnan(part[rows]), axis=1) for part in (view, values))
    looked_at = (values if also_before else view)[rows]
    low, high = (each.reduce(looked_at, axis=1, initial=np.nan) for each in (np.fmin, np.fmax))  # of values
    rows = rows[(in_all >= enough) & (in_view >= min(enough, view.shape[1] / 2)) & (high - low > floor)]
    chosen = values[rows].astype(np.float64)
    _leave_out_starts(chosen, grid.value_of_node(metric), round(START_S * 1000 / grid.interval_ms))
    return Candidates(metric, _blamed(grid, rows), chosen, grid.begin, floor)


def _leave_out_starts(values: NDArray[np.float64], of_node: Row, ticks: int) -> None:
    """Set the time after the start of series that started while the node was recorded to NaN. `of_node`: its values."""
    if len(values) == 0:
        return
    first = np.argmax(~np.isnan(values), axis=1)
    recorded_from = min([first.min(), *np.flatnonzero(~np.isnan(of_node))[:1]])
    for row in np.flatnonzero(first > recorded_from + MAX_LATE_TICKS):
        values[row, first[row] : first[row] + ticks] = np.nan


def _blamed(grid: Grid, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows with each pod replaced by its container, if it has only one."""
    result = rows.copy()
    for at, row in enumerate(rows):
        if not grid.is_leaf[row]:
            parts = np.flatnonzero((grid.pod_of == row) & grid.is_leaf)
            if len(parts) == 1:
                result[at] = parts[0]
    return result


def before_of(values: Matrix | NDArray[np.float64], begin: int) -> NDArray[np.int64]:
    """Return the number of ticks before the range that have a value, for each series."""
    return np.asarray(np.count_nonzero(~np.isnan(values[:, :begin]), axis=1), np.int64)


def is_known_before(candidates: Candidates, least: float, enough: float) -> NDArray[np.bool_]:
    """Return for each series whether the time before the range says what is usual: if it is not shorter than the range.

    A long range says more itself than a short time before it. `least`: minimum number of ticks with a value; `enough`:
    that from which on the range may be longer.
    """
    before = before_of(candidates.values, candidates.begin)
    return np.asarray(
        (before >= least) & ((before >= enough) | (before >= candidates.values.shape[1] - candidates.begin))
    )


def sureness_of(known_s: float, enough_s: float) -> float:
    """Return the share of a statistic that remains if what is usual is known from less time than is enough.

    The noise of what was measured falls with the square root of the time.
    """
    return min(1.0, math.sqrt(known_s / enough_s))


def strongest(findings: Iterable[Finding]) -> list[Finding]:
    """Return for each row the finding with the highest statistic: that of the metric that shows best what happened."""
    best: dict[int, Finding] = {}
    for finding in findings:
        other = best.get(finding.row)
        if other is None or other.statistic < finding.statistic:
            best[finding.row] = finding
    return list(best.values())
