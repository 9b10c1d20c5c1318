"""Finds the cgroups to record on a host: containers, pods, and others that match a pattern."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from fgm.collector.cgroups.hierarchies import Hierarchies
from fgm.collector.cgroups.path import classify
from fgm.collector.cgroups.tree import CgroupTree
from fgm.store.samples.series import Series


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One recorded cgroup.

    `path`: path below the mount, starting with "/"; `folders`: the cgroup's folder by v1 controller (or "unified");
    `processes`: for each mount, the folders whose cgroup.procs files together list all its processes: its own folder,
    and those of the cgroups nested in it; `paths`: its own path, and those of the cgroups nested in it.
    """

    series: Series
    path: str
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
        self._trees = [CgroupTree(mount) for mount in hierarchies.searched]
        # On a hybrid host, pressure files are in the unified mount. Its folders may appear later than the others.
        others = [] if hierarchies.unified in hierarchies.searched else [hierarchies.unified]
        self._pressure_trees = [CgroupTree(mount) for mount in others if mount is not None]
        self.cgroups = self._collect()

    def refresh(self) -> set[str]:
        """Update `cgroups`; return the paths of cgroups that were created or removed."""
        changed = set().union(*(tree.refresh() for tree in (*self._trees, *self._pressure_trees)))
        if changed:
            self.cgroups = self._collect()
        return changed

    def _collect(self) -> list[Cgroup]:
        paths = sorted({path for tree in self._trees for path in tree.paths})
        nested: dict[str, list[str]] = {}
        recorded: list[tuple[str, Series]] = []
        for path in paths:
            parsed = classify(path)
            if parsed.kind == "inside" and parsed.owner is not None:
                nested.setdefault(parsed.owner, []).append(path)
            elif parsed.kind == "container":
                series = Series(
                    "container",
                    container_id=parsed.container_id,
                    pod_uid=parsed.pod_uid,
                    qos_class=parsed.qos_class,
                    runtime=parsed.runtime,
                    cgroup=_printable(path),
                    node_name=self._node_name,
                )
                recorded.append((path, series))
            elif parsed.kind == "pod":
                series = Series(
                    "pod",
                    pod_uid=parsed.pod_uid,
                    qos_class=parsed.qos_class,
                    cgroup=_printable(path),
                    node_name=self._node_name,
                )
                recorded.append((path, series))
            elif self._is_included(path):
                recorded.append((path, Series("cgroup", cgroup=_printable(path), node_name=self._node_name)))
        unique = {series.key: (path, series) for path, series in recorded}
        return [self._cgroup(path, series, nested.get(path, ())) for path, series in unique.values()]

    def _cgroup(self, path: str, series: Series, nested: Sequence[str]) -> Cgroup:
        mounts = {"unified": self.hierarchies.unified, **self.hierarchies.v1}
        folders = {
            name: mount + path for name, mount in mounts.items() if mount is not None and os.path.isdir(mount + path)
        }
        paths = (path, *nested)
        processes = (tuple(t.mount + p for p in paths if os.path.isdir(t.mount + p)) for t in self._trees)
        return Cgroup(series, path, folders, tuple(filter(None, processes)), frozenset(paths))

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
