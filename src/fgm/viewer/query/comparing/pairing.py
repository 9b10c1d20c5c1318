"""Decides which series of two ranges are compared with each other. Pure.

A container is compared with the one that has the same names, or the same id. After a new version was rolled out, the
pods of a Deployment have other names. So what is in one range only is compared with what is only in the other one and
was made by the same workload; several replicas share a row, whose values are those of all.
"""

from collections.abc import Sequence

from fgm.store.samples.series import Series
from fgm.viewer.query.comparing.compared_side import workload_key
from fgm.viewer.query.wall.grouping import group_of


class Pairing:
    """The keys of the rows of two sides. `sides`: the series that each may have."""

    def __init__(self, sides: Sequence[Sequence[Series]]) -> None:
        keys = [{workload_key(series): series for series in side} for side in sides]
        common = set.intersection(*(set(of_side) for of_side in keys))
        groups = [
            {_group_key(series) for key, series in of_side.items() if key not in common and _has_group(series)}
            for of_side in keys
        ]
        self._common, self._groups = common, set.intersection(*groups)

    def key_of(self, _: int, series: Series) -> str:
        """Return the key of the row of a series."""
        key = workload_key(series)
        if key in self._common or not _has_group(series):
            return key
        group = _group_key(series)
        return group if group in self._groups else key


def _has_group(series: Series) -> bool:
    return series.scope in ("container", "pod") and bool(series.namespace and series.pod_name)


def _group_key(series: Series) -> str:
    return "/".join(("workload", *(name or "" for name in group_of(series, "workload"))))
