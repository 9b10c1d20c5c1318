"""Answers one question about a range of time: file by file, oldest first, reducing as it goes.

A query is a plain object that is moved on in steps, each of a few files, so that whoever drives it can share
the processor between several of them and stop between steps. Memory is bounded by the answer, not by the
range.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

import numpy as np

from fgm.metrics.derived import Shown
from fgm.metrics.rates import Floats, Times, gap_ms
from fgm.metrics.samples import Samples, interval_ms
from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Scope, Series
from fgm.viewer.files.data_files import DataFile, DataFiles
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.skipped_files import SkippedFiles, reason_of
from fgm.viewer.query.m4 import KEPT_PER_COLUMN, m4

FILES_PER_STEP = 32
VALUES_PER_STEP = 200_000
"""So many files are read in one step, or fewer that hold so much; what a step has read is in memory all at once."""
MOST_PER_COLUMN = 2 * KEPT_PER_COLUMN
"""A line is reduced when it has more samples than so many for each pixel column."""
MAX_SERIES = 500
"""So many series are in one answer."""
LISTINGS = 3
"""A window may have begun while the others were read: list again, so many times at most."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    `keys`: the series (`Series.key`). `columns`: of the reduction, None for every sample. `scopes`: series
    of these are adopted when met, and so are containers whose id begins with one of `prefixes`; `most_series`: there
    are no more than so many together. `node_name`: files of another node are skipped (None: of none). `grid`: from, to
    and columns of the view that this is a part of; None: it is the whole. `line_samples`: the most that one metric of
    one series has in memory.
    """

    metrics: tuple[Shown, ...]
    keys: frozenset[str]
    from_ms: int
    to_ms: int
    tick_ms: int
    columns: int | None = None
    scopes: frozenset[Scope] = frozenset()
    prefixes: tuple[str, ...] = ()
    node_name: str | None = None
    grid: tuple[int, int, int] | None = None
    line_samples: int = 0
    most_series: int = MAX_SERIES

    @property
    def recorded(self) -> tuple[str, ...]:
        """The recorded columns that the metrics are computed from."""
        return tuple(dict.fromkeys(column for metric in self.metrics for column in metric.needs))

    @property
    def lead_ms(self) -> int:
        """How far before `from_ms` a sample still bears on the range: a rate's first value lies there."""
        intervals = [interval_ms(column, self.tick_ms) for column in self.recorded]
        return round(gap_ms(max(intervals, default=self.tick_ms)))


class Gathered(Protocol):
    """What becomes of the values of one metric of one series. `size`: how many were taken in, or are kept."""

    size: int

    def add(self, time_ms: Times, values: Floats) -> None:
        """Take in the next part."""

    def reduce(self, question: "Question") -> None:
        """Keep only what the answer needs."""


G = TypeVar("G", bound=Gathered)


@dataclass(slots=True)
class Line:
    """The values of one metric of one series, in parts that follow each other."""

    time_ms: list[Times] = field(default_factory=list)
    values: list[Floats] = field(default_factory=list)
    size: int = 0

    def add(self, time_ms: Times, values: Floats) -> None:
        """Append a part."""
        self.time_ms.append(time_ms)
        self.values.append(values)
        self.size += len(time_ms)

    def joined(self) -> tuple[Times, Floats]:
        """Return everything as one part."""
        if not self.time_ms:
            return np.empty(0, np.int64), np.empty(0)
        if len(self.time_ms) > 1:
            self.time_ms, self.values = [np.concatenate(self.time_ms)], [np.concatenate(self.values)]
        return self.time_ms[0], self.values[0]

    def clear(self) -> None:
        """Free the samples; the line is not asked again."""
        self.time_ms, self.values, self.size = [], [], 0

    def reduce(self, question: Question) -> None:
        """Keep only what the pixel columns need."""
        if question.columns is not None:
            grid = question.grid or (question.from_ms, question.to_ms, question.columns)
            time_ms, values = m4(*self.joined(), *grid)
            self.time_ms, self.values, self.size = [time_ms], [values], len(time_ms)


@dataclass(slots=True)
class _Progress(Generic[G]):
    """One series so far. `tail`: its newest raw rows, from which the next ones' rates are computed."""

    series: Series
    tail: Samples
    lines: tuple[G, ...]


@dataclass(frozen=True, slots=True)
class AnsweredSeries(Generic[G]):
    """The answer for one series: a line for each metric, in the question's order."""

    series: Series
    lines: tuple[G, ...]


class Query(Generic[G]):
    """One question on its way to its answer; not for use by two threads at once."""

    def __init__(
        self,
        question: Question,
        files: DataFiles,
        journals: Journals,
        skipped: SkippedFiles,
        gather: Callable[[], G],
    ) -> None:
        """`gather`: makes what the values of a metric of a series are added to."""
        self._gather = gather
        self.question = question
        self.skipped_files = 0
        self.is_cut = False
        self.found_prefixes: dict[str, str] = {}
        self._files, self._journals, self._skipped = files, journals, skipped
        self._keys = set(question.keys)
        self._read_from_ms = question.from_ms - question.lead_ms
        self._waiting: deque[DataFile] = deque()
        self._listings, self._reached_ms = 0, -1
        self._progress: dict[str, _Progress[G]] = {}

    @property
    def complete_from_ms(self) -> int:
        """From when on the answer is complete: always from where it was asked."""
        return self.question.from_ms

    @property
    def most_samples(self) -> int:
        """How many samples it may have in memory, as far as is known by now."""
        question = self.question
        return (len(self._keys) + len(question.prefixes)) * len(question.metrics) * question.line_samples

    def step(self) -> bool:
        """Read the next files; return whether there are more.

        Files that may have ticks between those of others (two writers in one window) are read together with these.
        """
        if not self._waiting:
            self._list()
        ticks_ms = [self.question.tick_ms]
        by_key: dict[str, list[Chunk]] = {}
        read, values, last_ms = 0, 0, -1
        while self._waiting and (
            (read < FILES_PER_STEP and values < VALUES_PER_STEP) or self._waiting[0].start_ms <= last_ms
        ):
            chunks, tick_ms = self._read(self._waiting.popleft())
            read += 1
            ticks_ms.append(tick_ms)
            for chunk in chunks:
                by_key.setdefault(chunk.series.key, []).append(chunk)
                values += len(chunk.time_ms) * (2 + len(chunk.values))
                last_ms = max(last_ms, int(chunk.time_ms[-1]))
        for key, chunks in by_key.items():
            self._absorb(key, chunks, max(ticks_ms))
        if not self._waiting:
            self._list()
        return bool(self._waiting)

    def answer(self) -> list[AnsweredSeries[G]]:
        """Return what was found, when there are no more steps; in the order in which the series were met."""
        for progress in self._progress.values():
            for line in progress.lines:
                line.reduce(self.question)
        return [
            AnsweredSeries(p.series, p.lines) for p in self._progress.values() if any(line.size for line in p.lines)
        ]

    def _list(self) -> None:
        """List the files to read; when they are read, those that came since: the window that is recorded now."""
        if self._listings < LISTINGS:
            self._listings += 1
            listed = self._files.between(self._read_from_ms, self.question.to_ms)
            self._waiting.extend(file for file in listed if file.start_ms > self._reached_ms)
            self._reached_ms = max((file.start_ms for file in listed), default=self._reached_ms)

    def _read(self, file: DataFile) -> tuple[list[Chunk], int]:
        """Return the rows of a file and its sampling interval; none where it cannot be read."""
        try:
            if file.kind == "journal":
                return self._read_journal(file)
            window = self._files.window(file)
            try:
                chunks = self._read_window(window)
            finally:
                window.close()
        except (BadFileError, OSError) as error:
            if file.kind == "journal" and isinstance(error, FileNotFoundError):
                # The window was closed since it was listed: its Parquet file was there before the journal went.
                return self._read(replace(file, kind="metrics", name=layout.metrics_name(file.start_ms)))
            self._skipped.note(file.path, reason_of(error))
            self.skipped_files += 1
            return [], self.question.tick_ms
        self._skipped.forget(file.path)
        return chunks, window.header.interval_ms

    def _read_journal(self, file: DataFile) -> tuple[list[Chunk], int]:
        facts = self._journals.facts(file)
        if facts is None or facts.last_ms < self._read_from_ms or facts.first_ms >= self.question.to_ms:
            return [], self.question.tick_ms
        if self._is_foreign(facts.header):
            return [], self.question.tick_ms
        chunks = self._journals.chunks(file, self.question.recorded, self._wanted(facts.series))
        return chunks, facts.header.interval_ms

    def _read_window(self, window: WindowFile) -> list[Chunk]:
        if window.block.last_ms < self._read_from_ms or window.block.first_ms >= self.question.to_ms:
            return []
        if self._is_foreign(window.header):
            return []
        if self.question.scopes or self.question.prefixes:
            keys = self._wanted(window.series)
        else:
            keys = self._keys & window.block.by_key.keys()
        return window.chunks(self.question.recorded, keys) if keys else []

    def _is_foreign(self, header: FileHeader) -> bool:
        is_foreign = None not in (header.node_name, self.question.node_name)
        is_foreign = is_foreign and header.node_name != self.question.node_name
        self.skipped_files += is_foreign
        return is_foreign

    def _wanted(self, there: Iterable[Series]) -> set[str]:
        """Return the keys of the series that are asked for; those that the question adopts become so."""
        keys, may_adopt = self._keys, bool(self.question.scopes or self.question.prefixes)
        return {series.key for series in there if series.key in keys or (may_adopt and self._adopts(series))}

    def _adopts(self, series: Series) -> bool:
        question, key = self.question, series.key
        prefix = next((p for p in question.prefixes if (series.container_id or "").startswith(p)), None)
        if prefix is None and series.scope not in question.scopes:
            return False
        if len(self._keys) >= self.question.most_series:
            self.is_cut = True
            return False
        if prefix is not None:
            self.found_prefixes.setdefault(prefix, key)
        self._keys.add(key)
        return True

    def _absorb(self, key: str, chunks: list[Chunk], tick_ms: int) -> None:
        question = self.question
        fresh = _joined(chunks, question.recorded, tick_ms)
        progress = self._progress.get(key)
        if progress is None:
            lines = tuple(self._gather() for _ in question.metrics)
            progress = self._progress[key] = _Progress(chunks[-1].series, _rows(fresh, slice(0, 0)), lines)
        progress.series = chunks[-1].series
        after_ms = progress.tail.time_ms[-1] + 1 if len(progress.tail.time_ms) else self._read_from_ms
        first, end = np.searchsorted(fresh.time_ms, [max(after_ms, self._read_from_ms), question.to_ms])
        if first >= end:
            return
        samples = _appended(progress.tail, _rows(fresh, slice(first, end)), tick_ms)
        shown_from = max(len(progress.tail.time_ms), int(np.searchsorted(samples.time_ms, question.from_ms)))
        shown_ms = samples.time_ms[shown_from:]
        for metric, line in zip(question.metrics, progress.lines, strict=True):
            line.add(shown_ms, metric.compute(samples)[shown_from:])
            if question.columns is not None and line.size > MOST_PER_COLUMN * question.columns:
                line.reduce(question)
        tail_from = int(np.searchsorted(samples.time_ms, samples.time_ms[-1] - question.lead_ms))
        progress.tail = _rows(samples, slice(tail_from, None), copy=True)


def _joined(chunks: list[Chunk], columns: tuple[str, ...], tick_ms: int) -> Samples:
    """Return the rows of one series from several files, each tick once, from the first that has it."""
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


def _rows(samples: Samples, places: slice | Times, *, copy: bool = False) -> Samples:
    """Return some rows; a copy where the arrays behind them should not be kept alive."""

    def of(array: Floats) -> Floats:
        return array[places].copy() if copy else array[places]

    values = {name: of(column) for name, column in samples.values.items()}
    return Samples(samples.time_ms[places].copy(), of(samples.late_ms), values, samples.tick_ms)


def _appended(first: Samples, then: Samples, tick_ms: int) -> Samples:
    return Samples(
        np.concatenate([first.time_ms, then.time_ms]),
        np.concatenate([first.late_ms, then.late_ms]),
        {name: np.concatenate([first.values[name], column]) for name, column in then.values.items()},
        tick_ms,
    )
