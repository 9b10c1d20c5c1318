"""The cgroup hierarchies of a host: each controller is in one of several v1 hierarchies, or in the unified one (v2).

The kernel allows every mixture. A controller that is in a v1 hierarchy is not offered by v2. The unified hierarchy
always has cgroup.events, the pressure files, and the CPU usage in cpu.stat, whatever controllers it has.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fgm.parse.mountinfo import CgroupMount, cgroup_mounts

RECORDED_CONTROLLERS = ("cpu", "cpuacct", "memory", "blkio", "pids")
"""The controllers whose files are recorded, by their names in v1. Containers are searched for in their hierarchies."""
V2_NAMES = MappingProxyType({"cpu": "cpu", "memory": "memory", "blkio": "io", "pids": "pids"})
"""Names of the recorded controllers in v2. v2 has no cpuacct: its cpu.stat always has the usage."""

METRICS = MappingProxyType(
    {
        "cpu": "CPU limits and throttling",
        "cpuacct": "CPU usage",
        "memory": "memory, swap and OOM kills",
        "io": "I/O of cgroups",
        "pids": "numbers of tasks",
    }
)
"""Metrics that need each controller, in words for the log."""


class ForeignRootError(Exception):
    """Raised when the cgroup root or the proc root of the settings cannot be read, or is not the host's."""

    def __init__(self, path: str, reason: str, flag: str = "--cgroup-root", usual: str = "/sys/fs/cgroup") -> None:
        super().__init__(f"cannot record from {path}: {reason}; give the path of the host's {usual} with {flag}")
        self.path, self.reason = path, reason


@dataclass(frozen=True, slots=True)
class Hierarchies:
    """The mounts of the hierarchies of a host.

    `unified`: the v2 mount, if any; `v1`: the mount of each recorded controller that is in a v1 hierarchy, by name;
    `offered`: recorded controllers of the v2 mount, by their names in v1; `enabled`: those of them that its root passes
    on to other cgroups.
    """

    unified: str | None
    v1: Mapping[str, str]
    offered: frozenset[str] = frozenset()
    enabled: frozenset[str] = frozenset()

    @property
    def is_v2(self) -> bool:
        """Whether no recorded controller is in a v1 hierarchy."""
        return not self.v1

    @property
    def searched(self) -> tuple[str, ...]:
        """The mounts in which containers are searched for, without duplicates; first those that have all processes.

        If v2 has controllers, it has all processes. Its lists of processes are also newer than those of v1.
        """
        v1 = dict.fromkeys(self.v1[name] for name in RECORDED_CONTROLLERS if name in self.v1)
        if self.unified is None:
            return tuple(v1)
        return (self.unified, *v1) if self.offered else (*v1, self.unified)

    @property
    def versions(self) -> dict[str, str | None]:
        """Version of cgroups that has each controller, by the name in v2: "v1", "v2", or None if neither has it."""
        return {v2: self._version(v1) for v1, v2 in V2_NAMES.items()}

    @property
    def missing(self) -> list[str]:
        """Names of controllers, as in v2, whose values cannot be recorded. cpuacct, for the CPU usage, is one, too."""
        without_usage = ["cpuacct"] if self.unified is None and "cpuacct" not in self.v1 else []
        return [name for name, version in self.versions.items() if version is None] + without_usage

    @property
    def not_enabled(self) -> list[str]:
        """Names of v2 controllers that no cgroup below the root can have."""
        return sorted(V2_NAMES[name] for name in self.offered - self.enabled)

    def __str__(self) -> str:
        on_v1, on_v2 = ([name for name, version in self.versions.items() if version == v] for v in ("v1", "v2"))
        if self.is_v2:
            return "cgroup v2"
        if on_v2:
            return f"cgroup v1 ({', '.join(on_v1 or self.v1)}) and v2 ({', '.join(on_v2)})"
        return "cgroup v1 with a unified mount (hybrid)" if self.unified else "cgroup v1"

    def _version(self, name: str) -> str | None:
        return "v1" if name in self.v1 else "v2" if name in self.offered else None


def detect(cgroup_root: str, mountinfo: bytes = b"") -> Hierarchies:
    """Return the hierarchies that are mounted at or below `cgroup_root`, and elsewhere those that are not there.

    `mountinfo`: content of this process's mountinfo. Without it, only mounts with usual names are found.

    Raises: ForeignRootError if the root cannot be read, or has no cgroup mount with recorded files.
    """
    root = os.path.realpath(cgroup_root)
    try:
        names = sorted(os.listdir(root))
    except OSError as error:
        raise ForeignRootError(cgroup_root, error.strerror or str(error)) from error
    unified, v1 = _by_name(root, names)
    for mount in _host_mounts(root, mountinfo):
        folder = os.fsdecode(mount.folder)
        if mount.is_v2:
            unified = unified or folder
        else:
            for name in mount.options.intersection(RECORDED_CONTROLLERS):
                v1.setdefault(name, folder)
    if unified is None and not v1:
        raise ForeignRootError(cgroup_root, "it contains neither cgroup.controllers nor v1 controllers")
    offered = _controllers(unified, "cgroup.controllers") or frozenset()
    enabled = _controllers(unified, "cgroup.subtree_control")
    return Hierarchies(unified, v1, offered, offered if enabled is None else enabled)


def _by_name(root: str, names: list[str]) -> tuple[str | None, dict[str, str]]:
    """Return the v2 mount, and the v1 mounts by controller, by the names of folders and what is in them."""
    unified = root if "cgroup.controllers" in names else None
    v1: dict[str, str] = {}
    for name in names:
        mount = os.path.realpath(os.path.join(root, name))
        if os.path.exists(os.path.join(mount, "cgroup.controllers")):
            unified = unified or mount
        elif os.path.exists(os.path.join(mount, "cgroup.procs")):
            v1.update((controller, mount) for controller in name.split(",") if controller in RECORDED_CONTROLLERS)
    return unified, v1


def _host_mounts(root: str, mountinfo: bytes) -> Iterator[CgroupMount]:
    """Yield the visible mounts of the whole host: first those at or below the root, then those elsewhere.

    A container has mounts of its own, with only itself in them. If it has a cgroup namespace, their root is "/", and
    that of the host's mounts is "/.." or above it.
    """
    mounts = sorted(filter(_is_visible, cgroup_mounts(mountinfo)), key=lambda mount: (len(mount.folder), mount.folder))
    folder = os.fsencode(root)
    below = [mount for mount in mounts if mount.folder == folder or mount.folder.startswith(folder + b"/")]
    yield from below
    is_in_namespace = any(b".." in mount.root.split(b"/") for mount in below)
    for mount in mounts if below else ():
        names = set(mount.root.split(b"/")) - {b""}
        if mount not in below and names == ({b".."} if is_in_namespace else set()):
            yield mount


def _is_visible(mount: CgroupMount) -> bool:
    """Return whether no other file system is mounted over it."""
    try:
        return os.stat(mount.folder).st_dev == os.makedev(*mount.device)
    except OSError:
        return False


def _controllers(unified: str | None, file: str) -> frozenset[str] | None:
    """Return the recorded controllers in a file of the v2 mount, by their names in v1; None if it cannot be read."""
    if unified is None:
        return None
    try:
        with open(os.path.join(unified, file), encoding="ascii") as opened:
            names = opened.read().split()
    except OSError:
        return None
    return frozenset(v1 for v1, v2 in V2_NAMES.items() if v2 in names)
