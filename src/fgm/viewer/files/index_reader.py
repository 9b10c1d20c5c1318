"""index.json: the last one that could be read, and what is wrong with the present one."""

import os
from collections.abc import Mapping
from typing import Any, Literal

from fgm.store.directory.file_identity import FileIdentity, identity_of
from fgm.store.errors import BadFileError
from fgm.store.index.index_file import Facts, Index, load
from fgm.store.samples.series import Series
from fgm.viewer.files.skipped_files import reason_of

IndexState = Literal["ok", "missing", "bad"]

IndexedSeries = tuple[Series, int, int, str]
"""A container: its identity, when it was first and last seen (ms), and its key in the index."""


class IndexFile:
    """One index.json, which the collector may replace at any time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._identity: FileIdentity | None = None
        self._index = Index()
        self.facts: Mapping[str, Facts] = {}
        """What the last good index says of each container besides its names, by full id."""
        self.state: IndexState = "missing"
        self.note: str | None = f"there is no {os.path.basename(path)} yet"
        self.was_good = False

    def reload(self) -> bool:
        """Load the index if it has changed; return whether there is a new good one."""
        try:
            status = os.stat(self._path, follow_symlinks=False)
        except OSError as error:
            self._identity, self.state = None, "missing"
            state = "is gone; what it listed last is still listed" if self.was_good else "is missing"
            self.note = f"index.json {state} ({error.strerror})"
            return False
        identity = identity_of(status)
        if identity == self._identity:
            return False
        try:
            index = load(self._path)
            if index == Index() and not os.path.lexists(self._path):
                return False  # it was removed meanwhile: the next call reports that
        except (BadFileError, OSError) as error:
            # A corrected mode makes the same file readable, without a new identity: so it is tried again.
            self._identity, self.state = identity if isinstance(error, BadFileError) else None, "bad"
            kept = "; what it listed before is still listed" if self.was_good else ""
            self.note = f"index.json cannot be used: {reason_of(error)}{kept}"
            return False
        self._identity, self._index = identity, index
        self.facts = {entry.full_id: entry.facts for entry in index.entries.values()}
        self.state, self.note, self.was_good = "ok", None, True
        return True

    @property
    def earliest_ms(self) -> int | None:
        """The first tick of all data, according to the last good index."""
        return self._index.earliest_ms

    @property
    def latest_ms(self) -> int | None:
        """The newest tick of all data, according to the last good index."""
        return self._index.latest_ms

    @property
    def containers(self) -> list[IndexedSeries]:
        """The containers of the last good index."""
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
