"""Derives events from samples, for days without written events: file by file, the oldest first."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from operator import itemgetter

import numpy as np

from fgm.events.columns import NEEDED_COLUMNS, Floats
from fgm.events.machine import EventMachine
from fgm.metrics.rates import Times
from fgm.store.directory import layout
from fgm.store.events.event import Event
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.series import Series
from fgm.viewer.files.data_files import DataFile
from fgm.viewer.files.reader import Reader, Sources

MAX_MS = layout.HOUR_MS
"""Maximum length of the range, counted back from the end of the question's range: every tick of it is read."""
LEAD_MS = 60_000
"""Time before the range that is read, too: throttling that goes on, and containers that ended before a restart."""
MAX_EVENTS = 10_000
"""Maximum number of events, the newest: no answer has as many."""


class DerivedEvents:
    """The events in the samples of some files; for one thread at a time."""

    def __init__(self, waiting: Iterable[DataFile], node_name: str | None, tick_ms: int, sources: Sources) -> None:
        """Begin with the first of the files `waiting`, which are in ascending time; read those of `node_name` only."""
        self.events: list[Event] = []
        self.max_samples = 0
        """Number of samples that the largest step so far had in memory."""
        self._waiting = deque(waiting)
        self._reader = Reader(sources, node_name)
        self._machine = EventMachine(NEEDED_COLUMNS, tick_ms)
        self._last_ms = -1

    @property
    def skipped_files(self) -> int:
        """Number of files that could not be read."""
        return self._reader.skipped_files

    def step(self) -> bool:
        """Read the next file, and those with ticks between its own; return whether there are more."""
        together: list[list[Chunk]] = []
        last_ms = -1
        while self._waiting and (not together or self._waiting[0].start_ms <= last_ms):
            chunks = self._reader.read(self._waiting.popleft(), NEEDED_COLUMNS, _all_keys).chunks
            together.append(chunks)
            last_ms = max([last_ms, *(int(chunk.time_ms[-1]) for chunk in chunks)])
        samples = sum((1 + len(NEEDED_COLUMNS)) * len(chunk.time_ms) for chunks in together for chunk in chunks)
        self.max_samples = max(self.max_samples, samples)
        for time_ms, series, rows in heapq.merge(*map(ticks, together), key=itemgetter(0)):
            if time_ms > self._last_ms:  # each tick once, from the first file that has it
                self._last_ms = time_ms
                self.events += self._machine.add_tick(time_ms, series, rows)
        del self.events[:-MAX_EVENTS]
        return bool(self._waiting)


def ticks(chunks: list[Chunk]) -> Iterator[tuple[int, tuple[Series, ...], Floats]]:
    """Yield the ticks that the rows of one file were: the time, the series in it, and their rows.

    Shape: the rows are float64[series, 1 + needs], `late_ms` and the columns of NEEDED_COLUMNS.
    """
    if not chunks:
        return
    times: Times = np.unique(np.concatenate([chunk.time_ms for chunk in chunks]))
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
