"""Which series are inside which others, and what to call the group that a limit belongs to."""

from collections.abc import Sequence

from fgm.store.samples.series import SHORT_ID_LENGTH, Series

LEAVES = frozenset({"container", "sandbox"})
"""Scopes of series that have no recorded cgroup below."""


def parents_of(series: Sequence[Series]) -> list[int | None]:
    """Return, for each series, the position of the nearest recorded cgroup above it, or else of the node."""
    by_path = {s.cgroup: i for i, s in enumerate(series) if s.cgroup and s.scope in ("pod", "cgroup")}
    pods = {s.pod_uid: i for i, s in enumerate(series) if s.scope == "pod"}
    node = next((i for i, s in enumerate(series) if s.scope == "node"), None)
    parents: list[int | None] = []
    for child in series:
        if child.scope == "node":
            parents.append(None)
            continue
        parent = pods.get(child.pod_uid) if child.scope in LEAVES and child.pod_uid else None
        path = child.cgroup or ""
        while parent is None and path:
            path = path.rpartition("/")[0]
            parent = by_path.get(path)
        parents.append(node if parent is None else parent)
    return parents


def depth_of(series: Series) -> int:
    """Return the number of names in the path of a series; 0 for the node."""
    return (series.cgroup or "").count("/")


def path_at(series: Series, depth: int) -> str:
    """Return the path of the group above a series (or of itself) with so many names; an empty text for the node."""
    return "/".join((series.cgroup or "").split("/")[: depth + 1])


def owner_name(series: Series, path: str, all_series: Sequence[Series]) -> str:
    """Return whose a limit is, for a sentence about `series`: "its", "the pod's", "the node's" or "/kubepods.slice's".

    `path`: path of the group that has the limit; an empty text for the node.
    """
    if not path:
        return "the node's"
    is_parent = path == (series.cgroup or "").rpartition("/")[0]
    is_pod = any(other.scope == "pod" and other.cgroup == path for other in all_series)
    if is_pod or (series.pod_uid is not None and series.scope in LEAVES and is_parent):
        return "the pod's"
    return "its" if path == series.cgroup else f"{path}'s"


def short_name(series: Series, neighbour: Series) -> str:
    """Return a name of a series that is clear next to another one: without the pod if both are in the same one."""
    name = series.container_name or (series.container_id or "")[:SHORT_ID_LENGTH] or series.cgroup or series.scope
    if series.pod_name is None or (series.pod_uid is not None and series.pod_uid == neighbour.pod_uid):
        return name
    return f"{series.pod_name}/{name}" if series.scope in LEAVES else series.pod_name
