"""The cgroup hierarchies of a host: one unified (v2), several (v1), or several plus a unified one (hybrid)."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

RECORDED_CONTROLLERS = ("cpu", "cpuacct", "memory", "blkio", "pids")
"""The v1 controllers whose files are recorded. Containers are searched for in their hierarchies."""


class ForeignRootError(Exception):
    """Raised when the cgroup root or the proc root of the settings cannot be read, or is not the host's."""

    def __init__(self, path: str, reason: str, flag: str = "--cgroup-root", usual: str = "/sys/fs/cgroup") -> None:
        super().__init__(f"cannot record from {path}: {reason}; give the path of the host's {usual} with {flag}")
        self.path, self.reason = path, reason


@dataclass(frozen=True, slots=True)
class Hierarchies:
    """The mounts below a cgroup root. `unified`: the v2 mount, if any; `v1`: the mount of each controller, by name."""

    unified: str | None
    v1: Mapping[str, str]

    @property
    def is_v2(self) -> bool:
        """Whether the unified hierarchy (v2) has the controllers."""
        return not self.v1

    @property
    def searched(self) -> tuple[str, ...]:
        """The mounts in which containers are searched for, without duplicates."""
        if self.unified is not None and self.is_v2:
            return (self.unified,)
        return tuple(dict.fromkeys(self.v1[name] for name in RECORDED_CONTROLLERS if name in self.v1))

    def __str__(self) -> str:
        if self.is_v2:
            return "cgroup v2"
        return "cgroup v1 with a unified mount (hybrid)" if self.unified else "cgroup v1"


def detect(cgroup_root: str) -> Hierarchies:
    """Return the hierarchies that are mounted below `cgroup_root`.

    Raises: ForeignRootError if it cannot be read, or is not a cgroup mount.
    """
    try:
        names = sorted(os.listdir(cgroup_root))
    except OSError as error:
        raise ForeignRootError(cgroup_root, error.strerror or str(error)) from error
    if "cgroup.controllers" in names:
        return Hierarchies(cgroup_root, {})
    unified, v1 = None, {}
    for name in names:
        mount = os.path.realpath(os.path.join(cgroup_root, name))
        if os.path.exists(os.path.join(mount, "cgroup.controllers")):
            unified = mount
        elif os.path.exists(os.path.join(mount, "cgroup.procs")):
            v1.update(dict.fromkeys(name.split(","), mount))
    if not any(name in v1 for name in RECORDED_CONTROLLERS):
        raise ForeignRootError(cgroup_root, "it contains neither cgroup.controllers nor v1 controllers")
    return Hierarchies(unified, v1)
