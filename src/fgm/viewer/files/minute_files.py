"""Finds the files of minutes of a time range by their names, and opens them. Their blocks are cached."""

import os
import threading
from collections.abc import Iterable
from typing import NamedTuple

from fgm.store.directory import layout
from fgm.store.directory.file_identity import FileIdentity, identity_of
from fgm.store.directory.regular_file import open_regular
from fgm.store.minutes.minutes_block import MinutesBlock
from fgm.store.minutes.minutes_file import MinutesFile, read_minutes_block
from fgm.viewer.files.data_files import DataFiles

MAX_CACHED = 64
"""Maximum number of blocks in memory: those of two months. Each takes about 50 KB."""


class MinuteFile(NamedTuple):
    """One file of minutes, as described by its name. `folder`: path relative to the data directory."""

    start_ms: int
    duration_ms: int
    folder: str
    name: str

    @property
    def path(self) -> str:
        """The path relative to the data directory."""
        return f"{self.folder}/{self.name}"

    @property
    def hours(self) -> range:
        """The starts of the hours that the file is about, in ms."""
        return range(self.start_ms, self.start_ms + self.duration_ms, layout.HOUR_MS)


class MinuteFiles:
    """The files of minutes of one data directory. They may appear and disappear at any time. Thread-safe.

    All methods may block.
    """

    def __init__(self, files: DataFiles) -> None:
        self._files = files
        self._blocks: dict[FileIdentity, tuple[MinutesBlock, int]] = {}
        self._lock = threading.Lock()

    def folders_between(self, from_ms: int, to_ms: int) -> list[tuple[int, str]]:
        """Return pairs of 00:00 UTC of a day in [from_ms, to_ms) and a writer's folder of that day, oldest first."""
        return self._files.folders_between(from_ms, to_ms, layout.TIERS_FOLDER)

    def files_in(self, folder: str) -> list[MinuteFile]:
        """Return the files in a writer's folder of a day, oldest first; the file of a day before those of its hours."""
        parsed = ((name, layout.parse_minutes_name(name)) for name in self._files.minute_names(folder))
        files = [MinuteFile(*times, folder, name) for name, times in parsed if times is not None]
        return sorted(files, key=lambda file: (file.start_ms, -file.duration_ms))

    def oldest_ms(self, without: Iterable[str] = ()) -> int | None:
        """Return the start of the oldest file; None if there is none. `without`: identifiers to ignore."""
        ignored = frozenset(without)
        for _, folder in self.folders_between(0, self._files.now_ms()):
            if identifier_of(folder) not in ignored and (files := self.files_in(folder)):
                return files[0].start_ms
        return None

    def open(self, file: MinuteFile) -> MinutesFile:
        """Open a file. The caller must close it.

        Raises: OSError (such as FileNotFoundError) if it cannot be opened; BadFileError if it is not a file of minutes.
        """
        with self._files.opened(file.folder) as dir_fd:
            fd = open_regular(file.name, dir_fd)
        try:
            identity = identity_of(os.fstat(fd))
            with self._lock:
                cached = self._blocks.pop(identity, None)
            if cached is None:
                cached = read_minutes_block(file.name, fd)
            with self._lock:
                self._blocks[identity] = cached
                if len(self._blocks) > MAX_CACHED:
                    del self._blocks[next(iter(self._blocks))]
            return MinutesFile(file.name, fd, *cached)
        except BaseException:
            os.close(fd)
            raise


def identifier_of(folder: str) -> str:
    """Return the identifier in the path of a writer's folder."""
    return folder.rpartition("=")[2]
