"""The index in memory, and its form on disk, index.json.

An `Index` is never changed in place: `fgm.store.index.index_changes` creates the next one. Times are ISO 8601 in whole
seconds in the file, and milliseconds since 1970 UTC in memory.
"""

import contextlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypedDict, cast

from fgm import iso_time
from fgm.store.directory import atomic
from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.samples.defaults import DEFAULT_ROTATION_S

SCHEMA_VERSION = 1
MAX_INDEX_BYTES = 16 << 20
"""Maximum size of an index. A larger file is rejected."""
BAD_KEPT = 2
"""Maximum number of unreadable indexes that are kept."""
NOT_AN_INDEX = (ValueError, KeyError, TypeError, OverflowError, RecursionError)
"""Errors that `parse` may raise if its input is not an index."""

_NAMES = ("pod_name", "namespace", "qos_class")
_OWN = ("full_id", "first_seen", "last_seen")
_BAD_NAME = re.compile(r"index\.json\.bad-\d{8}T\d{6}Z", re.ASCII)


class Facts(TypedDict, total=False):
    """Facts about a container, named as in the file. A fact that is absent or None is unknown."""

    pod_name: str | None
    namespace: str | None
    qos_class: str | None
    container_name: str | None
    pod_uid: str | None
    runtime: str | None
    image: str | None
    labels: dict[str, str] | None
    restart_count: int | None
    limits: dict[str, Any] | None
    requests: dict[str, Any] | None
    pod_limits: dict[str, Any] | None
    pod_requests: dict[str, Any] | None
    ended: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """Entry of one container. `facts` includes fields that this version does not use, so that a rewrite keeps them."""

    full_id: str
    first_seen_ms: int
    last_seen_ms: int
    facts: Facts = field(default_factory=Facts)


@dataclass(frozen=True)
class Index:
    """The whole index.

    `entries`: by key, a prefix of the container's id. `earliest_ms`, `latest_ms`: time range of the data. `alive`: full
    ids of the containers in the last tick; it is not stored in the file, and therefore empty after a start.
    """

    entries: Mapping[str, IndexEntry] = field(default_factory=dict)
    updated_ms: int = 0
    earliest_ms: int | None = None
    latest_ms: int | None = None
    rotation_s: int = DEFAULT_ROTATION_S
    alive: frozenset[str] = frozenset()

    @cached_property
    def keys(self) -> Mapping[str, str]:
        """The key of each entry, by full id of the container."""
        return {entry.full_id: key for key, entry in self.entries.items()}


def known_facts(facts: Facts) -> Facts:
    """Return the facts that are not None."""
    return cast("Facts", {name: value for name, value in facts.items() if value is not None})


def load(path: str, dir_fd: int | None = None) -> Index:
    """Return the index in a file; an empty index if the file does not exist. `path`: relative to `dir_fd`, if given.

    Raises: OSError.
    Raises: BadFileError if the file is not an index, or has another schema version.
    """
    try:
        fd = open_regular(path, dir_fd)
    except FileNotFoundError:
        return Index()
    with open(fd, "rb") as file:
        data = file.read(MAX_INDEX_BYTES + 1)
    try:
        return parse(data)
    except NOT_AN_INDEX as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise BadFileError(path, f"not an index: {reason}") from error


def parse(data: bytes) -> Index:
    """Return the index in the bytes of a file.

    Raises: one of NOT_AN_INDEX if the bytes are not an index of this schema version.
    """
    if len(data) > MAX_INDEX_BYTES:
        raise ValueError(f"larger than {MAX_INDEX_BYTES} bytes")
    facts = json.loads(data)
    if facts["schema_version"] != SCHEMA_VERSION:
        raise ValueError(f"schema version {facts['schema_version']!r}, this fgm reads {SCHEMA_VERSION}")
    span, containers = facts["data_range"], facts["containers"]
    if not isinstance(containers, dict):
        raise TypeError("its containers are not an object")
    entries = {key: _parse_entry(key, entry) for key, entry in containers.items()}
    index = Index(
        entries=entries,
        updated_ms=_parse_time(facts["updated_at"]),
        earliest_ms=None if span["earliest"] is None else _parse_time(span["earliest"]),
        latest_ms=None if span["latest"] is None else _parse_time(span["latest"]),
        rotation_s=int(span["rotation_interval_sec"]),
    )
    if len(index.keys) != len(entries):
        raise ValueError("two of its keys name the same container")
    return index


def dump(index: Index) -> bytes:
    """Return the index as the bytes of a file. Equal indexes give equal bytes.

    If the wall clock is behind for a while, a time of before is written as not later than the times of now.
    """
    facts = {
        "schema_version": SCHEMA_VERSION,
        "updated_at": iso_time.format_seconds(index.updated_ms),
        "containers": {key: _entry(index.entries[key]) for key in sorted(index.entries)},
        "data_range": {
            "earliest": None if index.earliest_ms is None else iso_time.format_seconds(_earliest_ms(index)),
            "latest": None if index.latest_ms is None else iso_time.format_seconds(index.latest_ms),
            "rotation_interval_sec": index.rotation_s,
        },
    }
    return json.dumps(facts, separators=(",", ":")).encode()


def set_aside(path: str, now_ms: int) -> str:
    """Rename an unreadable index and return its new path. Of all renamed indexes, only the newest BAD_KEPT are kept.

    Raises: OSError if it cannot be renamed.
    """
    folder, name = os.path.split(path)
    bad_name = f"{name}.bad-{datetime.fromtimestamp(now_ms / 1000, UTC):%Y%m%dT%H%M%SZ}"
    atomic.rename(path, bad_name)
    for old in sorted(filter(is_bad_name, os.listdir(folder or ".")))[:-BAD_KEPT]:
        with contextlib.suppress(OSError):
            atomic.remove(os.path.join(folder, old))
    return os.path.join(folder, bad_name)


def is_bad_name(name: str) -> bool:
    """Return whether a name is one that `set_aside` gives to an unreadable index."""
    return _BAD_NAME.fullmatch(name) is not None


def _entry(entry: IndexEntry) -> dict[str, Any]:
    facts = cast("dict[str, Any]", entry.facts)
    return {
        "full_id": entry.full_id,
        **{name: facts.get(name) for name in _NAMES},
        "first_seen": iso_time.format_seconds(min(entry.first_seen_ms, entry.last_seen_ms)),
        "last_seen": iso_time.format_seconds(entry.last_seen_ms),
        **{name: facts[name] for name in sorted(facts) if name not in _NAMES and name not in _OWN},
    }


def _earliest_ms(index: Index) -> int:
    assert index.earliest_ms is not None
    return index.earliest_ms if index.latest_ms is None else min(index.earliest_ms, index.latest_ms)


def _parse_entry(key: str, entry: dict[str, Any]) -> IndexEntry:
    full_id = entry["full_id"]
    if not isinstance(full_id, str) or not key or not full_id.startswith(key):
        raise ValueError(f"{key!r} is not the beginning of the container id {full_id!r}")
    for name in _NAMES:
        if not isinstance(entry[name], str | None):
            raise TypeError(f"{name} is {entry[name]!r}")
    facts = {name: value for name, value in entry.items() if name not in _OWN}
    first_seen_ms, last_seen_ms = _parse_time(entry["first_seen"]), _parse_time(entry["last_seen"])
    return IndexEntry(full_id, first_seen_ms, last_seen_ms, known_facts(cast("Facts", facts)))


def _parse_time(text: Any) -> int:
    instant_ms = iso_time.parse_ms(text)
    iso_time.format_seconds(instant_ms)  # raises for a time that could not be written to the file again
    return instant_ms
