"""Derives events from samples, for days without an events file. Reads one file at a time, oldest first."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from fgm.events.columns import NEEDED_COLUMNS, Floats
from fgm.events.machine import EventMachine
from fgm.store.directory import layout
from fgm.store.events.event import Event
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.distinct import distinct
from fgm.store.samples.series import Series
from fgm.viewer.files.hours.merged_rows import Range
from fgm.viewer.files.listing.data_file import DataFile, order
from fgm.viewer.files.reader import Reader, Sources

MAX_MS = layout.HOUR_MS
"""Maximum length of the range in which events are derived, because every tick in it is read."""
LEAD_MS = 60_000
"""Time before the range that is read, too, to find throttling that began there and containers that exited there."""
PIECE_MS = 360_000
"""Length of the parts in which a merged hour is read."""
ROWS_PER_STEP = 1_000
"""Number of rows of ticks after which a step ends, so that other requests need not wait for a whole file."""
MAX_EVENTS = 10_000
"""Maximum number of kept events; the newest are kept. No response has more."""


class _Piece(NamedTuple):
    """A file, or the rows of a merged hour in a range. `within`: None: all rows."""

    start_ms: int
    file: DataFile
    within: Range | None


class DerivedEvents:
    """Derives the events in the samples of some files. Not thread-safe."""

    def __init__(
        self, waiting: Iterable[DataFile], within: Range, node_name: str | None, tick_ms: int, sources: Sources
    ) -> None:
        """Read nothing yet.

        `waiting`: the files to read, oldest first. `within`: range of their ticks to read. `node_name`: read only its
        files; None: all.
        """
        self.events: list[Event] = []
        self.max_samples = 0
        """Number of samples in memory during the largest step so far."""
        self._waiting = deque(sorted(chain.from_iterable(_pieces(file, within) for file in waiting), key=_order))
        self._reader = Reader(sources, node_name)
        self._machine = EventMachine(NEEDED_COLUMNS, tick_ms)
        self._ticks: Iterator[tuple[int, tuple[Series, ...], Floats]] | None = None
        self._last_ms = -1

    @property
    def skipped_files(self) -> int:
        """Number of files that could not be read."""
        return self._reader.skipped_files

    def step(self) -> bool:
        """Add the next ticks of the files that were read, or read the next files; return whether there is more.

        It may block.
        """
        if self._ticks is None:
            self._ticks = self._next_ticks()
        elif not self._add_ticks(self._ticks):
            self._ticks = None
        return self._ticks is not None or bool(self._waiting)

    def _add_ticks(self, remaining: Iterator[tuple[int, tuple[Series, ...], Floats]]) -> bool:
        """Add ticks until they have ROWS_PER_STEP rows; return whether there may be more."""
        rows_added = 0
        for time_ms, series, rows in remaining:
            if time_ms > self._last_ms:  # if several files have the same tick, only the first one counts
                self._last_ms = time_ms
                self.events += self._machine.add_tick(time_ms, series, rows)
            rows_added += len(series)
            if rows_added >= ROWS_PER_STEP:
                break
        del self.events[:-MAX_EVENTS]
        return rows_added >= ROWS_PER_STEP

    def _next_ticks(self) -> Iterator[tuple[int, tuple[Series, ...], Floats]]:
        """Read the next file, and those with ticks between its ticks; return an iterator over the ticks."""
        together: list[list[Chunk]] = []
        last_ms = -1
        while self._waiting and (not together or self._waiting[0].start_ms <= last_ms):
            piece = self._waiting.popleft()
            chunks = self._reader.read(piece.file, NEEDED_COLUMNS, _all_keys, piece.within).chunks
            together.append(chunks)
            last_ms = max([last_ms, *(int(chunk.time_ms[-1]) for chunk in chunks)])
        samples = sum((1 + len(NEEDED_COLUMNS)) * len(chunk.time_ms) for chunks in together for chunk in chunks)
        self.max_samples = max(self.max_samples, samples)
        return heapq.merge(*map(ticks, together), key=itemgetter(0))


def _pieces(file: DataFile, within: Range) -> Iterator[_Piece]:
    """Yield the parts of a file that are read one after the other: a merged hour is too large to be read at once."""
    if file.duration_ms is None:
        yield _Piece(file.start_ms, file, None)
        return
    bounds_ms = [within[0], *range(file.start_ms + PIECE_MS, file.start_ms + file.duration_ms, PIECE_MS), within[1]]
    for start_ms, end_ms in pairwise(sorted(bound for bound in bounds_ms if within[0] <= bound <= within[1])):
        if start_ms < end_ms:
            yield _Piece(start_ms, file, (start_ms, end_ms))


def _order(piece: _Piece) -> tuple[int, bool, str]:
    return (piece.start_ms, *order(piece.file)[1:])


def ticks(chunks: list[Chunk]) -> Iterator[tuple[int, tuple[Series, ...], Floats]]:
    """Yield the ticks of one file, in ascending time: the time in ms, the series, and the row of each series.

    Shape: the rows are float64[series, 1 + columns]: `late_ms` and NEEDED_COLUMNS; NaN for null.
    """
    if not chunks:
        return
    times = distinct(np.concatenate([chunk.time_ms for chunk in chunks]))
    rows = np.full((len(times), len(chunks), 1 + len(NEEDED_COLUMNS)), np.nan)
    is_present = np.zeros((len(times), len(chunks)), np.bool_)
    for i, chunk in enumerate(chunks):
        own = np.searchsorted(times, chunk.time_ms)
        is_present[own, i] = True
        rows[own, i] = np.column_stack([chunk.late_ms, *(chunk.values[name] for name in NEEDED_COLUMNS)])
    series: tuple[Series, ...] = ()
    for tick, time_ms in enumerate(times.tolist()):
        if tick == 0 or not np.array_equal(is_present[tick], is_present[tick - 1]):
            series = tuple(chunks[i].series for i in np.flatnonzero(is_present[tick]).tolist())
        yield time_ms, series, rows[tick, is_present[tick]]


def _all_keys(present: Iterable[Series]) -> set[str]:
    return {series.key for series in present}
