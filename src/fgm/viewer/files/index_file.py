"""Follows index.json: loads it when it changed, keeps the last good one, says what is wrong with it now."""

import os
from collections.abc import Mapping
from typing import Any, Literal

from fgm.store.errors import BadFileError
from fgm.store.index.index_file import Facts, Index, load
from fgm.store.samples.series import Series
from fgm.viewer.files.skipped_files import reason_of

IndexState = Literal["ok", "missing", "bad"]

Sighting = tuple[Series, int, int, str]
"""A container: identity, first seen, last seen (ms), key in the index."""


class IndexFile:
    """One index.json, which may be replaced at any time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._identity: tuple[int, int, int] | None = None
        self._index = Index()
        self.facts: Mapping[str, Facts] = {}
        """What the last good index says of each container besides its names, by full id."""
        self.state: IndexState = "missing"
        self.note: str | None = f"there is no {os.path.basename(path)} yet"
        self.was_good = False

    def look(self) -> bool:
        """Load it if it is another one than last time; return whether there is a new good one."""
        try:
            status = os.stat(self._path, follow_symlinks=False)
        except OSError as error:
            self._identity, self.state = None, "missing"
            gone = "is gone; what it said last is still listed" if self.was_good else "is not there"
            self.note = f"index.json {gone} ({error.strerror})"
            return False
        identity = (status.st_ino, status.st_mtime_ns, status.st_size)
        if identity == self._identity:
            return False
        try:
            index = load(self._path)
            if index == Index() and not os.path.lexists(self._path):
                return False  # it has gone since: the next look says so
        except (BadFileError, OSError) as error:
            # What could not be read may be readable later without being another file: its mode was corrected.
            self._identity, self.state = identity if isinstance(error, BadFileError) else None, "bad"
            kept = "; what it said before is still listed" if self.was_good else ""
            self.note = f"index.json cannot be used: {reason_of(error)}{kept}"
            return False
        self._identity, self._index = identity, index
        self.facts = {entry.full_id: entry.facts for entry in index.entries.values()}
        self.state, self.note, self.was_good = "ok", None, True
        return True

    @property
    def earliest_ms(self) -> int | None:
        """The first tick of all data, as far as the last good index says."""
        return self._index.earliest_ms

    @property
    def latest_ms(self) -> int | None:
        """The newest tick that the last good index knows."""
        return self._index.latest_ms

    @property
    def containers(self) -> list[Sighting]:
        """What the last good index says of each container."""
        return [
            (_series(entry.full_id, dict(entry.facts)), entry.first_seen_ms, entry.last_seen_ms, key)
            for key, entry in self._index.entries.items()
        ]


def _series(full_id: str, facts: dict[str, Any]) -> Series:
    def text(name: str) -> str | None:
        value = facts.get(name)
        return value if isinstance(value, str) else None

    return Series(
        scope="container",
        container_id=full_id,
        container_name=text("container_name"),
        pod_name=text("pod_name"),
        namespace=text("namespace"),
        pod_uid=text("pod_uid"),
        qos_class=text("qos_class"),
        runtime=text("runtime"),
    )
