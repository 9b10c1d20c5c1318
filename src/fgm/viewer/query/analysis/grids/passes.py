"""Divides the work of detectors into passes over the files, so that the matrices of each pass fit into memory. Pure."""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.detection import Detector, bounds_of_parts, metrics_of
from fgm.viewer.query.analysis.grids.packing import Packing

MAX_PARTS = 24
"""Number of parts of about the same size that blocks of rows consist of."""


class Pass(NamedTuple):
    """Detectors that look at the rows from `first` to `end` (exclusive), with the metrics that they need."""

    first: int
    end: int
    detectors: Sequence[Detector]
    needs: Sequence[str]


def passes(
    detectors: Sequence[Detector],
    available: Collection[str],
    pod_of: NDArray[np.int64],
    packing: Packing,
    max_values: int,
) -> Iterator[Pass]:
    """Yield the passes. `available`: metrics that may have values; others are not read. `max_values`: of packed rows.

    As many detectors as fit share a pass, preferably those that need the same metrics. A pass begins with a detector
    that needs few metrics which the pass before does not need, because the others are still in memory. If all rows do
    not fit for one detector alone, it gets blocks of rows, unless it compares them.
    """
    rows = len(pod_of)
    max_metrics = max_values // max(1, packing.values)
    remaining = [(detector, frozenset(available).intersection(detector.needs)) for detector in detectors]
    needs: frozenset[str] = frozenset()
    while remaining:
        group: list[Detector] = []
        kept, needs = needs, frozenset()
        while remaining:
            best, more = _best(remaining, needs if group else kept)
            if group and len(needs | more) > max_metrics:
                break
            remaining.remove((best, more))
            group.append(best)
            needs |= more
        in_order = [name for name in metrics_of(group) if name in needs]
        if len(needs) <= max_metrics or group[0].compares:
            yield Pass(0, rows, group, in_order)
            continue
        for first, end in _blocks(pod_of, packing, max_values // len(needs)):
            yield Pass(first, end, group, in_order)
        needs = frozenset()


def _best(
    remaining: Sequence[tuple[Detector, frozenset[str]]], needs: frozenset[str]
) -> tuple[Detector, frozenset[str]]:
    """Return the detector that needs the fewest metrics besides others, and what it needs."""
    return min(remaining, key=lambda each: len(needs | each[1]))


def _blocks(pod_of: NDArray[np.int64], packing: Packing, max_values: int) -> Iterator[tuple[int, int]]:
    """Yield blocks of rows that fit into memory when they are packed, and consist of a few pods at least."""
    parts = list(bounds_of_parts(pod_of, max(1, len(pod_of) // MAX_PARTS)))
    first, end = parts[0]
    for _, longer in parts[1:]:
        if packing.part(first, longer).values > max_values:
            yield first, end
            first = end
        end = longer
    yield first, end
