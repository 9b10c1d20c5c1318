"""Computes the values of metrics from files, oldest first, in steps of a few files.

Between steps, the caller can run other queries, or stop. The memory is limited by the amount of data that one step
reads.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from fgm.metrics.formula_input import Samples
from fgm.metrics.rates import Floats, Times
from fgm.store.directory import layout
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.series import Series
from fgm.viewer.files.hours.merged_rows import groups_of
from fgm.viewer.files.listing.data_file import DataFile
from fgm.viewer.files.reader import OpenFile, Reader, Sources
from fgm.viewer.files.window_cache import MAX_ROWS_BYTES
from fgm.viewer.query.question import ChosenSeries, Question

FILES_PER_STEP = 32
"""Maximum number of files in one step."""
VALUES_PER_STEP = 200_000
"""Number of read values after which a step ends. All values of a step are in memory at once."""
MAX_LISTINGS = 3
"""Maximum number of times that the files are listed. They are listed again because a window may begin meanwhile."""


@dataclass(frozen=True, slots=True)
class SeriesValues:
    """Values of one series in a part of the range.

    `values`: one array for each metric of the question, in the same order, with a value for each time; NaN for null.
    """

    key: str
    time_ms: Times
    values: tuple[Floats, ...]


@dataclass(slots=True)
class _SeriesState:
    """A series with its newest names. `tail`: its last recorded rows, if any: the next rates are computed from them."""

    series: Series
    tail: Samples | None = None


class ValueReader:
    """Reads the values for one question. Not thread-safe."""

    def __init__(
        self,
        question: Question,
        sources: Sources,
        chosen: ChosenSeries | None = None,
        is_read: Callable[[DataFile], bool] | None = None,
    ) -> None:
        """`chosen`: the series to read, if parts of the range are read elsewhere; None: those of the question.

        `is_read`: whether to read a file; None: all are read.
        """
        self.question = question
        self.chosen = ChosenSeries(question) if chosen is None else chosen
        self._files = sources.files
        self._is_read = is_read
        self._reader = Reader(sources, question.node_name, keeps_journal_columns=True)
        self._read_from_ms = question.from_ms - question.lead_ms
        rows = len(question.keys) * (question.to_ms - self._read_from_ms) // question.tick_ms
        self._is_cached = 8 * rows * (1 + len(question.recorded)) <= MAX_ROWS_BYTES
        self._waiting: deque[DataFile] = deque()
        self._listings, self._listed_to_ms = 0, -1
        self._states: dict[str, _SeriesState] = {}

    @property
    def skipped_files(self) -> int:
        """Number of files that could not be read."""
        return self._reader.skipped_files

    @property
    def has_more(self) -> bool:
        """Whether there are more files to read. It is valid only after the first step."""
        return bool(self._waiting)

    @property
    def series(self) -> Iterator[tuple[str, Series]]:
        """The key and the newest names of each series, in the order first seen."""
        return ((key, state.series) for key, state in self._states.items())

    def step(self) -> Iterator[SeriesValues]:
        """Read the next files, and yield the values of each series in them. Consume it before the next step. May block.

        If ticks of one file are between those of another (two writers in one window), one step reads both.
        """
        if not self._waiting:
            self._list()
        question = self.question
        choose = self.chosen.choose if self.chosen.may_grow else self.chosen.keys
        within = (self._read_from_ms, question.to_ms)
        opening = self._reader.opening(
            choose, within, question.recorded, is_cached=self._is_cached, with_late=question.has_rates
        )
        with opening as open_file:
            opened = self._opened(open_file)
            tick_ms = max([question.tick_ms, *(file.interval_ms for file in opened)])
            rows: dict[str, int] = {}
            for file in opened:
                for key, count in file.rows.items():
                    rows[key] = rows.get(key, 0) + count
            for keys in groups_of(rows, rows, 2 * VALUES_PER_STEP // (2 + len(question.recorded))):
                by_key: dict[str, list[Chunk]] = {}
                for file in opened:
                    for chunk in self._reader.chunks(
                        file, question.recorded, [key for key in keys if key in file.rows]
                    ):
                        by_key.setdefault(chunk.series.key, []).append(chunk)
                for key, chunks in by_key.items():
                    computed = self._compute(key, chunks, tick_ms)
                    if computed is not None:
                        yield computed
        if not self._waiting:
            self._list()

    def _opened(self, open_file: Callable[[DataFile], OpenFile | None]) -> list[OpenFile]:
        """Return the open files of one step."""
        opened: list[OpenFile] = []
        count, values, last_ms = 0, 0, -1
        while self._waiting and (
            (count < FILES_PER_STEP and values < VALUES_PER_STEP) or self._waiting[0].start_ms <= last_ms
        ):
            file = open_file(self._waiting.popleft())
            count += 1
            if file is not None:
                opened.append(file)
                values += file.values(len(self.question.recorded))
                last_ms = max(last_ms, file.last_ms)
        return opened

    def _list(self) -> None:
        """List the files to read. Later calls add the files that were created meanwhile, such as a new journal."""
        if self._listings < MAX_LISTINGS:
            self._listings += 1
            reach = layout.reach_ms(self.question.rotation_ms)
            listed = self._files.between(self._read_from_ms, self.question.to_ms, reach)
            if self._is_read is not None:
                listed = list(filter(self._is_read, listed))
            self._waiting.extend(file for file in listed if file.start_ms > self._listed_to_ms)
            self._listed_to_ms = max((file.start_ms for file in listed), default=self._listed_to_ms)

    def _compute(self, key: str, chunks: list[Chunk], tick_ms: int) -> SeriesValues | None:
        """Return the values of one series in the rows after those of earlier steps; None if there are none."""
        question = self.question
        fresh = _joined(chunks, question.recorded, tick_ms)
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = _SeriesState(chunks[-1].series)
        state.series = chunks[-1].series
        tail = state.tail
        after_ms = self._read_from_ms if tail is None else tail.time_ms[-1] + 1
        first, end = fresh.time_ms.searchsorted((max(after_ms, self._read_from_ms), question.to_ms)).tolist()
        if first >= end:
            return None
        rows = _rows(fresh, slice(first, end))
        samples = rows if tail is None else _appended(tail, rows, tick_ms)
        before = 0 if tail is None else len(tail.time_ms)
        answer_from = max(before, int(samples.time_ms.searchsorted(question.from_ms)))
        values = tuple(metric.compute(samples)[answer_from:] for metric in question.metrics)
        tail_from = int(samples.time_ms.searchsorted(samples.time_ms[-1] - question.lead_ms))
        state.tail = _rows(samples, slice(tail_from, None), copy=True)
        return SeriesValues(key, samples.time_ms[answer_from:], values)


def _joined(chunks: list[Chunk], columns: tuple[str, ...], tick_ms: int) -> Samples:
    """Return the joined rows of one series from several files. If several have the same tick, the first one counts."""
    parts = [
        Samples(c.time_ms, c.late_ms, {n: c.values[n] for n in columns}, tick_ms) for c in chunks if len(c.time_ms)
    ]
    if len(parts) == 1:
        return parts[0]
    parts.sort(key=lambda part: int(part.time_ms[0]))
    time_ms = np.concatenate([part.time_ms for part in parts])
    late_ms = np.concatenate([part.late_ms for part in parts])
    values = {name: np.concatenate([part.values[name] for part in parts]) for name in columns}
    whole = Samples(time_ms, late_ms, values, tick_ms)
    if (np.diff(time_ms) > 0).all():
        return whole
    return _rows(whole, np.unique(time_ms, return_index=True)[1])


def _rows(samples: Samples, indices: slice | Times, *, copy: bool = False) -> Samples:
    """Return some rows. `copy`: whether to copy the columns, so that the whole arrays can be freed."""

    def of(array: Floats) -> Floats:
        return array[indices].copy() if copy else array[indices]

    values = {name: of(column) for name, column in samples.values.items()}
    return Samples(samples.time_ms[indices].copy(), of(samples.late_ms), values, samples.tick_ms)


def _appended(first: Samples, then: Samples, tick_ms: int) -> Samples:
    return Samples(
        np.concatenate([first.time_ms, then.time_ms]),
        np.concatenate([first.late_ms, then.late_ms]),
        {name: np.concatenate([first.values[name], column]) for name, column in then.values.items()},
        tick_ms,
    )
