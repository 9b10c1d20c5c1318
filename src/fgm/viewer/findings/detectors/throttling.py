"""Throttling: a CPU quota kept running out, although the average use is far below it.

A group gets its quota again in each period of 100 ms. Work that comes in bursts of several threads uses it up in a
part of the period and waits for the rest, which an average over a second does not show.
"""

import math

from fgm.viewer.findings import quotas
from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.grid import Grid
from fgm.viewer.findings.quotas import NEAR_QUOTA, QuotaStretch, stretches

NEEDS = quotas.NEEDS


def find(grid: Grid) -> list[Finding]:
    """Return a finding for each container or pod that is throttled although it uses much less than its quota."""
    return [_finding(grid, each) for each in stretches(grid) if not each.use_share >= NEAR_QUOTA]


def _finding(grid: Grid, stretch: QuotaStretch) -> Finding:
    facts: dict[str, float | str] = {
        "throttled_percent": 100 * stretch.throttled_share,
        "usual_throttled_percent": 100 * stretch.usual_share,
        "lost_ms_per_s": stretch.lost_ms_per_s,
        "mean_use_millicores": stretch.use_millicores,
        "quota_millicores": stretch.quota_millicores,
        "mean_use_percent_of_quota": 100 * stretch.use_share,
        "seconds": (stretch.stop - stretch.start) * grid.interval_ms / 1000,
    }
    return Finding(
        kind="throttling",
        row=stretch.row,
        metric="throttle_ratio",
        from_ms=int(grid.time_ms[stretch.start]),
        to_ms=int(grid.time_ms[stretch.stop - 1]),
        statistic=stretch.log_ratio,
        facts={name: value for name, value in facts.items() if not isinstance(value, float) or math.isfinite(value)},
        others=stretch.held,
    )
