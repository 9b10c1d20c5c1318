"""Steps: the level of a series changes within seconds, and stays changed until the end of the range, as after a deploy.

The change is where the cumulative sums divide the medians of short blocks best. The statistic is the logarithm of how
many times as large the change is as what the series did before it: its widest excursion, and its greatest change
between two neighbouring half minutes.

Source: Page (1954), Continuous inspection schemes, Biometrika 41.
"""

import numpy as np
from numpy.typing import NDArray

from fgm.viewer.findings.candidates import LEVELS, Candidates, candidates_of, strongest
from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.grid import Grid
from fgm.viewer.findings.statistics.change_points import cusum, split
from fgm.viewer.findings.statistics.levels import Floats, medians
from fgm.viewer.findings.statistics.sliding import block_medians, sliding_means

NEEDS = LEVELS

BLOCK_S = 5
"""Length of the blocks whose medians are used, so that single seconds do not count."""
AFTER_S = 45
"""Minimum time after a step in the range."""
BEFORE_S = 60
"""Minimum time before a step, in the range or before it."""
ENOUGH_S = 600
"""Time before a step from which on it is known well what is usual."""
ENOUGH_AFTER_S = 120
"""Time after a step from which on it is sure that it stays."""
WANDER_S = 30
"""Length of the means by which it is measured how far a series wanders."""
MIN_STATISTIC = 0.5
"""Minimum statistic of a finding."""
MEMORY = "memory_working_set"
MIN_CHANGE = 0.33
"""Minimum step of a rate as a share of its higher level, since load moves by a quarter. Memory does not follow load."""
MIN_STAY = 0.35
"""Minimum share of the step that remains in each half minute after it."""
MIN_SHARP = 0.6
"""Minimum share of the step that is between the twenty seconds before and the twenty seconds after it."""


def find(grid: Grid) -> list[Finding]:
    """Return at most one finding for each series: that of the metric that shows it best."""
    return strongest(
        finding for metric in NEEDS if grid.has(metric) for finding in _in_metric(grid, candidates_of(grid, metric))
    )


def _in_metric(grid: Grid, candidates: Candidates) -> list[Finding]:
    second = 1000 / grid.interval_ms
    width = max(1, round(BLOCK_S * second))
    offset = candidates.begin % width  # the range begins with a block
    blocks = block_medians(candidates.values[:, offset:], width)
    first = candidates.begin // width
    before, after, wander = (max(1, round(seconds / BLOCK_S)) for seconds in (BEFORE_S, AFTER_S, WANDER_S))
    lowest, highest = max(first, before), blocks.shape[1] - after
    if len(blocks) == 0 or highest < lowest:
        return []
    scores = np.abs(cusum(blocks))[:, lowest : highest + 1]
    changes = lowest + np.argmax(scores, axis=1)
    found = []
    for at in np.flatnonzero(_may_be_steps(candidates, blocks, changes)).tolist():
        change = int(changes[at])
        finding = _finding(grid, candidates, at, offset + change * width, blocks[at], change, wander)
        if finding is not None:
            found.append(finding)
    return found


def _may_be_steps(candidates: Candidates, blocks: Floats, changes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether the level of each series changes by enough. All series at once take much less time than each."""
    at, change = np.arange(blocks.shape[1]), changes[:, None]
    old, new = medians(np.where(at < change, blocks, np.nan)), medians(np.where(at > change, blocks, np.nan))
    return _is_large(candidates, old, new)


def _is_large(candidates: Candidates, old: Floats, new: Floats) -> NDArray[np.bool_]:
    size = np.abs(new - old)
    least = 0.0 if candidates.metric == MEMORY else MIN_CHANGE * np.maximum(old, new)
    return (size >= candidates.floor) & (size >= least)


def _finding(  # noqa: PLR0917 - what was computed for all series at once
    grid: Grid, candidates: Candidates, at: int, tick: int, blocks: Floats, change: int, wander: int
) -> Finding | None:
    """Return the finding of one series whose level changes by enough at a block; None if it is not a step."""
    second = 1000 / grid.interval_ms
    earlier, later = blocks[:change], blocks[change + 1 :]
    known_s = float((~np.isnan(earlier)).sum()) * BLOCK_S
    after_s = float((~np.isnan(later)).sum()) * BLOCK_S
    if known_s < BEFORE_S or after_s < AFTER_S / 2:
        return None
    old, new = float(medians(earlier)), float(medians(later))
    size = abs(new - old)
    if not _stays(later, old, new, wander) or not _is_sharp(blocks, change, size):
        return None
    usual = max(_wandering(earlier, old, new, wander), candidates.floor / 2)
    statistic = float(np.log2(size / usual)) * min(1.0, known_s / ENOUGH_S, after_s / ENOUGH_AFTER_S)
    if statistic < MIN_STATISTIC:
        return None
    begin = _refined(candidates.values[at], tick, round(4 * BLOCK_S * second))
    time_ms = grid.time_ms
    facts: dict[str, float | str] = {
        "before": old,
        "after": new,
        "change": new - old,
        "times_usual": size / usual,
        "lasted_s": float(time_ms[-1] - time_ms[begin]) / 1000,
    }
    if old > 0:
        facts["ratio"] = new / old
    row = int(candidates.rows[at])
    return Finding("step", row, candidates.metric, int(time_ms[begin]), int(time_ms[-1]), statistic, facts)


def _stays(later: Floats, old: float, new: float, wander: int) -> bool:
    """Return whether the level never comes back, and does not move on: a slope is not a step."""
    share = (sliding_means(later, min(wander, len(later))) - old) / (new - old)
    share = share[~np.isnan(share)]
    third = max(1, len(later) // 3)
    moved = abs(float(medians(later[-third:])) - float(medians(later[:third])))
    return bool(len(share) > 0 and share.min() >= MIN_STAY and not moved > (1 - MIN_STAY) * abs(new - old))


def _is_sharp(blocks: Floats, change: int, size: float) -> bool:
    """Return whether most of the step is between the blocks next to it. A block may contain the step itself."""
    around = float(medians(blocks[change + 1 : change + 5])) - float(medians(blocks[max(change - 5, 0) : change - 1]))
    return abs(around) >= MIN_SHARP * size


def _wandering(earlier: Floats, old: float, new: float, wander: int) -> float:
    """Return how far a series went towards its new level before, and how much it changed between two half minutes.

    A change counts half: from a peak back to the usual level is no way to another level.
    """
    means = sliding_means(earlier[: max(len(earlier) - 1, 1)], min(wander, len(earlier)))
    excursions, changes = (means - old) * np.sign(new - old), np.abs(means[wander:] - means[:-wander]) / 2
    both = np.concatenate([excursions, changes])
    both = both[~np.isnan(both)]
    return float(both.max()) if len(both) else 0.0


def _refined(values: NDArray[np.float64], tick: int, reach: int) -> int:
    """Return the tick near a change at which two levels describe the series best."""
    start = max(tick - reach, 0)
    return start + split(values[start : tick + reach])
