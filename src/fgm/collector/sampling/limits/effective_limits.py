"""The effective limits of every recorded cgroup: the smallest CPU and memory limits on the way up to the node.

A limit bounds everything below its cgroup. So a container without a limit, or with the same one as its pod, is bound by
its pod, together with the other containers in it.
"""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from fgm.collector.cgroups.hierarchies import Hierarchies
from fgm.collector.sampling.limits.limit_tree import CPU, HIGH, MEMORY, LimitTree, Resource
from fgm.collector.sampling.limits.limits_above import LimitsAbove
from fgm.collector.sampling.read_counts import ReadCounts
from fgm.collector.sampling.series_reader import SeriesReader
from fgm.collector.sampling.sources import CgroupSources

Located = tuple[Mapping[str, str], SeriesReader]
"""The folders of a recorded cgroup, by v1 controller (or "unified"), and its reader."""
_LIMITS_OF_NODE = [CPU.columns[0], MEMORY.columns[0]]


class EffectiveLimits:
    """Keeps the columns of the effective limits up to date. They are computed again only if a limit changed."""

    def __init__(self, hierarchies: Hierarchies, sources: CgroupSources, counts: ReadCounts) -> None:
        self._trees: list[tuple[str, LimitTree]] = []
        """The name of each hierarchy in the folders of a cgroup, and its tree."""
        resources: dict[str, list[Resource]] = {}
        for controller, each in (("cpu", (CPU,)), ("memory", (MEMORY, HIGH))):
            resources.setdefault(controller if controller in hierarchies.v1 else "unified", []).extend(each)
        for name, bounded in resources.items():
            mount = hierarchies.v1.get(name, hierarchies.unified)
            if mount is not None:
                self._trees.append((name, LimitTree(mount, tuple(bounded), _opener(name, sources, counts))))
        self._is_changed = True
        self._changes_seen = -1
        self._of_node: list[float] = []

    def arrange(self, located: Iterable[Located]) -> None:
        """Replace the recorded cgroups."""
        all_located = list(located)
        for name, tree in self._trees:
            tree.arrange({folders[name]: reader for folders, reader in all_located if name in folders})
        self._is_changed = True

    def read_above(self, node: NDArray[np.float64]) -> None:
        """Read the limits of the cgroups that are not recorded, and of the node. Call it as often as limits are read.

        `node`: its row.
        """
        of_node = node[_LIMITS_OF_NODE].tolist()
        for _, tree in self._trees:
            self._is_changed |= tree.read_above()
        self._is_changed |= of_node != self._of_node
        self._of_node = of_node

    def update_rows(self, node: NDArray[np.float64], changes: int) -> None:
        """Put the effective limits into the rows of the recorded cgroups, if a limit changed.

        `node`: its row; `changes`: number of changes of limits of recorded cgroups so far.
        """
        if changes == self._changes_seen and not self._is_changed:
            return
        self._changes_seen, self._is_changed = changes, False
        for _, tree in self._trees:
            tree.update_rows(node)


def _opener(name: str, sources: CgroupSources, counts: ReadCounts) -> Callable[[str], LimitsAbove]:
    """Return the function that opens the limits of a cgroup that is not recorded. `name`: of its hierarchy."""
    return lambda folder: LimitsAbove(sources.limits_of({name: folder}), counts)
