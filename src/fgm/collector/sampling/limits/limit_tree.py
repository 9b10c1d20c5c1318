"""The cgroups of one hierarchy that are or contain a recorded one, and the smallest limits on the way up from each."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fgm.collector.sampling.limits.limits_above import LimitsAbove
from fgm.metrics.catalogue import COLUMNS

Row = NDArray[np.float64]


class Recorded(Protocol):
    """A reader of a recorded cgroup. `row`: its newest values."""

    row: Row

    def read_on_demand(self) -> None:
        """From now on, also read the files that tell that a limit above holds the cgroup."""


def _column(name: str) -> int:
    return 1 + COLUMNS.index(name)


_QUOTA, _PERIOD = _column("cpu_quota_usec"), _column("cpu_period_usec")
_MAX, _HIGH = _column("memory.max"), _column("memory.high")


def _millicores(row: Row) -> float:
    period = row.item(_PERIOD)
    return 1000 * row.item(_QUOTA) / period if period > 0 else math.nan


@dataclass(frozen=True, slots=True)
class Resource:
    """A limit that also bounds everything below its cgroup.

    `own`: returns the cgroup's own limit from its row; `columns`: columns of a row for the smallest limit on the way
    up, and for the depth of its cgroup.
    """

    own: Callable[[Row], float]
    columns: tuple[int, int]


CPU = Resource(_millicores, (_column("effective_cpu_limit_millicores"), _column("effective_cpu_limit_depth")))
MEMORY = Resource(lambda row: row.item(_MAX), (_column("effective_memory_max"), _column("effective_memory_max_depth")))
HIGH = Resource(lambda row: row.item(_HIGH), (_column("effective_memory_high"), _column("effective_memory_high_depth")))


@dataclass(slots=True)
class _Group:
    depth: int
    parent: "_Group | None"
    reader: Recorded | None
    """Reader of a recorded cgroup; None if it is not recorded. Then `above` has its limits."""
    above: LimitsAbove | None = None
    smallest: tuple[float, float] = (math.nan, math.nan)

    @property
    def row(self) -> Row:
        if self.reader is not None:
            return self.reader.row
        assert self.above is not None
        return self.above.row


class LimitTree:
    """The cgroups of one hierarchy that are or contain a recorded one. Used by one thread at a time."""

    def __init__(self, mount: str, resources: tuple[Resource, ...], open_above: Callable[[str], LimitsAbove]) -> None:
        """`open_above`: returns the limits of a cgroup that is not recorded, by its folder."""
        self._mount = mount
        self._resources = resources
        self._open_above = open_above
        self._groups: dict[str, _Group] = {}

    def arrange(self, recorded: Mapping[str, Recorded]) -> None:
        """Replace the recorded cgroups. `recorded`: their readers by folder, all of them below the mount."""
        before, self._groups = self._groups, {}
        for folder in recorded:
            self._add(folder, recorded, before)

    def read_above(self) -> bool:
        """Read the limits of the cgroups that are not recorded; return whether one changed."""
        return sum(group.above.read() for group in self._groups.values() if group.above is not None) > 0

    def update_rows(self, node: Row) -> None:
        """Put the smallest limits into the rows of the recorded cgroups. `node`: row with the limits of the machine.

        If a group and one above it have the same limit, it is that of the group above, which also has what is next to
        the group.
        """
        for resource in self._resources:
            limit, depth = resource.columns
            of_node = (node.item(limit), node.item(depth))
            for group in self._groups.values():
                group.smallest = of_node if group.parent is None else group.parent.smallest
                own = resource.own(group.row)
                if own < group.smallest[0] or math.isnan(group.smallest[0]):
                    group.smallest = own, math.nan if math.isnan(own) else group.depth
                if group.reader is not None:
                    row = group.reader.row
                    row[limit], row[depth] = group.smallest
                    if resource is CPU and group.parent is not None and group.parent.smallest[1] > 0:
                        group.reader.read_on_demand()

    def _add(self, folder: str, recorded: Mapping[str, Recorded], before: Mapping[str, _Group]) -> _Group:
        """Add a group after those above it."""
        group = self._groups.get(folder)
        if group is not None:
            return group
        parent = self._add(folder.rpartition("/")[0], recorded, before) if folder != self._mount else None
        group = _Group(0 if parent is None else parent.depth + 1, parent, recorded.get(folder))
        if group.reader is None:
            earlier = before.get(folder)
            group.above = earlier.above if earlier is not None else None
            if group.above is None:
                group.above = self._open_above(folder)
                group.above.read()
        self._groups[folder] = group
        return group
