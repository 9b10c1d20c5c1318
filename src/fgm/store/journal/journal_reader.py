"""Reads a journal, even while it is being written: for the viewer, for recovery and at every rotation."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError
from fgm.store.journal.frame import frames, is_damaged
from fgm.store.journal.packed_rows import PackedRows
from fgm.store.journal.payload import PayloadDecoder, TickFrame
from fgm.store.samples.chunk import Chunk, ColumnsOf, ColumnsOnAccess, LastColumn
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series, with_known_names


@dataclass(slots=True)
class _KeptTicks:
    """The rows of decoded ticks, reduced to `columns`. Each list has one array per tick, or a single one after `join`.

    `packed`: contains the rows instead of `rows`, if it is given.

    Shape: `times_ms` has int64[n], `series` has intp[n] (numbers of series), `rows` has float64[n, 1 + columns].
    """

    columns: tuple[str, ...] = ()
    times_ms: list[NDArray[np.int64]] = field(default_factory=list)
    series: list[NDArray[np.intp]] = field(default_factory=list)
    rows: list[NDArray[np.float64]] = field(default_factory=list)
    packed: PackedRows | None = None

    def join(self) -> None:
        """Concatenate the arrays of each list, so that later calls need not copy the rows again."""
        if len(self.times_ms) > 1:
            self.times_ms = [np.concatenate(self.times_ms)]
            self.series = [np.concatenate(self.series)]
        if len(self.rows) > 1:
            self.rows = [np.concatenate(self.rows)]


_Rows = Callable[[slice], tuple[NDArray[np.float64], Mapping[str, NDArray[np.float64]]]]


class JournalReader:
    """Reader of one journal, which can follow the file as it grows.

    To save memory, it keeps only the columns requested so far. A request for another column reads the file again from
    its start.
    """

    def __init__(
        self, path: str, dir_fd: int | None = None, metrics: Sequence[str] = (), *, is_packed: bool = False
    ) -> None:
        """Open a journal and read its complete frames.

        `path`: relative to `dir_fd`, if given. `metrics`: columns that will be requested. `is_packed`: keep the rows
        compressed, for a caller that needs all columns of all series in the order of `metrics`.

        Raises: FileNotFoundError if it does not exist, or another OSError.
        Raises: BadFileError if it is not a journal, or a frame is malformed.
        """
        self.path = path
        self._fd = open_regular(path, dir_fd)
        self._offset = 0
        self._decoder = PayloadDecoder()
        self._kept = _KeptTicks(tuple(metrics), packed=PackedRows() if is_packed else None)
        self._restart()
        try:
            self.refresh()
        except BaseException:
            self.close()
            raise

    @property
    def is_damaged(self) -> bool:
        """Whether the journal is damaged after its last complete frame. An incomplete last frame is not damage."""
        return is_damaged(self._fd, self._offset)

    @property
    def header(self) -> FileHeader:
        """The newest header of the journal.

        Raises: BadFileError if it has no header yet.
        """
        if self._decoder.segment is None:
            raise BadFileError(self.path, "it has no whole header yet")
        return self._decoder.segment.header

    @property
    def supersedes(self) -> bool:
        """Whether this journal replaces the closed file of its window; see `Segment`."""
        return self._supersedes

    @property
    def file_id(self) -> tuple[int, int]:
        """Device and inode of the open file. They differ from those at `path` after the file was replaced."""
        status = os.fstat(self._fd)
        return status.st_dev, status.st_ino

    @property
    def columns(self) -> tuple[str, ...]:
        """The metric columns of the newest header."""
        return () if self._decoder.segment is None else self._decoder.segment.columns

    @property
    def series(self) -> tuple[Series, ...]:
        """All series so far, each with its newest names."""
        return tuple(self._series.values())

    @property
    def metrics(self) -> frozenset[str]:
        """The metric columns that have at least one value so far."""
        return frozenset(self._with_values)

    @property
    def last_seen_ms(self) -> dict[str, int]:
        """The newest tick of each series, by `Series.key`."""
        return {self._keys[number]: time_ms for number, time_ms in self._last_seen.items()}

    @property
    def first_seen_ms(self) -> dict[str, int]:
        """The first tick of each series in this file, by `Series.key`."""
        return {self._keys[number]: time_ms for number, time_ms in self._first_seen.items()}

    @property
    def first_ms(self) -> int | None:
        """The first tick; None if there is none yet."""
        return self._first_ms

    @property
    def last_ms(self) -> int | None:
        """The newest whole tick; None if there is none yet."""
        return self._last_ms

    def refresh(self) -> None:
        """Read the frames that were completed since the last call.

        Raises: BadFileError if one of them is malformed.
        """
        for offset, payload in frames(self._fd, self._offset):
            try:
                tick = self._decoder.decode(payload)
            except ValueError as error:
                raise BadFileError(self.path, str(error)) from error
            self._offset = offset
            if tick is None:
                self._add_series()
            else:
                self._keep(tick)

    def chunks(self, metrics: Sequence[str], keys: Collection[str] | None = None) -> list[Chunk]:
        """Return the rows so far, as one chunk per series. `keys`: the series to return (`Series.key`); None for all.

        Raises: BadFileError if a frame is malformed.
        """
        missing = [name for name in metrics if name not in self._kept.columns]
        if missing:
            packed = None if self._kept.packed is None else PackedRows()
            self._kept = _KeptTicks((*self._kept.columns, *missing), packed=packed)
            self._restart()
            self.refresh()
        kept = self._kept
        if not kept.times_ms:
            return []
        kept.join()
        (numbers,), (times_ms,) = kept.series, kept.times_ms
        if not numbers.size:
            return []
        order = np.lexsort((times_ms, numbers))  # equal rows stay in their order
        numbers, times_ms = numbers[order], times_ms[order]
        # A tick occurs twice if the clock stepped back within a second, or if a new run continued the window. The last
        # row counts.
        is_last = np.append((numbers[1:] != numbers[:-1]) | (times_ms[1:] != times_ms[:-1]), True)
        order, numbers, times_ms = order[is_last], numbers[is_last], times_ms[is_last]
        wanted = [number for number, key in self._keys.items() if keys is None or key in keys]
        bounds = [(number, *np.searchsorted(numbers, [number, number + 1]).tolist()) for number in wanted]
        chunk = self._packed_chunks(kept.packed, metrics, order) if kept.packed else self._chunks(metrics, order)
        return [
            Chunk(self._series[self._keys[number]], times_ms[first:end].copy(), *chunk(slice(first, end)))
            for number, first, end in bounds
            if first < end
        ]

    def close(self) -> None:
        """Close the file. Chunks that were returned earlier stay valid."""
        os.close(self._fd)

    def _chunks(self, metrics: Sequence[str], order: NDArray[np.intp]) -> _Rows:
        """Return a function that returns lateness and columns of a range of rows in `order`."""
        (rows,) = self._kept.rows
        columns = [0, *(1 + self._kept.columns.index(name) for name in metrics)]
        positions = {name: 1 + i for i, name in enumerate(metrics)}

        def of(part: slice) -> tuple[NDArray[np.float64], Mapping[str, NDArray[np.float64]]]:
            table = rows[order[part]].T[columns]
            return table[0], ColumnsOf(positions, table)

        return of

    def _packed_chunks(self, packed: PackedRows, metrics: Sequence[str], order: NDArray[np.intp]) -> _Rows:
        """Return the same function for packed rows. The columns are made on access."""
        positions = {name: 1 + self._kept.columns.index(name) for name in metrics}
        column = LastColumn(positions, lambda name: packed.column(positions[name])[order])
        late_ms = packed.column(0)[order]
        return lambda part: (late_ms[part], ColumnsOnAccess(column, part))

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

    def _add_series(self) -> None:
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
        positions = {name: 1 + i for i, name in enumerate(segment.columns)}
        self._positions = np.array([0, *(positions.get(name, -1) for name in self._kept.columns)], np.intp)
        self._has_kept_columns = segment.columns == self._kept.columns

    def _keep(self, tick: TickFrame) -> None:
        if tick.numbers.size and int(tick.numbers.max()) >= len(self._renumber):
            raise BadFileError(self.path, "a tick has a series without an identity")
        numbers = self._renumber[tick.numbers]
        rows = tick.rows
        if not self._has_kept_columns:
            rows = rows[:, self._positions]
            rows[:, self._positions < 0] = np.nan
        if self._first_ms is None:
            self._first_ms = tick.time_ms
        self._last_ms = tick.time_ms
        self._kept.times_ms.append(np.full(len(numbers), tick.time_ms, np.int64))
        self._kept.series.append(numbers)
        (self._kept.rows if self._kept.packed is None else self._kept.packed).append(rows)
        seen = dict.fromkeys(numbers.tolist(), tick.time_ms)
        self._last_seen.update(seen)
        self._first_seen = seen | self._first_seen
        if len(self._with_values) < len(tick.segment.columns):
            has_value = np.isfinite(tick.rows[:, 1:]).any(axis=0).reshape(-1)
            self._with_values.update(name for name, has in zip(tick.segment.columns, has_value, strict=True) if has)
