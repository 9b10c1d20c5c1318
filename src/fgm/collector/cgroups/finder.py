"""Which cgroups are recorded: containers, their pods, and others that were asked for; and where their files are."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from fgm.collector.cgroups.hierarchies import Hierarchies
from fgm.collector.cgroups.path import classify
from fgm.collector.cgroups.tree import CgroupWalk
from fgm.store.samples.series import Series


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One recorded cgroup.

    `folders`: v1 controller (or "unified") to the cgroup's folder in that mount; `processes`: for each mount, the
    folders whose cgroup.procs together name all its processes, the cgroup's own and those nested in a container;
    `paths`: of all these cgroups.
    """

    series: Series
    path: str
    folders: Mapping[str, str]
    processes: tuple[tuple[str, ...], ...]
    paths: frozenset[str]


class CgroupFinder:
    """Finds the cgroups to record in all hierarchies of a host, and notices within one call when they change."""

    def __init__(self, hierarchies: Hierarchies, include: Sequence[str], node_name: str | None) -> None:
        """`include`: patterns of other cgroups, such as `/system.slice/*`; `*` matches within one name, `**` all."""
        self.hierarchies = hierarchies
        self._include = [tuple(pattern.strip("/").split("/")) for pattern in include]
        self._node_name = node_name
        self._walks = [CgroupWalk(mount) for mount in hierarchies.searched]
        watched = [] if hierarchies.unified in hierarchies.searched else [hierarchies.unified]
        self._pressure_walks = [CgroupWalk(mount) for mount in watched if mount is not None]
        self.cgroups = self._collect()

    def refresh(self) -> set[str]:
        """Look again; return the paths that came or went, so that `cgroups` may be another list than before."""
        changed = set().union(*(walk.refresh() for walk in (*self._walks, *self._pressure_walks)))
        if changed:
            self.cgroups = self._collect()
        return changed

    def _collect(self) -> list[Cgroup]:
        paths = sorted({path for walk in self._walks for path in walk.paths})
        nested: dict[str, list[str]] = {}
        found: list[tuple[str, Series]] = []
        for path in paths:
            place = classify(path)
            if place.kind == "inside" and place.owner is not None:
                nested.setdefault(place.owner, []).append(path)
            elif place.kind == "container":
                series = Series(
                    "container",
                    container_id=place.container_id,
                    pod_uid=place.pod_uid,
                    qos_class=place.qos_class,
                    runtime=place.runtime,
                    cgroup=_printable(path),
                    node_name=self._node_name,
                )
                found.append((path, series))
            elif place.kind == "pod":
                series = Series(
                    "pod",
                    pod_uid=place.pod_uid,
                    qos_class=place.qos_class,
                    cgroup=_printable(path),
                    node_name=self._node_name,
                )
                found.append((path, series))
            elif self._is_included(path):
                found.append((path, Series("cgroup", cgroup=_printable(path), node_name=self._node_name)))
        unique = {series.key: (path, series) for path, series in found}
        return [self._cgroup(path, series, nested.get(path, ())) for path, series in unique.values()]

    def _cgroup(self, path: str, series: Series, nested: Sequence[str]) -> Cgroup:
        mounts = {"unified": self.hierarchies.unified, **self.hierarchies.v1}
        folders = {
            name: mount + path for name, mount in mounts.items() if mount is not None and os.path.isdir(mount + path)
        }
        mine = (path, *nested)
        processes = (tuple(w.mount + p for p in mine if os.path.isdir(w.mount + p)) for w in self._walks)
        return Cgroup(series, path, folders, tuple(filter(None, processes)), frozenset(mine))

    def _is_included(self, path: str) -> bool:
        names = tuple(path.strip("/").split("/"))
        return any(_matches(names, pattern) for pattern in self._include)


def _printable(path: str) -> str:
    """Return a path with the bytes that are no text escaped: names on disk may be anything."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _matches(names: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern:
        return not names
    if pattern[0] == "**":
        return any(_matches(names[i:], pattern[1:]) for i in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], pattern[0]) and _matches(names[1:], pattern[1:])
