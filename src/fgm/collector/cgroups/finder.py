"""Finds the cgroups to record on a host: containers, pods, and others that match a pattern."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from fgm.collector.cgroups.hierarchies import Hierarchies
from fgm.collector.cgroups.path import CgroupPath, classify
from fgm.collector.cgroups.tree import CgroupTree
from fgm.store.samples.series import Series


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One recorded cgroup. Its path below the mount may differ between hierarchies.

    `folders`: its folder by v1 controller (or "unified"); `processes`: for each hierarchy, the folders whose
    cgroup.procs files together list all its processes: its own folder, and those of the cgroups nested in it; `paths`:
    its own paths, and those of the cgroups nested in it.
    """

    series: Series
    folders: Mapping[str, str]
    processes: tuple[tuple[str, ...], ...]
    paths: frozenset[str]


class CgroupFinder:
    """Finds the cgroups to record, in all hierarchies of a host. `cgroups`: those of the last refresh."""

    def __init__(self, hierarchies: Hierarchies, include: Sequence[str], node_name: str | None) -> None:
        """`include`: patterns of other cgroups to record (`/system.slice/*`); `**` matches any number of names."""
        self.hierarchies = hierarchies
        self._include = [tuple(pattern.strip("/").split("/")) for pattern in include]
        self._node_name = node_name
        self._trees = [CgroupTree(mount, hierarchies.searched) for mount in hierarchies.searched]
        # A series has the path that it has in memory's hierarchy, because OOM kills are watched there.
        main = hierarchies.v1.get("memory", hierarchies.unified)
        self._main_first = sorted(self._trees, key=lambda tree: tree.mount != main)
        self.cgroups = self._collect()

    def refresh(self) -> set[str]:
        """Update `cgroups`; return the paths of cgroups that were created or removed."""
        changed = set().union(*(tree.refresh() for tree in self._trees))
        if changed:
            self.cgroups = self._collect()
        return changed

    def _collect(self) -> list[Cgroup]:
        series: dict[str, Series | None] = {}
        nested: dict[str, list[str]] = {}
        own: dict[str, dict[str, str]] = {}
        in_trees = {tree.mount: frozenset(tree.paths) for tree in self._main_first}
        for mount, paths in in_trees.items():
            for path in sorted(paths):
                if path not in series:
                    parsed = classify(path)
                    series[path] = self._series(path, parsed)
                    if parsed.owner is not None:
                        nested.setdefault(parsed.owner, []).append(path)
                recorded = series[path]
                if recorded is not None:
                    own.setdefault(recorded.key, {})[mount] = path
        cgroups = []
        for paths_in in own.values():
            present = {
                mount: [path, *(each for each in nested.get(path, ()) if each in in_trees[mount])]
                for mount, path in paths_in.items()
            }
            first = series[next(iter(paths_in.values()))]
            if first is not None:
                cgroups.append(self._cgroup(first, paths_in, present))
        return cgroups

    def _series(self, path: str, parsed: CgroupPath) -> Series | None:
        """Return the series of a cgroup; None if it is not recorded."""
        if parsed.kind == "container":
            return Series(
                "container",
                container_id=parsed.container_id,
                pod_uid=parsed.pod_uid,
                qos_class=parsed.qos_class,
                runtime=parsed.runtime,
                cgroup=_printable(path),
                node_name=self._node_name,
            )
        if parsed.kind == "pod":
            return Series(
                "pod",
                pod_uid=parsed.pod_uid,
                qos_class=parsed.qos_class,
                cgroup=_printable(path),
                node_name=self._node_name,
            )
        if parsed.kind == "other" and self._is_included(path):
            return Series("cgroup", cgroup=_printable(path), node_name=self._node_name)
        return None

    def _cgroup(self, series: Series, own: Mapping[str, str], present: Mapping[str, Sequence[str]]) -> Cgroup:
        """`own`: its path in each mount; `present`: the same, followed by the paths of cgroups nested in it."""
        mounts = {"unified": self.hierarchies.unified, **self.hierarchies.v1}
        return Cgroup(
            series,
            folders={name: mount + own[mount] for name, mount in mounts.items() if mount is not None and mount in own},
            processes=tuple(
                tuple(mount + path for path in present[mount]) for mount in self.hierarchies.searched if mount in own
            ),
            paths=frozenset(path for paths in present.values() for path in paths),
        )

    def _is_included(self, path: str) -> bool:
        names = tuple(path.strip("/").split("/"))
        return any(_matches(names, pattern) for pattern in self._include)


def _printable(path: str) -> str:
    """Return a path in which bytes that are not UTF-8 are escaped. Names on disk may contain any bytes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _matches(names: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern:
        return not names
    if pattern[0] == "**":
        return any(_matches(names[i:], pattern[1:]) for i in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], pattern[0]) and _matches(names[1:], pattern[1:])
