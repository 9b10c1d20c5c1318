"""Reads a journal as chunks, while it is being written; used by the viewer, by recovery and at every rotation."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.journal.frame import frames, is_damaged
from fgm.store.journal.payload import PayloadDecoder, TickFrame
from fgm.store.samples.chunk import Chunk, ColumnsOf
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series, with_known_names


@dataclass(slots=True)
class _Kept:
    """Decoded ticks, reduced to the columns that somebody asked for: time, series and values of each row."""

    columns: tuple[str, ...] = ()
    times_ms: list[NDArray[np.int64]] = field(default_factory=list)
    series: list[NDArray[np.intp]] = field(default_factory=list)
    rows: list[NDArray[np.float64]] = field(default_factory=list)

    def join(self) -> None:
        """Make one part of all ticks so far, in place of them: whoever works on all has no second copy beside it."""
        if len(self.rows) > 1:
            self.times_ms = [np.concatenate(self.times_ms)]
            self.series = [np.concatenate(self.series)]
            self.rows = [np.concatenate(self.rows)]


class JournalReader:
    """One journal, followed from its start.

    Memory is bounded by the columns asked for: a column that is new to it costs one more pass over the file.
    """

    def __init__(self, path: str, dir_fd: int | None = None, metrics: Sequence[str] = ()) -> None:
        """Open `path` and read what is there. `metrics`: columns that will be asked for.

        Raises OSError (FileNotFoundError), and BadFileError where it is no journal.
        """
        self.path = path
        self._fd = open_regular(path, dir_fd)
        self._offset = 0
        self._decoder = PayloadDecoder()
        self._kept = _Kept(tuple(metrics))
        self._restart()
        try:
            self.refresh()
        except BaseException:
            self.close()
            raise

    @property
    def is_damaged(self) -> bool:
        """Whether something stands behind the last whole frame that no writer is appending."""
        return is_damaged(self._fd, self._offset)

    @property
    def header(self) -> FileHeader:
        """The facts of its newest header. Raises BadFileError while it has none."""
        if self._decoder.segment is None:
            raise BadFileError(self.path, "no whole header yet")
        return self._decoder.segment.header

    @property
    def supersedes(self) -> bool:
        """Whether its window is recorded for the second time; see Segment."""
        return self._supersedes

    @property
    def file_id(self) -> tuple[int, int]:
        """Device and inode: a new journal may have taken the place of this one."""
        status = os.fstat(self._fd)
        return status.st_dev, status.st_ino

    @property
    def columns(self) -> tuple[str, ...]:
        """The metric columns of its newest header."""
        return () if self._decoder.segment is None else self._decoder.segment.columns

    @property
    def series(self) -> tuple[Series, ...]:
        """Every series it has named so far, each with its newest identity."""
        return tuple(self._series.values())

    @property
    def metrics(self) -> frozenset[str]:
        """The columns that hold a value in some row read so far."""
        return frozenset(self._with_values)

    @property
    def last_seen_ms(self) -> dict[str, int]:
        """The newest tick of each series, by key."""
        return {self._keys[number]: time_ms for number, time_ms in self._last_seen.items()}

    @property
    def first_seen_ms(self) -> dict[str, int]:
        """The first tick of each series in this file, by key."""
        return {self._keys[number]: time_ms for number, time_ms in self._first_seen.items()}

    @property
    def first_ms(self) -> int | None:
        """Its first tick."""
        return self._first_ms

    @property
    def last_ms(self) -> int | None:
        """Its newest whole tick."""
        return self._last_ms

    def refresh(self) -> None:
        """Read the frames that became whole since the last call. Raises BadFileError on a frame that makes no sense."""
        for offset, payload in frames(self._fd, self._offset):
            try:
                tick = self._decoder.decode(payload)
            except ValueError as error:
                raise BadFileError(self.path, str(error)) from error
            self._offset = offset
            if tick is None:
                self._learn_series()
            else:
                self._keep(tick)

    def chunks(self, metrics: Sequence[str], keys: Collection[str] | None = None) -> list[Chunk]:
        """Return the rows read so far, a chunk a series; `keys`: only these series (`Series.key`)."""
        missing = [name for name in metrics if name not in self._kept.columns]
        if missing:
            self._kept = _Kept((*self._kept.columns, *missing))
            self._restart()
            self.refresh()
        kept = self._kept
        if not kept.rows:
            return []
        kept.join()
        (numbers,), (times_ms,), (rows,) = kept.series, kept.times_ms, kept.rows
        wanted = [number for number, key in self._keys.items() if keys is None or key in keys]
        columns = [1 + kept.columns.index(name) for name in metrics]
        places_of = {name: 1 + i for i, name in enumerate(metrics)}
        # A clock that stepped back within a second, or a run that went on with another's window, may repeat a tick.
        places = np.lexsort((np.arange(len(numbers)), times_ms, numbers))
        sorted_numbers = numbers[places]
        result = []
        for number in wanted:
            first, end = np.searchsorted(sorted_numbers, [number, number + 1])
            if first == end:
                continue
            mine = places[first:end]
            time_ms = times_ms[mine]
            last = np.append(time_ms[1:] != time_ms[:-1], True)
            mine = mine[last]
            table = rows[mine].T[[0, *columns]]
            values = ColumnsOf(places_of, table)
            result.append(Chunk(self._series[self._keys[number]], times_ms[mine], table[0], values))
        return result

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _restart(self) -> None:
        self._offset = 0
        self._decoder = PayloadDecoder()
        self._first_ms: int | None = None
        self._last_ms: int | None = None
        self._series: dict[str, Series] = {}
        self._keys: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._first_seen: dict[int, int] = {}
        self._last_seen: dict[int, int] = {}
        self._with_values: set[str] = set()
        self._supersedes = False

    def _learn_series(self) -> None:
        if self._decoder.segment is None:
            return
        self._supersedes |= self._decoder.segment.supersedes
        for series in self._decoder.segment.series.values():
            if series.key not in self._numbers:
                self._numbers[series.key] = len(self._numbers)
                self._keys[self._numbers[series.key]] = series.key
            self._series[series.key] = with_known_names(series, self._series.get(series.key, series))
        segment = self._decoder.segment
        size = 1 + max(segment.series, default=-1)
        self._renumber = np.full(size, -1, np.intp)
        for number, series in segment.series.items():
            self._renumber[number] = self._numbers[series.key]
        place = {name: 1 + i for i, name in enumerate(segment.columns)}
        self._take = np.array([0, *(place.get(name, -1) for name in self._kept.columns)], np.intp)

    def _keep(self, tick: TickFrame) -> None:
        if tick.numbers.size and int(tick.numbers.max()) >= len(self._renumber):
            raise BadFileError(self.path, "a tick of a series that was not introduced")
        numbers = self._renumber[tick.numbers]
        rows = tick.rows[:, self._take]
        rows[:, self._take < 0] = np.nan
        if self._first_ms is None:
            self._first_ms = tick.time_ms
        self._last_ms = tick.time_ms
        self._kept.times_ms.append(np.full(len(numbers), tick.time_ms, np.int64))
        self._kept.series.append(numbers)
        self._kept.rows.append(rows)
        seen = dict.fromkeys(numbers.tolist(), tick.time_ms)
        self._last_seen.update(seen)
        self._first_seen = seen | self._first_seen
        if len(self._with_values) < len(tick.segment.columns):
            some = np.isfinite(tick.rows[:, 1:]).any(axis=0).reshape(-1)
            self._with_values.update(
                name for name, is_there in zip(tick.segment.columns, some, strict=True) if is_there
            )
