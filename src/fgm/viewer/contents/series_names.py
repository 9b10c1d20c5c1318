"""Ids and display names of series."""

from collections.abc import Iterable
from dataclasses import replace

from fgm.store.samples.series import SHORT_ID_LENGTH, Series
from fgm.viewer.contents.series_register import RegisteredSeries, SeriesSnapshot


def name_of(registered: RegisteredSeries) -> str:
    """Return the display name of a series, such as the name of its container or pod."""
    series = registered.series
    match series.scope:
        case "node":
            return series.node_name or "node"
        case "outside":
            return "outside"
        case "cgroup":
            return (series.cgroup or registered.id).rstrip("/").rpartition("/")[2] or "/"
        case "pod":
            return series.pod_name or f"pod {(series.pod_uid or registered.id)[:8]}"
        case _:
            return series.container_name or series.pod_name or registered.id


def limit_of(series: Series, depth: float | None) -> str | None:
    """Return whose a limit on the way up from a series is: "own", "pod" or a path; None if it is not known.

    `depth`: number of names in the path of the cgroup that has it. Only a container or a sandbox is in a pod: the limit
    above a pod is that of a slice.
    """
    if depth is None:
        return None
    names = (series.cgroup or "").split("/")
    if depth >= len(names) - 1:
        return "own"
    is_in_pod = series.pod_uid is not None and series.scope != "pod"
    return "pod" if is_in_pod and depth == len(names) - 2 else "/".join(names[: int(depth) + 1]) or "/"


def unlisted_id(series: Series) -> str:
    """Return the id in the API of a series that is not registered: the start of its container id, or its key."""
    return series.key[:SHORT_ID_LENGTH] if series.key == series.container_id else series.key


def find_or_make(series: Series, first_seen_ms: int, snapshot: SeriesSnapshot) -> RegisteredSeries:
    """Return the registered series with the same key; if there is none, make an entry that is not registered."""
    return snapshot.find(series.key) or RegisteredSeries(unlisted_id(series), series, first_seen_ms, 1)


def with_unlisted(snapshot: SeriesSnapshot, found: Iterable[tuple[Series, int, int]]) -> SeriesSnapshot:
    """Return a snapshot that also has series that were found elsewhere. `found`: each with its first and last tick."""
    by_id, id_by_key = dict(snapshot.by_id), dict(snapshot.id_by_key)
    last_seen_ms = dict(snapshot.last_seen_ms)
    for series, first_ms, last_ms in found:
        if snapshot.find(series.key) is None:
            entry = find_or_make(series, first_ms, snapshot)
            name = entry.id if entry.id not in by_id else series.key
            by_id[name] = replace(entry, id=name)
            id_by_key[series.key], last_seen_ms[series.key] = name, last_ms
    newest_first = dict(sorted(by_id.items(), key=lambda item: -item[1].first_seen_ms))
    return replace(snapshot, by_id=newest_first, id_by_key=id_by_key, last_seen_ms=last_seen_ms)


def id_of_key(key: str, snapshot: SeriesSnapshot) -> str:
    """Return the id in the API of the series with this key (`Series.key`), even if it is not registered."""
    registered = snapshot.find(key)
    if registered is not None:
        return registered.id
    is_container = ":" not in key and key not in {"node", "outside"}
    return key[:SHORT_ID_LENGTH] if is_container else key


def name_of_key(key: str, snapshot: SeriesSnapshot) -> str:
    """Return the display name of the series with this key; the start of the key if it is not registered."""
    registered = snapshot.find(key)
    return key[:SHORT_ID_LENGTH] if registered is None else name_of(registered)
