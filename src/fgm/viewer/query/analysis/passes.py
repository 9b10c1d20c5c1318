"""Divides the work of detectors into passes over the files, so that the matrices of each pass fit into memory. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.detection import Detector, bounds_of_parts


@dataclass(frozen=True, slots=True)
class Pass:
    """Detectors that look at the rows from `first` to `end` (exclusive), with the metrics that they need."""

    first: int
    end: int
    detectors: Sequence[Detector]
    needs: Sequence[str]


def passes(
    detectors: Sequence[Detector], available: Collection[str], pod_of: NDArray[np.int64], ticks: int, max_values: int
) -> Iterator[Pass]:
    """Yield the passes. `available`: metrics that may have values; others are not read.

    As many detectors as fit share a pass, preferably those that need the same metrics. If all rows do not fit for one
    detector alone, it gets blocks of rows, unless it compares them.
    """
    rows = len(pod_of)
    max_metrics = max_values // max(1, rows * ticks)
    remaining = list(detectors)
    while remaining:
        group = [remaining.pop(0)]
        needs = _needs(group, available)
        while len(needs) <= max_metrics and remaining:
            best = min(remaining, key=lambda detector: len(_needs([*group, detector], available)))
            if len(_needs([*group, best], available)) > max_metrics:
                break
            remaining.remove(best)
            group.append(best)
            needs = _needs(group, available)
        if len(needs) <= max_metrics or group[0].compares:
            yield Pass(0, rows, group, needs)
            continue
        max_rows = max(1, max_values // (ticks * len(needs)))
        for first, end in bounds_of_parts(pod_of, max_rows):
            yield Pass(first, end, group, needs)


def _needs(detectors: Sequence[Detector], available: Collection[str]) -> list[str]:
    """Return the available metrics that detectors need, each once."""
    return list(dict.fromkeys(name for detector in detectors for name in detector.needs if name in available))
