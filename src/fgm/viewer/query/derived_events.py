"""Derives events from samples, where nobody wrote events down: file by file, oldest first."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from operator import itemgetter

import numpy as np

from fgm.events.columns import NEEDED_COLUMNS, Floats
from fgm.events.machine import EventMachine
from fgm.metrics.rates import Times
from fgm.store.events.event import Event
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.series import Series
from fgm.viewer.files.data_files import DataFile
from fgm.viewer.files.reader import Reader, Sources

MOST_MS = 3_600_000
"""So much of the end of a range is looked at: every tick of it has to be."""
LEAD_MS = 60_000
"""So much before it is looked at, too: throttling that goes on, who ended before a restart."""


MOST_EVENTS = 10_000
"""The newest of them; no answer has as many."""


class DerivedEvents:
    """What the samples of some files tell; for one thread at a time."""

    def __init__(self, waiting: Iterable[DataFile], node_name: str | None, tick_ms: int, sources: Sources) -> None:
        """Begin with the first of `waiting`, files in ascending time; those of another node are passed over."""
        self.events: list[Event] = []
        self.most_samples = 0
        self._waiting = deque(waiting)
        self._reader = Reader(sources, node_name)
        self._machine = EventMachine(NEEDED_COLUMNS, tick_ms)
        self._last_ms = -1

    @property
    def skipped_files(self) -> int:
        """How many could not be read."""
        return self._reader.skipped_files

    def step(self) -> bool:
        """Look at the next file, and those with ticks between its own; return whether there are more."""
        together: list[list[Chunk]] = []
        last_ms = -1
        while self._waiting and (not together or self._waiting[0].start_ms <= last_ms):
            chunks = self._reader.chunks(self._waiting.popleft(), NEEDED_COLUMNS, _all)
            together.append(chunks)
            last_ms = max([last_ms, *(int(chunk.time_ms[-1]) for chunk in chunks)])
        samples = sum((1 + len(NEEDED_COLUMNS)) * len(chunk.time_ms) for chunks in together for chunk in chunks)
        self.most_samples = max(self.most_samples, samples)
        for time_ms, series, rows in heapq.merge(*map(ticks, together), key=itemgetter(0)):
            if time_ms > self._last_ms:  # each tick once, from the first file that has it
                self._last_ms = time_ms
                self.events += self._machine.add_tick(time_ms, series, rows)
        del self.events[:-MOST_EVENTS]
        return bool(self._waiting)


def _all(there: Iterable[Series]) -> set[str]:
    return {series.key for series in there}


def ticks(chunks: list[Chunk]) -> Iterator[tuple[int, tuple[Series, ...], Floats]]:
    """Yield the ticks of one file: time, the series with a row in it, and `late_ms` with NEEDED_COLUMNS."""
    if not chunks:
        return
    times: Times = np.unique(np.concatenate([chunk.time_ms for chunk in chunks]))
    rows = np.full((len(times), len(chunks), 1 + len(NEEDED_COLUMNS)), np.nan)
    is_there = np.zeros((len(times), len(chunks)), np.bool_)
    for place, chunk in enumerate(chunks):
        mine = np.searchsorted(times, chunk.time_ms)
        is_there[mine, place] = True
        rows[mine, place] = np.column_stack([chunk.late_ms, *(chunk.values[name] for name in NEEDED_COLUMNS)])
    series: tuple[Series, ...] = ()
    for i, time_ms in enumerate(times.tolist()):
        if i == 0 or not np.array_equal(is_there[i], is_there[i - 1]):
            series = tuple(chunks[place].series for place in np.flatnonzero(is_there[i]).tolist())
        yield time_ms, series, rows[i, is_there[i]]
