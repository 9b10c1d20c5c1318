"""Which series there are: their names, their public ids, their lives, and when each was seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from fgm.store.series import IDENTITY_COLUMNS, Series

SHORT_ID = 12


@dataclass(frozen=True, slots=True)
class KnownSeries:
    """One series. `id`: its name in the API; `life`: 1-based, among those of the same workload."""

    id: str
    series: Series
    first_seen_ms: int
    last_seen_ms: int
    life: int


@dataclass(frozen=True, slots=True)
class Registered:
    """Every series at one moment. `by_id`: newest first."""

    by_id: Mapping[str, KnownSeries] = field(default_factory=dict)
    id_by_key: Mapping[str, str] = field(default_factory=dict)

    def known(self, key: str) -> KnownSeries | None:
        """Return the series with a key (`Series.key`)."""
        name = self.id_by_key.get(key)
        return None if name is None else self.by_id[name]


@dataclass(slots=True)
class _Seen:
    series: Series
    first_ms: int
    last_ms: int


class Register:
    """Collects series from all sources. Ids, once given, stay."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._id_by_key: dict[str, str] = {}
        self._key_by_id: dict[str, str] = {}

    def learn(self, series: Series, first_ms: int, last_ms: int, index_key: str | None = None) -> None:
        """Take in that a series was seen from `first_ms` to `last_ms`; its names then are as of `last_ms`."""
        key = series.key
        seen = self._seen.get(key)
        if seen is None:
            self._seen[key] = _Seen(series, first_ms, last_ms)
            name = index_key or self._new_id(series)
            if name not in self._key_by_id:
                self._id_by_key[key], self._key_by_id[name] = name, key
            else:
                self._id_by_key[key] = self._key_by_id[key] = key
            return
        if series != seen.series:
            is_newer = last_ms >= seen.last_ms
            seen.series = _merged(seen.series, series) if is_newer else _merged(series, seen.series)
        seen.first_ms, seen.last_ms = min(seen.first_ms, first_ms), max(seen.last_ms, last_ms)

    def take(self) -> Registered:
        """Return everything as it is now."""
        lives = self._lives()
        known = [
            KnownSeries(self._id_by_key[key], seen.series, seen.first_ms, seen.last_ms, lives.get(key, 1))
            for key, seen in self._seen.items()
        ]
        known.sort(key=lambda k: (-k.first_seen_ms, k.id))
        return Registered({k.id: k for k in known}, dict(self._id_by_key))

    def _new_id(self, series: Series) -> str:
        key = series.key
        if series.container_id is None or key != series.container_id:
            return key
        lengths = range(SHORT_ID, len(key) + 1)
        return next((key[:length] for length in lengths if key[:length] not in self._key_by_id), key)

    def _lives(self) -> dict[str, int]:
        groups: dict[tuple[str, str, str], list[tuple[int, str]]] = {}
        for key, seen in self._seen.items():
            s = seen.series
            if s.scope == "container" and s.namespace and s.pod_name and s.container_name:
                groups.setdefault((s.namespace, s.pod_name, s.container_name), []).append(
                    (seen.first_ms, key)
                )
        return {key: life for group in groups.values() for life, (_, key) in enumerate(sorted(group), 1)}


def _merged(older: Series, newer: Series) -> Series:
    """Return the newer names, and the older ones where the newer source has none."""
    missing = {name: getattr(older, name) for name in IDENTITY_COLUMNS if getattr(newer, name) is None}
    return replace(newer, **missing)
