"""The events that were written down, from cache where a file did not change. Safe for use by several threads."""

import os
import threading

from fgm.store.directory import layout
from fgm.store.directory.file_identity import FileIdentity, identity_of
from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.events import events_file
from fgm.store.events.events_file import ReadEvents
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.skipped_files import SkippedFiles, reason_of

MOST_OF_A_FILE = 5_000
"""So many of a file's newest events are read: more than a day has, unless something goes very wrong."""
MOST_KEPT = 10_000
"""So many are kept for the next request, of all files together: some 8 MB."""


class EventFiles:
    """The files `events.jsonl` of one data directory."""

    def __init__(self, files: DataFiles, skipped: SkippedFiles) -> None:
        self._files, self._skipped = files, skipped
        self._kept: dict[str, tuple[FileIdentity, ReadEvents]] = {}
        self._lock = threading.Lock()

    def read(self, folder: str) -> ReadEvents | None:
        """Return what the file in a folder says, None where there is none.

        Raises BadFileError and OSError where it cannot be read.
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
                kept = self._kept.get(folder)
            if kept is not None and kept[0] == identity:
                return kept[1]
            found = events_file.read(fd, MOST_OF_A_FILE)
        finally:
            os.close(fd)
        if found.skipped:
            self._skipped.note(path, f"{found.skipped} lines are no events")
        else:
            self._skipped.forget(path)
        self._keep(folder, identity, found)
        return found

    def _keep(self, folder: str, identity: FileIdentity, found: ReadEvents) -> None:
        with self._lock:
            self._kept.pop(folder, None)
            self._kept[folder] = (identity, found)
            while sum(len(kept.events) for _, kept in self._kept.values()) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
