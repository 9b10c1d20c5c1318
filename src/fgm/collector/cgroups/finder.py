"""Finds the cgroups to record on a host: containers, pods, services, and others that match a pattern."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from fgm.collector.cgroups.hierarchies import Hierarchies
from fgm.collector.cgroups.path import CgroupPath, classify
from fgm.collector.cgroups.services import at_most, divided_by, service_paths
from fgm.collector.cgroups.tree import CgroupTree
from fgm.logs import fields
from fgm.store.samples.series import Series

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Cgroup:
    """One recorded cgroup. Its path below the mount may differ between hierarchies.

    `folders`: its folder by v1 controller (or "unified"); `processes`: for each hierarchy, the folders whose
    cgroup.procs files together list all its processes: its own folder, and those of the cgroups nested in it; `paths`:
    its own paths, and those of the cgroups nested in it; `is_service`: whether only the files of a service are read.
    """

    series: Series
    folders: Mapping[str, str]
    processes: tuple[tuple[str, ...], ...]
    paths: frozenset[str]
    is_service: bool = False


class CgroupFinder:
    """Finds the cgroups to record, in all hierarchies of a host. `cgroups`: those of the last refresh.

    `left_out`: number of services that are not recorded, because there are too many.
    """

    def __init__(
        self, hierarchies: Hierarchies, include: Sequence[str], node_name: str | None, *, with_services: bool = False
    ) -> None:
        """`include`: patterns of other cgroups to record (`/system.slice/*`); `**` matches any number of names.

        `with_services`: whether services and slices are recorded, too, with fewer files than those of `include`.
        """
        self.hierarchies = hierarchies
        self._include = [tuple(pattern.strip("/").split("/")) for pattern in include]
        self._node_name = node_name
        self._with_services = with_services
        self._services: frozenset[str] = frozenset()
        self._divided: set[str] = set()
        self.left_out = 0
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
        in_trees = {tree.mount: frozenset(tree.paths) for tree in self._main_first}
        parsed = {path: classify(path) for path in sorted(frozenset().union(*in_trees.values()))}
        if self._with_services:
            self._choose_services(parsed)
        nested: dict[str, list[str]] = {}
        series: dict[str, Series] = {}
        for path, each in parsed.items():
            if each.owner is not None:
                nested.setdefault(each.owner, []).append(path)
            elif (recorded := self._series(path, each)) is not None:
                series[path] = recorded
        own: dict[str, dict[str, str]] = {}
        for mount, paths in in_trees.items():
            for path in sorted(series.keys() & paths):
                own.setdefault(series[path].key, {})[mount] = path
        cgroups = []
        for paths_in in own.values():
            present = {
                mount: [path, *(each for each in nested.get(path, ()) if each in in_trees[mount])]
                for mount, path in paths_in.items()
            }
            cgroups.append(self._cgroup(series[next(iter(paths_in.values()))], paths_in, present))
        return cgroups

    def _choose_services(self, parsed: Mapping[str, CgroupPath]) -> None:
        of_kind: dict[str, list[str]] = {"container": [], "pod": [], "inside": [], "other": []}
        for path, each in parsed.items():
            of_kind[each.kind].append(path)
        # What was divided stays so, so that rows do not end when the last container next to them ends.
        self._divided |= divided_by(of_kind["container"], frozenset(of_kind["pod"]))
        self._divided &= parsed.keys()
        paths = service_paths(of_kind["other"], self._divided)
        self._services = frozenset(at_most(paths, self._services, self._cpu_usec))
        if len(paths) > len(self._services) and not self.left_out:
            log.warning(
                "not all services are recorded; the row of what is outside counts the others",
                extra=fields(services=len(paths), recorded=len(self._services)),
            )
        self.left_out = len(paths) - len(self._services)

    def _cpu_usec(self, path: str) -> float:
        """Return the CPU time that a cgroup has used; 0 if it cannot be read."""
        hierarchies = self.hierarchies
        file, unit = ("cpu.stat", 1) if hierarchies.unified else ("cpuacct.usage", 1000)
        mount = hierarchies.unified or hierarchies.v1.get("cpuacct", "")
        try:
            with open(f"{mount}{path}/{file}", encoding="ascii") as opened:
                return int(opened.readline().split()[-1]) / unit
        except (OSError, ValueError, IndexError):
            return 0.0

    def _series(self, path: str, parsed: CgroupPath) -> Series | None:
        """Return the series of a cgroup; None if it is not recorded."""
        if parsed.kind == "container":
            return Series(
                "container",
                container_id=parsed.container_id,
                container_name=None if parsed.container_name is None else _printable(parsed.container_name),
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
        if parsed.kind == "other" and (path in self._services or self._is_included(path)):
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
            is_service=series.scope == "cgroup" and not any(map(self._is_included, own.values())),
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
