"""Runs detectors on a grid, or on parts of it.

A new detector is a module of `detectors` with `NEEDS` and `find`, and a line in DETECTORS. With `GROUPS` of metrics
instead of `NEEDS`, `find` is called once for each group, with a grid that has only its metrics. A detector that
compares series with each other is listed as one that does: it gets all series at once. Any other gets a few series at a
time, so that its memory and its time do not depend on their number; pods are together with their containers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.detectors import (
    bursts,
    doubtful,
    kills,
    leaks,
    limits,
    neighbours,
    paging,
    periods,
    restarts,
    stalls,
    steps,
    throttling,
)
from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.grid import Grid, Matrix

MAX_CELLS = 100_000
"""Maximum number of series times ticks in one call of a detector that does not compare series."""

MatricesOf = Callable[[Sequence[str], int, int], Mapping[str, Matrix]]
"""Returns the matrices of some metrics, with the rows from one to another (exclusive)."""


class Detector(NamedTuple):
    """One detector. `needs`: metrics, all of which may be missing. `compares`: whether it compares series."""

    name: str
    needs: tuple[str, ...]
    find: Callable[[Grid], list[Finding]]
    compares: bool = False


def _detector(module: ModuleType, *, compares: bool = False) -> Detector:
    return Detector(_name(module), module.NEEDS, module.find, compares)


def _name(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def _by_group(module: ModuleType, *, compares: bool = False) -> Iterator[Detector]:
    """Yield a detector for each of the module's GROUPS of metrics, so that not all need to be in memory at once."""
    for needs in module.GROUPS:
        yield Detector(_name(module), needs, module.find, compares)


DETECTORS: tuple[Detector, ...] = (
    _detector(bursts),
    _detector(doubtful, compares=True),
    _detector(kills, compares=True),
    *_by_group(leaks),
    *_by_group(limits),
    *_by_group(neighbours, compares=True),
    _detector(paging),
    _detector(periods, compares=True),
    _detector(restarts, compares=True),
    _detector(stalls),
    _detector(steps),
    _detector(throttling),
)
"""All detectors."""


def metrics_of(detectors: Iterable[Detector]) -> tuple[str, ...]:
    """Return the metrics that detectors need, each once."""
    return tuple(dict.fromkeys(metric for detector in detectors for metric in detector.needs))


def part_of(grid: Grid, matrices: Mapping[str, Matrix], first: int, end: int) -> Grid:
    """Return a grid with some of the series of another one. `matrices`: their values."""
    rows = slice(first, end)
    pods = grid.pod_of[rows] - first
    node = None if grid.node is None or not first <= grid.node < end else grid.node - first
    return replace(
        grid,
        series=grid.series[rows],
        is_leaf=grid.is_leaf[rows],
        pod_of=np.where((pods >= 0) & (pods < end - first), pods, -1),
        node=node,
        metrics=matrices,
        of_node={name: grid.value_of_node(name) for name in matrices},
    )


def bounds_of_parts(pod_of: NDArray[np.int64], max_rows: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the last row (exclusive) of parts with at most `max_rows` series; a pod is not divided.

    A part has more if a pod has more. `pod_of`: as in `Grid`; a pod and its containers are next to each other.
    """
    count = len(pod_of)
    may_begin = np.ones(count + 1, np.bool_)
    for row in np.flatnonzero(pod_of >= 0).tolist():
        first, last = sorted((row, int(pod_of[row])))
        may_begin[first + 1 : last + 1] = False
    first = 0
    while first < count:
        allowed = np.flatnonzero(may_begin[first + 1 : first + max_rows + 1])
        end = first + 1 + int(allowed[-1]) if len(allowed) else count
        if not len(allowed):
            end = first + 1 + int(np.flatnonzero(may_begin[first + 1 :])[0])
        yield first, end
        first = end


def moved(findings: Iterable[Finding], rows: int) -> list[Finding]:
    """Return findings of a part of a grid with the rows that the whole grid has. `rows`: the first row of the part."""
    if not rows:
        return list(findings)
    return [
        finding._replace(row=finding.row + rows, others=tuple(other + rows for other in finding.others))
        for finding in findings
    ]


def find_all(grid: Grid, detectors: Sequence[Detector] = DETECTORS) -> list[Finding]:
    """Return what all detectors find in a grid, in no order."""
    return [finding for work in calls(grid, detectors) for finding in work()]


def calls(
    grid: Grid, detectors: Sequence[Detector] = DETECTORS, matrices_of: MatricesOf | None = None
) -> Iterator[Callable[[], list[Finding]]]:
    """Yield functions that find, a few series and one detector each.

    `matrices_of`: None: rows of the matrices of the grid; no values are copied.
    """

    def slices(names: Sequence[str], first: int, end: int) -> Mapping[str, Matrix]:
        return {name: grid.metrics[name][first:end] for name in names}

    of_rows = slices if matrices_of is None else matrices_of
    max_rows = max(1, MAX_CELLS // max(1, len(grid.time_ms)))
    for detector in detectors:
        names = [name for name in detector.needs if name in grid.metrics]
        parts = [(0, len(grid.series))] if detector.compares else list(bounds_of_parts(grid.pod_of, max_rows))
        for first, end in parts:
            yield partial(_found, detector, part_of(grid, of_rows(names, first, end), first, end), first)


def _found(detector: Detector, part: Grid, first: int) -> list[Finding]:
    return moved(detector.find(part), first)
