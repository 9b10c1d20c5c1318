"""Stretches in which a CPU quota kept running out, and how much of the quota was used on average meanwhile."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fgm.viewer.findings.grid import Grid, Matrix
from fgm.viewer.findings.statistics.levels import levels_and_spreads, medians, quantiles, zero_for_null
from fgm.viewer.findings.statistics.likelihood import likeliest_range_in_view
from fgm.viewer.findings.statistics.segments import heaviest

NEEDS = (
    "throttle_ratio",
    "throttled_ms_per_s",
    "total_cpu_usage_millicores",
    "cpu_limit_millicores",
    "cpu_quota_usec",
    "cpu_period_usec",
)
NEAR_QUOTA = 0.92
"""Mean use as a share of the quota from which on a container is at its limit; below it, the average looks fine."""
ALLOWED_SHARE = 0.03
"""Share of periods by which throttling may exceed what is usual in addition to its spread."""
SPREADS = 1.0
"""Number of robust standard deviations of half minutes by which throttling may exceed its mean."""
BLOCK_S = 30
"""Length of the parts of which the spread is taken: throttling of single seconds is noise."""
MIN_WEIGHT_S = 2.0
"""Minimum throttling of a stretch, as seconds in which all periods are throttled, beyond what is allowed."""
CLASSES = np.array([0.0, 0.25, 0.5, 0.75])
"""Upper bounds of the classes of shares by which the beginning and the end are found."""
MIN_STEADINESS, MIN_BLOCKS = 0.2, 4
"""Minimum factor for a stretch that is throttled in parts, and minimum length for which it is used, in BLOCK_S."""
SAME_PERIODS = 0.8
"""Share of a pod's throttling from which on it is that of one of its containers, which has the same quota."""


class QuotaStretch(NamedTuple):
    """A stretch of ticks [start, stop) in which the quota of a row kept running out.

    `log_ratio`: how much likelier a distribution of their own makes the shares that are throttled, less if only some
    parts of the stretch are throttled. `weight_s`: throttling beyond what is allowed, as seconds in which all periods
    are throttled. `usual_share`: share of periods that is usually throttled. `use_share`: mean use as a share of the
    quota; NaN if the quota is not recorded. `held`: rows of the leaves below a pod whose quota it is, the most used
    first.
    """

    row: int
    start: int
    stop: int
    log_ratio: float
    weight_s: float
    throttled_share: float
    usual_share: float
    lost_ms_per_s: float
    use_millicores: float
    quota_millicores: float
    use_share: float
    held: tuple[int, ...]


def stretches(grid: Grid) -> list[QuotaStretch]:
    """Return for each row whose quota ran out more than usual the stretch in which it did so most."""
    if not grid.has("throttle_ratio"):
        return []
    throttled, begin, second = zero_for_null(grid.value("throttle_ratio")), grid.begin, grid.interval_ms / 1000
    rows = np.flatnonzero((throttled[:, begin:] > 0).any(axis=1))
    if not len(rows):
        return []
    share, block = throttled[rows], round(BLOCK_S / second)
    base = share[:, :begin].mean(axis=1) + ALLOWED_SHARE if begin else share.mean(axis=1)
    rough = heaviest(share[:, begin:] - base[:, None])
    lost, use = grid.value("throttled_ms_per_s"), grid.value("total_cpu_usage_millicores")
    found = []
    for place in np.flatnonzero(rough.weight * second >= MIN_WEIGHT_S):
        row, of_row = int(rows[place]), share[place]
        first, last = int(rough.start[place]) + begin, int(rough.stop[place]) + begin
        start, stop, log_ratio = likeliest_range_in_view(of_row, begin, first, last, CLASSES)
        usual, allowed = _usual(of_row[:begin] if begin else np.r_[of_row[:start], of_row[stop:]], block)
        throttled_share = _mean(of_row[start:stop])
        weight_s = (throttled_share - allowed) * (stop - start) * second
        if not weight_s >= MIN_WEIGHT_S:
            continue
        quota, mean_use = _quota_millicores(grid, row, start, stop), _mean(use[row, start:stop])
        found.append(
            QuotaStretch(
                row=row,
                start=start,
                stop=stop,
                log_ratio=log_ratio * _steadiness(of_row[start:stop], allowed, block),
                weight_s=weight_s,
                throttled_share=throttled_share,
                usual_share=usual,
                lost_ms_per_s=_mean(lost[row, start:stop]),
                use_millicores=mean_use,
                quota_millicores=quota,
                use_share=mean_use / quota if quota > 0 else float("nan"),
                held=_leaves_below(grid, row, use[:, start:stop]),
            )
        )
    return [each for each in found if not _is_of_a_container(each, found)]


def _usual(share: Matrix, block: int) -> tuple[float, float]:
    """Return the share of periods that is usually throttled, and the share that is allowed. `share`: of usual ticks."""
    whole = len(share) // block
    usual = float(share.mean()) if len(share) else 0.0
    if not whole:
        return usual, usual + ALLOWED_SHARE
    _, spread = levels_and_spreads(share[: whole * block].reshape(whole, block).mean(axis=1)[None])
    return usual, usual + SPREADS * float(spread[0]) + ALLOWED_SHARE


def _steadiness(share: Matrix, allowed: float, block: int) -> float:
    """Return from MIN_STEADINESS to 1 whether all of a stretch is throttled, or only what comes in turns."""
    whole = len(share) // block
    if whole < MIN_BLOCKS:
        return 1.0
    low, mean = quantiles(share[: whole * block].reshape(whole, block).mean(axis=1), 0.25)[0], share.mean()
    return float(np.clip((low - allowed) / (mean - allowed), MIN_STEADINESS, 1.0))


def _quota_millicores(grid: Grid, row: int, start: int, stop: int) -> float:
    """Return the row's own quota; if that is not recorded, the smallest on the way up."""
    quota = grid.value("cpu_quota_usec")[row, start:stop] / grid.value("cpu_period_usec")[row, start:stop] * 1000
    own = float(medians(quota))
    return own if np.isfinite(own) else float(medians(grid.value("cpu_limit_millicores")[row, start:stop]))


def _leaves_below(grid: Grid, row: int, use: Matrix) -> tuple[int, ...]:
    below = np.flatnonzero((grid.pod_of == row) & grid.is_leaf)
    return tuple(sorted((int(each) for each in below if each != row), key=lambda each: -float(np.nansum(use[each]))))


def _is_of_a_container(pod: QuotaStretch, all_stretches: Sequence[QuotaStretch]) -> bool:
    """Return whether a container with the same quota counts the same periods as its pod."""
    return any(each.row in pod.held and each.weight_s >= SAME_PERIODS * pod.weight_s for each in all_stretches)


def _mean(values: Matrix) -> float:
    """Return the mean of the values that are not null; NaN if there is none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")
