"""Detector of doubtful data: gaps, missed ticks, and clocks that were set. It says what others cannot be trusted on.

These are facts that the collector has recorded, not statistics.
"""

import numpy as np

from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.grid import Grid

MISSED, SWEEP = "collector.missed_ticks", "collector.sweep_usec"
NEEDS: tuple[str, ...] = (MISSED, SWEEP)
MIN_MISSED = 3
"""Minimum number of ticks of a range that are missing in every series, or were missed by the collector."""
MIN_LATE_TICKS = 5
"""Minimum number of ticks at which reading took as long as the interval."""


def find(grid: Grid) -> list[Finding]:
    """Return at most one finding of each cause, in the row of the node; none if there is no row of the node."""
    if grid.node is None or grid.begin >= len(grid.time_ms):
        return []
    found = [_events(grid, "gap"), _events(grid, "clock_step"), _missed(grid), _late(grid)]
    causes = [finding for finding in found if finding is not None]
    if any(finding.facts["cause"] == "gap" for finding in causes):
        causes = [finding for finding in causes if finding.facts["cause"] != "missed_ticks"]
    return causes


def _events(grid: Grid, kind: str) -> Finding | None:
    begin_ms = int(grid.time_ms[grid.begin])
    events = [event for event in grid.events if event.kind == kind and event.time_ms >= begin_ms]
    if not events:
        return None
    facts: dict[str, float | str] = {"cause": kind, "count": float(len(events)), "what": events[0].what}
    return _finding(grid, MISSED, events[0].time_ms, events[-1].time_ms, facts)


def _missed(grid: Grid) -> Finding | None:
    """Return the ticks that the collector has counted as missed; a rate of 1/s is one tick each second."""
    rate = grid.value(MISSED)[grid.node, grid.begin :]
    at = np.flatnonzero(rate > 0)
    ticks = float(np.nansum(rate)) * grid.interval_ms / 1000
    if not len(at) or ticks < MIN_MISSED:
        return None
    times = grid.time_ms[grid.begin :]
    return _finding(
        grid, MISSED, int(times[at[0]]), int(times[at[-1]]), {"cause": "missed_ticks", "count": round(ticks)}
    )


def _late(grid: Grid) -> Finding | None:
    sweep_ms = grid.value(SWEEP)[grid.node, grid.begin :] / 1000
    at = np.flatnonzero(sweep_ms >= grid.interval_ms)
    if len(at) < MIN_LATE_TICKS:
        return None
    times = grid.time_ms[grid.begin :]
    facts: dict[str, float | str] = {
        "cause": "slow_reading",
        "count": float(len(at)),
        "longest_ms": float(np.nanmax(sweep_ms)),
    }
    return _finding(grid, SWEEP, int(times[at[0]]), int(times[at[-1]]), facts)


def _finding(grid: Grid, metric: str, from_ms: int, to_ms: int, facts: dict[str, float | str]) -> Finding:
    assert grid.node is not None, "checked by find"
    return Finding("doubtful", grid.node, metric, from_ms, to_ms, 0.0, facts)
