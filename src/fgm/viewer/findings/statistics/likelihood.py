"""The range in which values most likely have another distribution than outside of it.

Source: Page, "Continuous inspection schemes", Biometrika 41 (1954), with the likelihood ratio of both distributions.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.statistics.segments import heaviest

ROUNDS = 3
"""Number of times that the distributions are taken from the range that was found with the ones before."""


class Range(NamedTuple):
    """The ticks [start, stop), and the logarithm of how much likelier a distribution of their own makes them."""

    start: int
    stop: int
    log_ratio: float


def likeliest_range(values: NDArray[np.floating], start: int, stop: int, edges: NDArray[np.floating]) -> Range:
    """Return the range in which values are distributed as in a first guess [start, stop) of it, and outside not.

    Unlike a threshold for the mean, it also uses how often a value occurs at all: a share that was 0 nearly always and
    is above 0 in every second tick has changed with the first of these. `edges`: those of the classes of values.

    Shape: `values` is float[ticks], without NaN; `edges` is in ascending order.
    """
    classes = np.searchsorted(edges, values)
    found = Range(start, stop, 0.0)
    for _ in range(ROUNDS):
        inside = np.bincount(classes[found.start : found.stop], minlength=len(edges) + 1)
        outside = np.bincount(classes, minlength=len(edges) + 1) - inside
        # Each class counts one more, as no class is impossible because it has not been seen (Laplace).
        ratio = np.log((inside + 1) / (inside + 1).sum()) - np.log((outside + 1) / (outside + 1).sum())
        segment = heaviest(ratio[classes][None])
        if segment.weight[0] <= 0:
            break
        found = Range(int(segment.start[0]), int(segment.stop[0]), float(segment.weight[0]))
    return found


def likeliest_range_in_view(
    values: NDArray[np.floating], begin: int, start: int, stop: int, edges: NDArray[np.floating]
) -> Range:
    """Return the same as `likeliest_range`, but only the part from the tick `begin` on, which is never empty.

    If there was a longer range that ended before `begin`, what was before is not looked at. `start`: at least `begin`.
    """
    found = likeliest_range(values, start, stop, edges)
    if found.stop <= begin:
        later = likeliest_range(values[begin:], start - begin, stop - begin, edges)
        found = Range(later.start + begin, later.stop + begin, later.log_ratio)
    return found._replace(start=max(begin, found.start))
