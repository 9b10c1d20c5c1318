"""Stretches in which a CPU quota kept running out, and how much of the quota was used on average meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fgm.viewer.findings.grid import Grid, Matrix
from fgm.viewer.findings.statistics.levels import levels_and_spreads
from fgm.viewer.findings.statistics.segments import heaviest

NEEDS = (
    "throttle_ratio",
    "throttled_ms_per_s",
    "total_cpu_usage_millicores",
    "cpu_limit_millicores",
    "cpu_quota_usec",
    "cpu_period_usec",
)
NEAR_QUOTA = 0.8
"""Mean use as a share of the quota from which on a container is at its limit; below it, the average looks fine."""
ALLOWED_SHARE = 0.1
"""Share of periods by which throttling may exceed what is usual: one of the ten periods of a second."""
MIN_WEIGHT_S = 2.0
"""Minimum throttling of a stretch, as seconds in which all periods are throttled, beyond what is allowed."""
SAME_PERIODS = 0.8
"""Share of a pod's throttling from which on it is that of one of its containers, which has the same quota."""


@dataclass(frozen=True, slots=True)
class QuotaStretch:
    """A stretch of ticks [start, stop) in which the quota of a row kept running out.

    `weight_s`: throttling beyond what is allowed, as seconds in which all periods are throttled. `usual_share`: share
    of periods that is usually throttled. `use_share`: mean use as a share of the quota; NaN if the quota is not
    recorded. `held`: rows of the leaves below a pod whose quota it is, the most used first.
    """

    row: int
    start: int
    stop: int
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
    throttled, begin, second = np.nan_to_num(grid.value("throttle_ratio")), grid.begin, grid.interval_ms / 1000
    rows = np.flatnonzero((throttled[:, begin:] > 0).any(axis=1))
    if not len(rows):
        return []
    share = throttled[rows]
    usual, spread = levels_and_spreads(share[:, :begin] if begin else share)
    segments = heaviest(share[:, begin:] - (usual + spread + ALLOWED_SHARE)[:, None])
    lost, use = grid.value("throttled_ms_per_s"), grid.value("total_cpu_usage_millicores")
    found = []
    for place in np.flatnonzero(segments.weight * second >= MIN_WEIGHT_S):
        row = int(rows[place])
        start, stop = int(segments.start[place]) + begin, int(segments.stop[place]) + begin
        quota, mean_use = _quota_millicores(grid, row, start, stop), _mean(use[row, start:stop])
        found.append(
            QuotaStretch(
                row=row,
                start=start,
                stop=stop,
                weight_s=float(segments.weight[place]) * second,
                throttled_share=_mean(share[place, start:stop]),
                usual_share=float(usual[place]),
                lost_ms_per_s=_mean(lost[row, start:stop]),
                use_millicores=mean_use,
                quota_millicores=quota,
                use_share=mean_use / quota if quota > 0 else float("nan"),
                held=_leaves_below(grid, row, use[:, start:stop]),
            )
        )
    return [each for each in found if not _is_of_a_container(each, found)]


def _quota_millicores(grid: Grid, row: int, start: int, stop: int) -> float:
    """Return the row's own quota; if that is not recorded, the smallest on the way up."""
    quota = grid.value("cpu_quota_usec")[row, start:stop] / grid.value("cpu_period_usec")[row, start:stop] * 1000
    own = _mean(quota)
    return own if np.isfinite(own) else _mean(grid.value("cpu_limit_millicores")[row, start:stop])


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
