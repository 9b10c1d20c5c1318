"""Which series there are: their names, their public ids, their lives, and when each was seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fgm.store.index.index_changes import KEY_LENGTH
from fgm.store.samples.series import Series, with_known_names


@dataclass(frozen=True, slots=True)
class KnownSeries:
    """One series. `id`: its name in the API; `life`: 1-based, among those of the same workload."""

    id: str
    series: Series
    first_seen_ms: int
    life: int


@dataclass(frozen=True, slots=True)
class Registered:
    """Every series at one moment. `by_id`: newest first; `last_seen_ms`: by series key."""

    by_id: Mapping[str, KnownSeries] = field(default_factory=dict)
    id_by_key: Mapping[str, str] = field(default_factory=dict)
    last_seen_ms: Mapping[str, int] = field(default_factory=dict)

    def find(self, name: str) -> KnownSeries | None:
        """Return the series with this id or key (`Series.key`)."""
        return self.by_id.get(name) or self.by_id.get(self.id_by_key.get(name, ""))

    def last_seen(self, known: KnownSeries) -> int:
        """Return the newest tick of a series."""
        return self.last_seen_ms[known.series.key]

    def is_within(self, known: KnownSeries, from_ms: int, to_ms: int) -> bool:
        """Say whether a series may have been there in [from_ms, to_ms)."""
        return known.first_seen_ms < to_ms and self.last_seen(known) >= from_ms


class Register:
    """Collects series from all sources. Ids, once given, stay."""

    def __init__(self) -> None:
        self._series: dict[str, Series] = {}
        self._first_ms: dict[str, int] = {}
        self._last_ms: dict[str, int] = {}
        self._id_by_key: dict[str, str] = {}
        self._ids: set[str] = set()
        self._taken: Registered | None = Registered()

    def learn(self, series: Series, first_ms: int, last_ms: int, index_key: str | None = None) -> None:
        """Take in that a series was seen from `first_ms` to `last_ms`; its names then are as of `last_ms`."""
        key = series.key
        known = self._series.get(key)
        if known is None:
            self._series[key], self._first_ms[key], self._last_ms[key] = series, first_ms, last_ms
            name = index_key if index_key and index_key not in self._ids else self._new_id(series)
            self._id_by_key[key] = name
            self._ids.add(name)
            self._taken = None
            return
        if series is not known and series != known:
            is_newer = last_ms >= self._last_ms[key]
            merged = with_known_names(series, known) if is_newer else with_known_names(known, series)
            if merged != known:
                self._series[key], self._taken = merged, None
        if first_ms < self._first_ms[key]:
            self._first_ms[key], self._taken = first_ms, None
        self._last_ms[key] = max(self._last_ms[key], last_ms)

    def take(self) -> Registered:
        """Return everything as it is now; cheap where only the last times changed."""
        if self._taken is not None:
            return replace(self._taken, last_seen_ms=dict(self._last_ms))
        lives = self._lives()
        known = [
            KnownSeries(self._id_by_key[key], series, self._first_ms[key], lives.get(key, 1))
            for key, series in self._series.items()
        ]
        known.sort(key=lambda k: (-k.first_seen_ms, k.id))
        self._taken = Registered({k.id: k for k in known}, dict(self._id_by_key), dict(self._last_ms))
        return self._taken

    def _new_id(self, series: Series) -> str:
        key = series.key
        if key != series.container_id:
            return key
        lengths = range(KEY_LENGTH, len(key) + 1)
        return next((key[:length] for length in lengths if key[:length] not in self._ids), key)

    def _lives(self) -> dict[str, int]:
        groups: dict[tuple[str, str, str], list[tuple[int, str]]] = {}
        for key, s in self._series.items():
            if s.scope == "container" and s.namespace and s.pod_name and s.container_name:
                group = (s.namespace, s.pod_name, s.container_name)
                groups.setdefault(group, []).append((self._first_ms[key], key))
        return {key: life for group in groups.values() for life, (_, key) in enumerate(sorted(group), 1)}
