"""Reads the files `events.jsonl`, which the collector has written, and caches their events."""

import hashlib
import os
import threading
from contextlib import suppress

from fgm.store.directory import layout
from fgm.store.directory.file_identity import FileIdentity, identity_of
from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.events import events_file
from fgm.store.events.events_file import ReadEvents
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.skipped_files import SkippedFiles, reason_of

MAX_PER_FILE = 5_000
"""Maximum number of events read from one file; the newest are read. A normal day has fewer."""
MAX_KEPT = 10_000
"""Maximum number of events of all files together in the cache, which then takes about 8 MB."""
RECENT_MS = 300_000
"""Age of the events whose files are watched for changes. Later changes of earlier events are rare."""


class EventFiles:
    """The files `events.jsonl` of one data directory. Thread-safe."""

    def __init__(self, files: DataFiles, skipped: SkippedFiles) -> None:
        self._files, self._skipped = files, skipped
        self._cache: dict[str, tuple[FileIdentity, ReadEvents]] = {}
        self._lock = threading.Lock()
        self.token: str | None = None
        """Changes whenever recent events are recorded; None: there is no file for them. See `follow`."""

    def follow(self) -> None:
        """Update `token`. May block."""
        now_ms = self._files.now_ms()
        folders = [folder for _, folder in self._files.folders_between(now_ms - RECENT_MS, now_ms + 1)]
        identities = []
        for folder in folders:
            with suppress(OSError), self._files.opened(folder) as fd:
                identities.append(identity_of(os.stat(layout.EVENTS_NAME, dir_fd=fd, follow_symlinks=False)))
        text = repr([(identity.device, identity.inode, identity.size) for identity in identities])
        self.token = hashlib.sha256(text.encode()).hexdigest()[:16] if identities else None

    def read(self, folder: str) -> ReadEvents | None:
        """Return the newest events in the file of a folder; None if there is no file. May block.

        Raises: BadFileError or OSError if the file cannot be read. It is then on the list of skipped files.
        """
        path = f"{folder}/{layout.EVENTS_NAME}"
        try:
            with self._files.opened(folder) as folder_fd:
                fd = open_regular(layout.EVENTS_NAME, folder_fd)
        except FileNotFoundError:
            return None
        except (BadFileError, OSError) as error:
            self._skipped.note(path, reason_of(error))
            raise
        try:
            identity = identity_of(os.fstat(fd))
            with self._lock:
                cached = self._cache.get(folder)
            if cached is not None and cached[0] == identity:
                return cached[1]
            before = cached[1] if cached is not None and cached[0][:2] == identity[:2] else None
            events = events_file.read(fd, MAX_PER_FILE, before)
        finally:
            os.close(fd)
        if events.skipped or events.zeros:
            zeros = f" and {events.zeros} zero bytes at its end" if events.zeros else ""
            self._skipped.note(path, f"{events.skipped} lines{zeros} are not events")
        else:
            self._skipped.forget(path)
        self._keep(folder, identity, events)
        return events

    def _keep(self, folder: str, identity: FileIdentity, events: ReadEvents) -> None:
        with self._lock:
            self._cache.pop(folder, None)
            self._cache[folder] = (identity, events)
            while sum(len(kept.events) for _, kept in self._cache.values()) > MAX_KEPT:
                del self._cache[next(iter(self._cache))]
