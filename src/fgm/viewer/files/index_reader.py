"""Reads index.json. If the current file cannot be read, the contents of the last good one remain available."""

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
"""A container in the index: its series, first and last tick in ms since 1970, and key in the index."""


class IndexFile:
    """The file index.json, which the collector may replace at any time. Not thread-safe."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._identity: FileIdentity | None = None
        self._index = Index()
        self.facts: Mapping[str, Facts] = {}
        """The facts about each container in the last good index, by full container id."""
        self.state: IndexState = "missing"
        """State of the file at the last call of `reload`."""
        self.note: str | None = f"there is no {os.path.basename(path)} yet"
        """What is wrong with the file, for a reader; None: nothing."""
        self.was_good = False
        """Whether the file could be read at least once."""

    def reload(self) -> bool:
        """Read the file if it has changed; return whether new contents were read. May block."""
        try:
            status = os.stat(self._path, follow_symlinks=False)
        except OSError as error:
            self._identity, self.state = None, "missing"
            state = "is gone; what it contained is still shown" if self.was_good else "is missing"
            self.note = f"index.json {state} ({error.strerror})"
            return False
        identity = identity_of(status)
        if identity == self._identity:
            return False
        try:
            index = load(self._path)
            if index == Index() and not os.path.lexists(self._path):
                return False  # the file was removed after `stat`; the next call reports that
        except (BadFileError, OSError) as error:
            # Correcting its mode can make a file readable without changing its identity. So the next call tries again.
            self._identity, self.state = identity if isinstance(error, BadFileError) else None, "bad"
            kept = "; what it contained before is still shown" if self.was_good else ""
            self.note = f"index.json cannot be used: {reason_of(error)}{kept}"
            return False
        self._identity, self._index = identity, index
        self.facts = {entry.full_id: entry.facts for entry in index.entries.values()}
        self.state, self.note, self.was_good = "ok", None, True
        return True

    @property
    def earliest_ms(self) -> int | None:
        """The oldest tick of all data according to the last good index, in ms since 1970."""
        return self._index.earliest_ms

    @property
    def latest_ms(self) -> int | None:
        """The newest tick of all data according to the last good index, in ms since 1970."""
        return self._index.latest_ms

    @property
    def containers(self) -> list[IndexedSeries]:
        """The containers in the last good index."""
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
