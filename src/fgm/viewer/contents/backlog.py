"""The backlog of a scanner: the files that it has not read yet, newest first, and how many it has read."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice

from fgm.iso_time import END_OF_TIME_MS
from fgm.store.directory.layout import HOUR_MS
from fgm.viewer.files.listing.data_file import DataFile

FILES_WITH_INDEX = 40
"""Number of the newest files to read if there is an index, which has containers but no pods, services or metrics."""
FILES_TO_BEGIN = 48
"""Number of the newest files to read before the viewer is ready if there is no index; older ones are read later."""
FILES_PER_STEP = 16
"""Maximum number of files in one batch."""
MS_OF_WINDOW = 90_000
"""Length of a window, for the number of windows for which a longer file counts."""


class Phase(Enum):
    """The progress of the scanner in reading the files, newest first."""

    WAITING = "no file has been found yet"
    READING = "reading the files for the first time"
    READING_AGAIN = "reading the newest files again, because none could be read in the first pass"
    DONE = "enough files have been read"


@dataclass(slots=True)
class Backlog:
    """The files to read. A new one waits for files."""

    phase: Phase = Phase.WAITING
    files_read: int = 0
    _windows_read: int = 0
    _unread: Iterator[DataFile] = field(default_factory=lambda: iter(()))
    _oldest_ms: int = END_OF_TIME_MS
    """The start of the oldest file that was read in turn; 0 if there is no older one."""
    _hours: set[int] = field(default_factory=set)
    """The starts of the hours before it whose files were read because a request needs them."""

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to read: no file was found yet, or enough were read."""
        return self.phase in (Phase.WAITING, Phase.DONE)

    @property
    def is_enough_to_begin(self) -> bool:
        """Whether enough files were read for a first view of a directory without an index."""
        return self._windows_read >= FILES_TO_BEGIN

    def begin(self, newest_first: Iterator[DataFile]) -> None:
        """Read these files from now on, the newest first."""
        self.phase, self._unread = Phase.READING, newest_first

    def begin_again(self, newest_first: Iterable[DataFile]) -> None:
        """Read the newest of these files once more."""
        self.phase, self._unread = Phase.READING_AGAIN, islice(newest_first, FILES_TO_BEGIN)

    def next_batch(self) -> tuple[Sequence[DataFile], bool]:
        """Return the next files to read, and whether there are no more."""
        batch: list[DataFile] = []
        while sum(map(_windows_in, batch)) < FILES_PER_STEP:
            file = next(self._unread, None)
            if file is None:
                return batch, True
            batch.append(file)
        return batch, False

    def note_read(self, batch: Sequence[DataFile], *, is_last: bool, has_series_of_all: bool) -> None:
        """Count a batch that was read.

        `is_last`: whether there are no more files. `has_series_of_all`: whether the series of files that are not read
        are known from the index, so that only the newest files need to be read.
        """
        self.files_read += len(batch)
        self._windows_read += sum(map(_windows_in, batch))
        self._oldest_ms = min([self._oldest_ms, *(file.start_ms for file in batch)])
        if is_last and self.phase is Phase.READING:
            self._oldest_ms = 0
        if is_last or (has_series_of_all and self._windows_read >= FILES_WITH_INDEX):
            self.phase = Phase.DONE

    def unread_hour(self, from_ms: int, to_ms: int) -> int | None:
        """Return the start of the newest hour with files that begin in [from_ms, to_ms) and were not read.

        None: all were read, or will be read in turn.
        """
        if self.phase is not Phase.DONE or from_ms >= self._oldest_ms:
            return None
        hours = range(from_ms - from_ms % HOUR_MS, min(to_ms, self._oldest_ms), HOUR_MS)
        return next((hour_ms for hour_ms in reversed(hours) if hour_ms not in self._hours), None)

    def has_read_hour(self, hour_ms: int) -> bool:
        """Return whether `note_hour` was called for an hour."""
        return hour_ms in self._hours

    def note_hour(self, hour_ms: int) -> None:
        """Note that the files of an hour were read."""
        self._hours.add(hour_ms)


def _windows_in(file: DataFile) -> int:
    """Return the number of windows for which reading a file counts."""
    return max(1, (file.duration_ms or 0) // MS_OF_WINDOW)
