"""The register of all series: names, ids, and first and last tick."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from fgm.store.samples.series import SHORT_ID_LENGTH, Scope, Series, with_known_names, workload_of

MAX_REGISTERED: Mapping[Scope, int] = {"cgroup": 2000, "container": 5500, "pod": 5500, "sandbox": 5500}
"""Maximum number of series of a scope. If there are more, those that ended first are dropped; files still have them.

What remains of containers is as many as the index lists: more, and its next version would not bring them back.
"""
DROPPED_AT_ONCE = 500
"""Number of series that are dropped then. Jobs, and units for one run, have a new name each time."""


@dataclass(frozen=True, slots=True)
class RegisteredSeries:
    """One series.

    `id`: its id in the API. `life`: its number, counted from 1, among the successive containers of one workload.
    """

    id: str
    series: Series
    first_seen_ms: int
    life: int


@dataclass(frozen=True, slots=True)
class SeriesSnapshot:
    """All registered series at one moment.

    `by_id`: the series, newest first. `id_by_key`, `last_seen_ms`: by series key (`Series.key`). `until_ms`: likewise,
    for series that had samples until a time that has not come yet: the clock was ahead then. `began_earlier`: keys of
    series that were there at the oldest tick that was read, unless nothing is recorded before it. Only the index says
    when a series began before it.
    """

    by_id: Mapping[str, RegisteredSeries] = field(default_factory=dict)
    id_by_key: Mapping[str, str] = field(default_factory=dict)
    last_seen_ms: Mapping[str, int] = field(default_factory=dict)
    until_ms: Mapping[str, int] = field(default_factory=dict)
    began_earlier: frozenset[str] = frozenset()

    def find(self, name: str) -> RegisteredSeries | None:
        """Return the series with this id or key (`Series.key`), or None."""
        return self.by_id.get(name) or self.by_id.get(self.id_by_key.get(name, ""))

    @property
    def newest_ms(self) -> int | None:
        """The newest last tick of all series, in ms since 1970; None if there is no series."""
        return max(self.last_seen_ms.values(), default=None)

    def last_seen(self, registered: RegisteredSeries) -> int:
        """Return the newest tick of a series, in ms since 1970."""
        return self.last_seen_ms[registered.series.key]

    def is_within(self, registered: RegisteredSeries, from_ms: int, to_ms: int) -> bool:
        """Return whether a series may have samples in [from_ms, to_ms), judged by its first and last tick."""
        last_ms = max(self.last_seen(registered), self.until_ms.get(registered.series.key, 0))
        has_begun = registered.first_seen_ms < to_ms or registered.series.key in self.began_earlier
        return has_begun and last_ms >= from_ms


class SeriesRegister:
    """Collects series from index.json, windows and journals. The id of a series never changes.

    Not thread-safe.
    """

    def __init__(self, first_seen_ms: Mapping[str, int] = MappingProxyType({})) -> None:
        """`first_seen_ms`: when series were seen before their first rows in any file, by key."""
        self._seen_before_ms = first_seen_ms
        self._series: dict[str, Series] = {}
        self._first_ms: dict[str, int] = {}
        self._last_ms: dict[str, int] = {}
        self._until_ms: dict[str, int] = {}
        self._indexed: set[str] = set()
        self._oldest_read_ms: int | None = None
        self._has_read_all = False
        self._id_by_key: dict[str, str] = {}
        self._ids: set[str] = set()
        self._keys: dict[str, set[str]] = {scope: set() for scope in MAX_REGISTERED}
        self._snapshot: SeriesSnapshot | None = SeriesSnapshot()

    def add(self, series: Series, first_ms: int, last_ms: int, index_key: str | None = None) -> None:
        """Register a series that was seen from `first_ms` to `last_ms`.

        `series`: with its names at `last_ms`. `index_key`: its key in index.json, which becomes its id if it is new.
        The index has the best time of its beginning: if the clock was set since then, files have times of before.
        """
        key = series.key
        if index_key is None and (self._oldest_read_ms is None or first_ms < self._oldest_read_ms):
            self._oldest_read_ms, self._snapshot = first_ms, None
        if index_key is None:
            first_ms = min(first_ms, self._seen_before_ms.get(key, first_ms))
        registered = self._series.get(key)
        if registered is None:
            self._series[key], self._first_ms[key], self._last_ms[key] = series, first_ms, last_ms
            new_id = index_key if index_key and index_key not in self._ids else self._new_id(series)
            self._id_by_key[key] = new_id
            self._ids.add(new_id)
            self._snapshot = None
            if index_key is not None:
                self._indexed.add(key)
            self._bound(series)
            return
        if series is not registered and series != registered:
            is_newer = last_ms >= self._last_ms[key]
            merged = with_known_names(series, registered) if is_newer else with_known_names(registered, series)
            if merged != registered:
                self._series[key], self._snapshot = merged, None
        if index_key is not None:
            self._indexed.add(key)
            self._until_ms.pop(key, None)
        is_better = first_ms < self._first_ms[key] if index_key is None and key not in self._indexed else index_key
        if is_better and first_ms != self._first_ms[key]:
            self._first_ms[key], self._snapshot = first_ms, None
        self._last_ms[key] = max(self._last_ms[key], last_ms)

    def extend(self, series: Series, until_ms: int) -> None:
        """Note that a series had samples until a time that has not come yet, if it is registered."""
        if series.key in self._series:
            self._until_ms[series.key] = until_ms
            self._snapshot = None

    def note_all_read(self) -> None:
        """Note that there is no older file: no series began before the oldest tick that was read."""
        self._has_read_all, self._snapshot = True, None

    def snapshot(self) -> SeriesSnapshot:
        """Return all series as they are now. Later calls of `add` do not change the result."""
        if self._snapshot is not None:  # only `last_seen_ms` may have changed
            return replace(self._snapshot, last_seen_ms=dict(self._last_ms))
        lives = self._lives()
        entries = [
            RegisteredSeries(self._id_by_key[key], series, self._first_ms[key], lives.get(key, 1))
            for key, series in self._series.items()
        ]
        entries.sort(key=lambda entry: (-entry.first_seen_ms, entry.id))
        oldest_ms = None if self._has_read_all else self._oldest_read_ms
        earlier = (
            key for key, first_ms in self._first_ms.items() if first_ms == oldest_ms and key not in self._indexed
        )
        self._snapshot = SeriesSnapshot(
            by_id={entry.id: entry for entry in entries},
            id_by_key=dict(self._id_by_key),
            last_seen_ms=dict(self._last_ms),
            until_ms=dict(self._until_ms),
            began_earlier=frozenset(earlier),
        )
        return self._snapshot

    def _bound(self, added: Series) -> None:
        """Drop the series that ended first if there are too many of the scope of an added one."""
        keys = self._keys.get(added.scope)
        if keys is None:
            return
        keys.add(added.key)
        if len(keys) <= MAX_REGISTERED[added.scope]:
            return
        for key in sorted(keys, key=self._last_ms.__getitem__)[:DROPPED_AT_ONCE]:
            keys.remove(key)
            self._ids.discard(self._id_by_key.pop(key))
            self._indexed.discard(key)
            self._until_ms.pop(key, None)
            del self._series[key], self._first_ms[key], self._last_ms[key]

    def _new_id(self, series: Series) -> str:
        key = series.key
        if key != series.container_id:
            return key
        lengths = range(SHORT_ID_LENGTH, len(key) + 1)
        return next((key[:length] for length in lengths if key[:length] not in self._ids), key)

    def _lives(self) -> dict[str, int]:
        """Return the number of each container among the successive containers of its workload, by key."""
        workloads: dict[tuple[str, str, str], list[tuple[int, str]]] = {}
        for key, series in self._series.items():
            workload = workload_of(series)
            if workload is not None:
                workloads.setdefault(workload, []).append((self._first_ms[key], key))
        return {key: life for containers in workloads.values() for life, (_, key) in enumerate(sorted(containers), 1)}
