"""Whose a limit is: the group on the way up that has it, and the part of that group which uses most of it.

A limit bounds everything below its group, and the outermost of equal limits is reached first. So the counters of the
group that has the limit count, and the container that uses most of it is named.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fgm.events.groups import depth_of, path_at
from fgm.store.samples.series import Series
from fgm.viewer.findings.grid import Grid, Matrix

MOST = 0.7
"""Share of what a group uses from which on one leaf below it is named instead of the group."""
Owner = Literal["its own", "its pod's", "a group's"]


def owners(grid: Grid, limit: str, depth: str) -> NDArray[np.int64]:
    """Return for each series the row of the group whose limit is the smallest on the way up; -1: none below the node.

    A container that is alone in its pod stands for the pod, which has no row then. `limit`, `depth`: metrics with the
    series' own limit, and with the depth of the smallest one. Without a depth, as in data of earlier versions, a series
    owns its own limit.
    """
    by_path = {series.cgroup: row for row, series in enumerate(grid.series) if series.cgroup}
    has_own = np.isfinite(grid.value(limit)).any(axis=1)
    depths = _last(grid.value(depth))
    result = np.where(has_own, np.arange(len(grid.series)), -1)
    for row in np.flatnonzero(np.isfinite(depths)).tolist():
        names, series = int(depths[row]), grid.series[row]
        if names == 0:
            result[row] = -1
        elif names < depth_of(series):
            stands_for_pod = series.scope == "container" and names == depth_of(series) - 1
            result[row] = by_path.get(path_at(series, names), row if stands_for_pod else -1)
    return result


def is_stand_in(grid: Grid, rows: NDArray[np.int64], depth: str) -> NDArray[np.bool_]:
    """Return which rows own a limit for a pod without a row: how often it is hit is counted in the pod."""
    own = np.array([depth_of(grid.series[row]) for row in rows.tolist()], np.float32)
    return _last(grid.value(depth)[rows]) < own


def named(grid: Grid, owner: int, owned: NDArray[np.int64], use: Matrix) -> tuple[int, tuple[int, ...]]:
    """Return the row that a finding about a group names, and those below the group that it concerns, too.

    `owned`: as `owners` returns it. `use`: what the rows use of what is limited, over the ticks in question.
    """
    leaves = [int(row) for row in np.flatnonzero((owned == owner) & grid.is_leaf) if row != owner]
    if grid.is_leaf[owner] or not leaves:
        return owner, ()
    amounts = {row: float(np.nansum(use[row])) for row in leaves}
    leaves.sort(key=lambda row: -amounts[row])
    total = max(float(np.nansum(use[owner])), sum(amounts.values()))
    if len(leaves) == 1 or amounts[leaves[0]] >= MOST * total:
        return leaves[0], tuple(leaves[1:])
    return owner, tuple(leaves)


def whose(named_series: Series, owner: Series) -> Owner:
    """Return whose a limit is, as seen from the series that a finding names."""
    if named_series is owner:
        return "its own"
    return "its pod's" if owner.scope == "pod" else "a group's"


def _last(values: Matrix) -> NDArray[np.float32]:
    """Return the last value of each row that is not null; NaN if there is none."""
    finite = np.isfinite(values)
    last = values.shape[1] - 1 - np.argmax(finite[:, ::-1], axis=1)
    return np.where(finite.any(axis=1), values[np.arange(len(values)), last], np.float32(np.nan))
