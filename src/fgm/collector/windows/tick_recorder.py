"""Records ticks in the journal of their window."""

import errno
import os

from fgm.collector.windows import recorded_window
from fgm.collector.windows.closing import salvage
from fgm.store.directory import layout
from fgm.store.directory.atomic import make_folder
from fgm.store.directory.layout import Window
from fgm.store.errors import BadFileError
from fgm.store.journal.journal_reader import JournalReader
from fgm.store.journal.journal_writer import JournalWriter
from fgm.store.samples.header import FileHeader
from fgm.store.samples.tick import Tick

SYNC_EVERY_MS = 5_000
"""Interval between two syncs of the journal. A power failure may lose the ticks of this time.

If only the process is killed, nothing is lost, because the kernel has the data.
"""


class TickRecorder:
    """Writes the current journal. Used by one thread at a time."""

    def __init__(self, data_dir: str, header: FileHeader, columns: tuple[str, ...], compression_level: int) -> None:
        self._data_dir = data_dir
        self._header = header
        self._columns = columns
        self._compression_level = compression_level
        self._window: Window | None = None
        self._journal: JournalWriter | None = None
        self._synced_ms = 0
        self._last_ms = 0

    @property
    def path(self) -> str | None:
        """Path of the open journal; None if none is open."""
        return None if self._journal is None else self._journal.path

    def close_before(self, time_ms: int) -> str | None:
        """Close the journal unless a tick at `time_ms` continues it; return its path, or None if none was closed."""
        if self._window is None or (time_ms in self._window and time_ms > self._last_ms):
            return None
        return self.close()

    def append(self, tick: Tick) -> None:
        """Record a tick.

        If a later tick of the window was recorded already, the wall clock was set back, in this run or before it. The
        journal's header then says that it supersedes what was recorded of that window.

        Raises: OSError if the tick cannot be recorded. The next one can be tried.
        """
        if self._journal is None:
            self._window = layout.window_at(tick.time_ms, self._header.rotation_s)
            self._journal = self._open(tick.time_ms, supersedes=self.was_recorded(tick.time_ms))
        self._journal.append(tick)
        self._last_ms = tick.time_ms
        if abs(tick.time_ms - self._synced_ms) >= SYNC_EVERY_MS:
            self._synced_ms = tick.time_ms
            self._journal.sync()
            if not self._journal.is_in_place:
                path = self._journal.path
                self.close()
                raise FileNotFoundError(errno.ENOENT, "the open journal was removed, or moved away", path)

    def close(self) -> str | None:
        """Close the journal; return its path, or None if none is open."""
        if self._journal is None:
            return None
        path = self._journal.path
        self._journal.close()
        self._journal = self._window = None
        return path

    def was_recorded(self, time_ms: int) -> bool:
        """Return whether this time or a later one of its window was recorded, before the wall clock was set back.

        May block. A file that cannot be read counts as earlier, because closing sets it aside. The first tick of a run
        may be the last one of the run before.
        """
        window = layout.window_at(time_ms, self._header.rotation_s)
        last_ms = _last_ms(self.path_of(time_ms)), recorded_window.last_ms(self._folder(window), window)
        return max(last_ms) >= time_ms + (0 if self._last_ms else 1)

    def may_record(self, path: str, since_ms: int) -> bool:
        """Return whether this run records to the window of a journal. `since_ms`: time of this run's first tick."""
        parsed = layout.parse_name(os.path.basename(path))
        is_own = os.path.basename(os.path.dirname(path)) == layout.identifier_folder(self._header.identifier)
        if not is_own or parsed is None:
            return False
        first = layout.window_at(since_ms, self._header.rotation_s)
        window = layout.window_at(parsed.start_ms, self._header.rotation_s)
        # A journal that begins within a window was left by a run with windows of another length.
        return window.start_ms == parsed.start_ms >= first.start_ms

    def path_of(self, instant_ms: int) -> str:
        """Return the path of the journal for the window that contains `instant_ms`. The file may not exist."""
        window = layout.window_at(instant_ms, self._header.rotation_s)
        return os.path.join(self._folder(window), layout.journal_name(window.start_ms))

    def _folder(self, window: Window) -> str:
        identifier = layout.identifier_folder(self._header.identifier)
        return os.path.join(self._data_dir, layout.day_folder(window.start_ms), identifier)

    def _open(self, instant_ms: int, *, supersedes: bool) -> JournalWriter:
        path = self.path_of(instant_ms)
        make_folder(os.path.dirname(path), within=self._data_dir)
        try:
            return JournalWriter(path, self._header, self._columns, supersedes=supersedes)
        except BadFileError:
            salvage(path, self._compression_level)
            return JournalWriter(path, self._header, self._columns, supersedes=supersedes)


def _last_ms(journal: str) -> int:
    """Return the last tick of a journal; -1 if there is none that can be read."""
    try:
        reader = JournalReader(journal, metrics=())
        try:
            return -1 if reader.last_ms is None else reader.last_ms
        finally:
            reader.close()
    except (BadFileError, OSError):
        return -1
