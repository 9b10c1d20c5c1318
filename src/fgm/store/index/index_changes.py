"""Pure functions that change the index: after a tick, a rotation, a recovery, new facts, and retention.

After a tick, call `apply(index, diff(index, alive, now_ms))`. Write the file only if the difference is not empty.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import cast

from fgm.store.index.index_file import Facts, Index, IndexEntry, known_facts
from fgm.store.samples.series import SHORT_ID_LENGTH

MAX_ENTRIES = 5000
"""Maximum number of containers in the index. The containers that ended first are dropped first."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes that one tick makes to the index.

    `alive`: full ids of all running containers. `entries`: new and changed entries, by key. `dropped`: keys of entries
    that are removed to stay below MAX_ENTRIES.
    """

    now_ms: int
    alive: frozenset[str]
    entries: Mapping[str, IndexEntry]
    dropped: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.entries or self.dropped)


def diff(index: Index, alive: Mapping[str, Facts], now_ms: int) -> Changes:
    """Return the changes from the last tick to this one.

    `alive`: facts about the running containers, by full id. A fact that is None keeps its last value. Running
    containers are never dropped.
    """
    appeared, gone = alive.keys() - index.alive, index.alive - alive.keys()
    entries = {}
    for full_id in gone:
        key = index.keys[full_id]
        entries[key] = _seen(index.entries[key], now_ms)
    new_key = _Keys(index) if appeared else None
    for full_id, facts in alive.items():
        key = index.keys.get(full_id, "")
        if not key:
            assert new_key is not None
            entries[new_key(full_id)] = IndexEntry(full_id, now_ms, now_ms, known_facts(facts))
        elif full_id not in index.alive or _has_news(facts, index.entries[key].facts):
            entry = _seen(index.entries[key], now_ms)
            entries[key] = replace(entry, facts=_joined(entry.facts, facts))
    now_alive = frozenset(alive) if appeared or gone else index.alive
    dropped = _surplus({**index.entries, **entries}, now_alive) if appeared else frozenset()
    return Changes(now_ms, now_alive, entries, dropped)


def apply(index: Index, changes: Changes) -> Index:
    """Return the index with the changes of a tick; the same object if there are none."""
    if not changes:
        return index
    entries = {**index.entries, **changes.entries}
    for key in changes.dropped:
        del entries[key]
    index = _spanning(index, changes.now_ms, changes.now_ms)
    return replace(index, entries=entries, alive=changes.alive, updated_ms=changes.now_ms)


def described(index: Index, facts: Mapping[str, Facts], now_ms: int) -> Index:
    """Return the index with new facts about its containers, running or past; the same object if no fact is new.

    `facts`: by full id. Containers that are not in the index are ignored. A fact that is None keeps its last value.
    """
    entries = {}
    for full_id, news in facts.items():
        key = index.keys.get(full_id)
        if key is not None and _has_news(news, index.entries[key].facts):
            entry = index.entries[key]
            entries[key] = replace(entry, facts=_joined(entry.facts, news))
    if not entries:
        return index
    return replace(index, entries={**index.entries, **entries}, updated_ms=max(now_ms, index.updated_ms))


def without(index: Index, full_ids: Collection[str]) -> Index:
    """Return the index without these containers; the same object if it has none of them."""
    keys = {index.keys[full_id] for full_id in full_ids if full_id in index.keys}
    if not keys:
        return index
    entries = {key: entry for key, entry in index.entries.items() if key not in keys}
    return replace(index, entries=entries, alive=index.alive - frozenset(full_ids))


def rotated(index: Index, last_ms: int, now_ms: int) -> Index:
    """Return the index after a rotation: running containers were last seen at `last_ms`, and the data ends there."""
    entries = dict(index.entries)
    for full_id in index.alive:
        key = index.keys[full_id]
        entries[key] = replace(entries[key], last_seen_ms=max(last_ms, entries[key].last_seen_ms))
    return replace(_spanning(index, last_ms, last_ms), entries=entries, updated_ms=max(last_ms, now_ms))


def stepped(index: Index, seen: Collection[str], since_ms: int, now_ms: int, step_ms: int) -> Index:
    """Return the index after the wall clock was set: the times that were taken from it move by the same step.

    `seen`: full ids of the containers that this run has seen; `since_ms`: first tick of the run, by the clock before
    the step. `now_ms`: time after the step; `step_ms`: negative if the clock was set back.
    """
    entries = dict(index.entries)
    for full_id in seen:
        key = index.keys.get(full_id)
        if key is None:
            continue
        entry = entries[key]
        first_ms = max(0, entry.first_seen_ms + step_ms) if entry.first_seen_ms >= since_ms else entry.first_seen_ms
        last_ms = now_ms if full_id in index.alive else max(0, entry.last_seen_ms + step_ms)
        entries[key] = replace(entry, first_seen_ms=first_ms, last_seen_ms=last_ms)
    latest_ms = max([now_ms, *(entry.last_seen_ms for entry in entries.values())])
    return replace(index, entries=entries, latest_ms=latest_ms, updated_ms=now_ms)


def joined(index: Index, entries_of_file: Iterable[IndexEntry], earliest_ms: int, latest_ms: int, now_ms: int) -> Index:
    """Return the index joined with the containers of a file.

    If a container is in both, its entry spans both times and has the newer facts. Joining the same file again changes
    nothing. `earliest_ms`, `latest_ms`: first and last tick of the file.
    """
    entries = dict(index.entries)
    keys = dict(index.keys)
    new_key = _Keys(index)
    for entry in entries_of_file:
        key = keys.get(entry.full_id)
        if key is None:
            keys[entry.full_id] = key = new_key(entry.full_id)
            entries[key] = replace(entry, facts=known_facts(entry.facts))
            continue
        old = entries[key]
        newer = entry.last_seen_ms > old.last_seen_ms
        entries[key] = IndexEntry(
            entry.full_id,
            min(old.first_seen_ms, entry.first_seen_ms),
            max(old.last_seen_ms, entry.last_seen_ms),
            _joined(old.facts, entry.facts) if newer else _joined(entry.facts, old.facts),
        )
    for key in _surplus(entries, index.alive):
        del entries[key]
    return replace(_spanning(index, earliest_ms, latest_ms), entries=entries, updated_ms=now_ms)


def without_older(index: Index, earliest_ms: int) -> Index:
    """Return the index after data before `earliest_ms` was removed, without the containers that ended before that."""
    if index.earliest_ms is None or index.earliest_ms >= earliest_ms:
        return index
    entries = {
        key: entry
        for key, entry in index.entries.items()
        if entry.last_seen_ms >= earliest_ms or entry.full_id in index.alive
    }
    latest_ms = None if index.latest_ms is None else max(earliest_ms, index.latest_ms)
    return replace(index, entries=entries, earliest_ms=earliest_ms, latest_ms=latest_ms)


def _spanning(index: Index, earliest_ms: int, latest_ms: int) -> Index:
    return replace(
        index,
        earliest_ms=earliest_ms if index.earliest_ms is None else min(earliest_ms, index.earliest_ms),
        latest_ms=latest_ms if index.latest_ms is None else max(latest_ms, index.latest_ms),
    )


class _Keys:
    """Makes the keys of entries: the shortest unique prefix of a container's id, of at least SHORT_ID_LENGTH."""

    def __init__(self, index: Index) -> None:
        self._ids: dict[str, list[str]] = {}
        for full_id in index.keys:
            self._ids.setdefault(full_id[:SHORT_ID_LENGTH], []).append(full_id)

    def __call__(self, full_id: str) -> str:
        others = self._ids.setdefault(full_id[:SHORT_ID_LENGTH], [])
        starts = (full_id[:length] for length in range(SHORT_ID_LENGTH, len(full_id)))
        key = next((s for s in starts if not any(other.startswith(s) for other in others)), full_id)
        others.append(full_id)
        return key


def _surplus(entries: Mapping[str, IndexEntry], alive: frozenset[str]) -> frozenset[str]:
    surplus = len(entries) - MAX_ENTRIES
    if surplus <= 0:
        return frozenset()
    gone = [(entry.last_seen_ms, key) for key, entry in entries.items() if entry.full_id not in alive]
    return frozenset(key for _, key in sorted(gone)[:surplus])


def _seen(entry: IndexEntry, now_ms: int) -> IndexEntry:
    """Return the entry of a container that runs now. An earlier run whose clock was ahead may have seen it later."""
    return replace(entry, first_seen_ms=min(now_ms, entry.first_seen_ms), last_seen_ms=now_ms)


def _has_news(facts: Facts, old_facts: Facts) -> bool:
    return any(value is not None and old_facts.get(name) != value for name, value in facts.items())


def _joined(older: Facts, newer: Facts) -> Facts:
    return cast("Facts", {**older, **known_facts(newer)})
