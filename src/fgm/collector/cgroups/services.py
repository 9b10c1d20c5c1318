"""Chooses the cgroups that are recorded next to containers and pods: services, and slices as a whole. Pure.

The top-level cgroups are recorded, and those directly below `/system.slice` and below each cgroup that contains
containers. So every part of the node is in a row, and a service next to containers has a row of its own.
"""

import re
from collections.abc import Callable, Collection, Iterable

MAX_SERVICES = 64
"""Maximum number of these cgroups. A node has 20 to 40; the rest is counted by the row of what is outside."""
ALWAYS_DIVIDED = frozenset({"/system.slice"})
"""Cgroups whose children are recorded, whether there are containers in them or not."""
# systemd makes cgroups for units that have no processes of their own. Podman makes a service for each health check, and
# Podman and CRI-O a scope for the monitor of each container: their names contain an id, so they would never end.
_LEFT_OUT = re.compile(r".*\.(?:mount|automount|socket|swap|device)|.*[0-9a-f]{64}.*")


def divided_by(containers: Iterable[str], pods: Collection[str]) -> set[str]:
    """Return the paths of the cgroups that contain containers, and whose other children are therefore recorded.

    Pods are not divided: a pod's row counts what is in it.
    """
    divided: set[str] = set()
    for path in (*containers, *pods):
        parent = path.rpartition("/")[0]
        while parent and parent not in divided:
            divided.add(parent)
            parent = parent.rpartition("/")[0]
    return divided.difference(pods)


def service_paths(others: Iterable[str], divided: Collection[str]) -> list[str]:
    """Return the paths of the cgroups to record, sorted.

    `others`: paths of the cgroups that are neither containers nor pods, nor inside of containers; `divided`: paths of
    cgroups whose children are recorded.
    """
    parents = {"", *ALWAYS_DIVIDED, *divided}
    return sorted(path for path in others if path.rpartition("/")[0] in parents and not _LEFT_OUT.fullmatch(path))


def at_most(
    paths: Collection[str], kept: Collection[str], cpu_usec: Callable[[str], float], limit: int = MAX_SERVICES
) -> list[str]:
    """Return at most `limit` paths: slices and those of the last choice (`kept`) first, then those that used most CPU.

    A choice is kept, so that rows do not come and go.
    """
    if len(paths) <= limit:
        return list(paths)

    def rank(path: str) -> tuple[bool, bool]:
        return path.count("/") > 1, path not in kept

    chosen = sorted(sorted(paths), key=rank)
    first = sum(1 for path in chosen if rank(path) < (True, True))
    if first < limit:  # otherwise none is added, and reading the CPU time of all others would cost milliseconds
        chosen[first:] = sorted(chosen[first:], key=lambda path: -cpu_usec(path))
    return sorted(chosen[:limit])
