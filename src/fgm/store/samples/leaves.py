"""Leaves: the series that are ranked, because together they use what the node uses, and nothing is counted twice.

The cgroup of a pod, of a slice or of a container that contains containers counts what the cgroups below it use.
"""

from collections.abc import Iterable

from fgm.store.samples.series import Scope, Series

LEAF_SCOPES: frozenset[Scope] = frozenset({"container", "cgroup", "pod", "outside"})
"""Scopes that can be leaves. A sandbox is none: one that uses something is recorded as a container."""


def leaf_keys(series: Iterable[Series]) -> set[str]:
    """Return the keys of the leaves among these series: those that contain no other leaf.

    A pod whose containers are not recorded is a leaf: its processes are in a cgroup of its own, as with a virtual
    machine for each pod. `outside` is one, too.
    """
    candidates = [each for each in series if each.scope in LEAF_SCOPES]
    parents: set[str] = set()
    pods_with_containers: set[str | None] = set()
    for each in candidates:
        if each.scope == "container":
            pods_with_containers.add(each.pod_uid)
        path = (each.cgroup or "").rpartition("/")[0]
        while path and path not in parents:
            parents.add(path)
            path = path.rpartition("/")[0]
    return {
        each.key
        for each in candidates
        if each.cgroup not in parents and not (each.scope == "pod" and each.pod_uid in pods_with_containers)
    }
