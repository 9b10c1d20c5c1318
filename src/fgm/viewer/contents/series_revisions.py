"""Revisions of the list of series: which entries have changed since a client asked last.

A running series has a new last tick every second. That alone is no change: a client knows it, because it is the newest
tick of all. So on a node whose containers run on, the revision stays the same for hours, and there is nothing to send.
"""

import secrets
from collections import deque
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from fgm.store.index.index_file import Facts
from fgm.viewer.contents.series_register import SeriesSnapshot

MAX_REMOVED = 5_000
"""Maximum number of removed series that are remembered. A client that has missed more gets the whole list."""


@dataclass(frozen=True, slots=True)
class SeriesChanges:
    """The changes of the list since a revision.

    `ids`: ids of series that are new or have changed, and of running ones without the newest tick. `removed`: ids of
    series that are no longer registered; one of them may be registered again, and then it is among `ids`, too.
    """

    ids: frozenset[str]
    removed: tuple[str, ...]


class SeriesRevisions:
    """Counts the changes of the list of series. Not thread-safe.

    A token names a revision of this object, so the token of an earlier process is unknown to the next one.
    """

    def __init__(self) -> None:
        self._process = secrets.token_hex(6)
        self._number = 0
        self._changed_in: dict[str, int] = {}
        self._removed: deque[tuple[int, str]] = deque()
        self._known_from = 0
        self._snapshot = SeriesSnapshot()
        self._facts: Mapping[str, Facts] = {}
        self._alive: frozenset[str] = frozenset()
        self._late: frozenset[str] = frozenset()

    @property
    def token(self) -> str:
        """The token of the present revision."""
        return f"{self._process}-{self._number}"

    def update(self, snapshot: SeriesSnapshot, facts: Mapping[str, Facts], alive_from_ms: int) -> None:
        """Compare the series with those of the last call. `facts`, `alive_from_ms`: as in `Holdings`."""
        before, seen = self._snapshot, snapshot.last_seen_ms
        alive = frozenset(key for key, ms in seen.items() if ms >= alive_from_ms)
        moved = {key for key, _ in seen.items() - before.last_seen_ms.items()}
        keys = (alive ^ self._alive) | (moved - alive) | self._with_other_facts(seen, facts)
        ids, removed = {snapshot.id_by_key[key] for key in keys if key in snapshot.id_by_key}, set[str]()
        if snapshot.by_id is not before.by_id:
            ids |= {name for name, entry in snapshot.by_id.items() if entry != before.by_id.get(name)}
            removed = before.by_id.keys() - snapshot.by_id.keys()
        newest_ms = snapshot.newest_ms
        self._late = frozenset(snapshot.id_by_key[key] for key in alive if seen[key] != newest_ms)
        self._snapshot, self._facts, self._alive = snapshot, facts, alive
        if ids or removed:
            self._note(ids, removed)

    def _with_other_facts(self, keys: Iterable[str], facts: Mapping[str, Facts]) -> set[str]:
        """Return the keys of the series whose facts in the index have changed. The key of a container is its id."""
        before = self._facts
        return set() if facts is before else {key for key in keys if facts.get(key) != before.get(key)}

    def _note(self, ids: AbstractSet[str], removed: AbstractSet[str]) -> None:
        self._number += 1
        for name in removed:
            self._changed_in.pop(name, None)
            self._removed.append((self._number, name))
        for name in ids:
            self._changed_in[name] = self._number
        while len(self._removed) > MAX_REMOVED:
            self._known_from, _ = self._removed.popleft()

    def since(self, token: str) -> SeriesChanges | None:
        """Return the changes since the revision of a token; None if the token is not known (any more)."""
        process, _, number = token.rpartition("-")
        if process != self._process or not number.isdecimal():
            return None
        since = int(number)
        if not self._known_from <= since <= self._number:
            return None
        ids = (
            {name for name, changed_in in self._changed_in.items() if changed_in > since}
            if since < self._number
            else ()
        )
        removed = tuple(name for removed_in, name in self._removed if removed_in > since)
        return SeriesChanges(self._late.union(ids), removed)
