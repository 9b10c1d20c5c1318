"""Decides which series of two ranges are compared with each other. Pure.

A container is compared with the one that has the same names, or the same id. After a new version was rolled out, the
pods of a Deployment have other names. So what is in one range only is compared with what is only in the other one and
was made by the same workload; several replicas share a row, whose values are those of all. A reader can pair others,
such as a canary with the version that it will replace.
"""

from collections.abc import Sequence
from typing import NamedTuple

from fgm.store.samples.series import Series
from fgm.viewer.query.comparing.compared_side import workload_key
from fgm.viewer.query.wall.grouping import group_of, workload_name


class Pair(NamedTuple):
    """Series that a reader has paired: keys of `workload_key`, of the first side and of the second."""

    first: frozenset[str]
    second: frozenset[str]


class Pairing:
    """The keys of the rows of two sides. `sides`: the series that each may have. `pairs`: those that a reader named."""

    def __init__(self, sides: Sequence[Sequence[Series]], pairs: Sequence[Pair] = ()) -> None:
        self._pairs = pairs
        keys = [{workload_key(series): series for series in side} for side in sides]
        common = set.intersection(*(set(of_side) for of_side in keys))
        groups = [
            {_group_key(series) for key, series in of_side.items() if key not in common and _has_group(series)}
            for of_side in keys
        ]
        self._common, self._groups = common, set.intersection(*groups)

    def key_of(self, side: int, series: Series) -> str | None:
        """Return the key of the row of a series; None if it has none, because its counterpart is in a pair."""
        key = workload_key(series)
        for number, pair in enumerate(self._pairs):
            if key in pair[side]:
                return f"pair {number}"
        if any(key in pair[1 - side] for pair in self._pairs):
            return None
        if key in self._common or not _has_group(series):
            return key
        group = _group_key(series)
        return group if group in self._groups else key


def named(series: Sequence[Series], name: str) -> frozenset[str]:
    """Return the keys of the series that a name means: a container, a pod, or a workload, with its namespace or not."""
    return frozenset(workload_key(each) for each in series if name in _names(each))


def _names(series: Series) -> set[str]:
    pods = {series.pod_name or "", workload_name(series.pod_name or "")}
    names = {series.key, workload_key(series), series.container_name or "", *pods}
    names |= {f"{series.namespace}/{pod}" for pod in pods}
    names |= {f"{series.namespace}/{pod}/{series.container_name}" for pod in pods}
    return names - {""}


def _has_group(series: Series) -> bool:
    return series.scope in ("container", "pod") and bool(series.namespace and series.pod_name)


def _group_key(series: Series) -> str:
    return "/".join(("workload", *(name or "" for name in group_of(series, "workload"))))
