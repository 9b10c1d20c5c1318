"""Writes a journal: one frame for each tick of the window that is being recorded."""

import os

import numpy as np

from fgm.store.directory.atomic import FILE_MODE
from fgm.store.errors import BadFileError
from fgm.store.journal.frame import is_damaged, pack_frame, whole_length
from fgm.store.journal.frame_file import FrameFile
from fgm.store.journal.payload import Numbers, Rows, encode_header, encode_series, encode_tick
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series
from fgm.store.samples.tick import Tick


class JournalWriter(FrameFile):
    """Appends ticks to one journal, as the only writer of that file.

    An existing journal is continued in a new segment, after a torn frame at its end has been cut off. A failed append
    leaves the file unchanged. Not thread-safe.
    """

    def __init__(self, path: str, header: FileHeader, columns: tuple[str, ...], *, supersedes: bool = False) -> None:
        """Open or create the journal and begin a segment. `supersedes`: see `Segment`.

        Raises: OSError.
        Raises: BadFileError if it is damaged before its end. The file is then unchanged.
        """
        super().__init__(path)
        self.columns = columns
        self._numbers: dict[str, int] = {}
        self._written_series: dict[str, Series] = {}
        self._last_series: tuple[Series, ...] = ()
        self._last_numbers: Numbers = np.empty(0, np.uint32)
        self._base: tuple[Numbers, Rows] | None = None
        self._end = whole_length(self._fd)
        if is_damaged(self._fd, self._end):
            os.close(self._fd)
            raise BadFileError(path, "damaged before its end")
        try:
            os.fchmod(self._fd, FILE_MODE)
            os.ftruncate(self._fd, self._end)
            self._append_frames(pack_frame(encode_header(header, columns, supersedes=supersedes)))
        except OSError:
            if os.fstat(self._fd).st_size == 0:
                os.unlink(path)
            os.close(self._fd)
            raise
        except BaseException:
            os.close(self._fd)
            raise

    def append(self, tick: Tick) -> None:
        """Append one tick.

        Raises: OSError if it could not be written completely. The file is then unchanged.
        Raises: ValueError if the shape of the rows does not match the series and the columns.
        """
        if tick.rows.shape != (len(tick.series), 1 + len(self.columns)):
            raise ValueError(f"rows of shape {tick.rows.shape} for {len(tick.series)} series")
        data, changed, numbers = b"", {}, self._last_numbers
        # The sampler passes the same tuple until a series starts, ends or gets a name.
        if tick.series is not self._last_series:
            changed = {s.key: s for s in tick.series if self._written_series.get(s.key) != s}
            if changed:
                data = pack_frame(encode_series([(self._number(key), s) for key, s in changed.items()]))
            numbers = np.array([self._number(s.key) for s in tick.series], np.uint32)
        self._append_frames(data + pack_frame(encode_tick(tick.time_ms, numbers, tick.rows, self._base)))
        self._written_series.update(changed)
        self._last_series, self._last_numbers, self._base = tick.series, numbers, (numbers, tick.rows)

    def sync(self) -> None:
        """Block until all appended ticks are on disk (fdatasync).

        Raises: OSError.
        """
        os.fdatasync(self._fd)

    def _number(self, key: str) -> int:
        return self._numbers.setdefault(key, len(self._numbers))
