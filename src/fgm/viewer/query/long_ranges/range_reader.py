"""Reads the values for one question, oldest first: long ranges from minutes, everything else from samples.

If a file of minutes cannot be read, the samples of its time are read instead, as long as they exist.
"""

from collections import deque
from collections.abc import Collection, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from fgm.store.directory.layout import HOUR_MS, day_start, reach_ms
from fgm.store.errors import BadFileError
from fgm.store.minutes.minute_rows import MINUTE_MS
from fgm.store.minutes.minutes_file import MinutesChunk, MinutesFile
from fgm.store.samples.series import Series
from fgm.viewer.files.listing.data_file import DataFile
from fgm.viewer.files.minute_files import MinuteFile, identifier_of
from fgm.viewer.files.reader import Sources
from fgm.viewer.files.skipped_files import reason_of
from fgm.viewer.query.long_ranges.names import ListedDay, days_between, plan_of
from fgm.viewer.query.long_ranges.planning import Segment
from fgm.viewer.query.long_ranges.points import only, scaled
from fgm.viewer.query.question import ChosenSeries, Question
from fgm.viewer.query.value_reader import SeriesValues, ValueReader


@dataclass(frozen=True, slots=True)
class SeriesMinutes:
    """The minutes of one metric of one series. `metric`: index of the metric in the question."""

    key: str
    metric: int
    minutes: MinutesChunk


class _Task(NamedTuple):
    """A segment to read. `metrics`: indices of the metrics. `without`: identifiers whose samples are not read."""

    segment: Segment
    metrics: tuple[int, ...]
    without: frozenset[str] = frozenset()


class _OpenFile(NamedTuple):
    """A file of minutes. `without`: starts of the hours that are not read from it."""

    file: MinuteFile
    opened: MinutesFile
    without: frozenset[int]


class RangeReader:
    """Reads the values for one question, segment by segment. It is used like `ValueReader`. Not thread-safe."""

    def __init__(self, question: Question, sources: Sources, columns: Collection[str]) -> None:
        """`columns`: names of the columns of minutes to read; the values of the others are not to be used."""
        self.question = question
        self._columns = columns
        self.chosen = ChosenSeries(question)
        self.has_minutes = False
        """Whether values were read from minutes."""
        self._sources = sources
        self._skipped_files = 0
        self._without: set[str] = set()
        self._days: dict[tuple[int, str], ListedDay] = {}
        self._series: dict[str, Series] = {}
        self._values: ValueReader | None = None
        self._metrics = tuple(range(len(question.metrics)))
        self._read_metrics = self._metrics
        self._tasks: deque[_Task] | None = None

    @property
    def skipped_files(self) -> int:
        """Number of files that could not be read."""
        return self._skipped_files + (0 if self._values is None else self._values.skipped_files)

    @property
    def has_more(self) -> bool:
        """Whether there is more to read. It is valid only after the first step."""
        return self._values is not None or self._tasks is None or bool(self._tasks)

    @property
    def series(self) -> Iterator[tuple[str, Series]]:
        """The key and the newest names of each series, in the order first seen."""
        return iter(self._series.items())

    def step(self) -> Iterator[SeriesValues | SeriesMinutes]:
        """Read the next files, and yield the values in them. Consume it before the next step. May block.

        Values of one series may be out of order only if several identifiers have recorded the same time, or if a window
        has reached into the next hour. A minute may be yielded in several parts then.
        """
        if self._tasks is None:
            self._tasks = deque(self._plan(self.question.from_ms, self.question.to_ms, self._metrics))
        if self._values is None:
            task = self._tasks.popleft()
            if task.segment.minutes:
                self._tasks.extendleft(reversed((yield from self._read_minutes(task))))
                return
            self._begin_samples(task)
        yield from self._read_samples()

    def _plan(self, from_ms: int, to_ms: int, metrics: tuple[int, ...]) -> list[_Task]:
        days = days_between(self._sources, from_ms, to_ms, self._without)
        self._days |= {(day.names.midnight_ms, day.names.identifier): day for day in days}
        segments = plan_of(replace(self.question, from_ms=from_ms, to_ms=to_ms), days)
        return [_Task(segment, metrics) for segment in segments]

    # Samples ------------------------------------------------------------------------------------------------------

    def _begin_samples(self, task: _Task) -> None:
        self._read_metrics = task.metrics
        metrics = tuple(self.question.metrics[i] for i in task.metrics)
        from_ms, to_ms = task.segment[:2]
        question = replace(self.question, from_ms=from_ms, to_ms=to_ms, metrics=metrics)

        def is_read(file: DataFile) -> bool:
            return identifier_of(file.folder) not in task.without

        self._values = ValueReader(question, self._sources, self.chosen, is_read if task.without else None)

    def _read_samples(self) -> Iterator[SeriesValues]:
        values = self._values
        if values is None:
            return
        for part in values.step():
            yield part if self._read_metrics == self._metrics else self._with_all_metrics(part)
        if not values.has_more:
            self._series.update(values.series)
            self._skipped_files += values.skipped_files
            self._values = None

    def _with_all_metrics(self, part: SeriesValues) -> SeriesValues:
        """Return values with NaN for all metrics that were not read."""
        nothing = np.full(len(part.time_ms), np.nan)
        of_metric = dict(zip(self._read_metrics, part.values, strict=True))
        return SeriesValues(part.key, part.time_ms, tuple(of_metric.get(i, nothing) for i in self._metrics))

    # Minutes ------------------------------------------------------------------------------------------------------

    def _read_minutes(self, task: _Task) -> Generator[SeriesMinutes, None, list[_Task]]:
        """Yield the minutes of a segment. Return what is to be read next, because this segment lacks it."""
        segment = task.segment
        with ExitStack() as stack:
            files = self._open(segment, stack)
            if files is None:
                return self._plan(segment.from_ms, segment.to_ms, task.metrics)
            keys = {each.file.path: self._keys_in(each.opened) for each in files}
            failed: list[int] = []
            for metric in task.metrics:
                try:
                    parts = self._parts(metric, segment, files, keys)
                except (BadFileError, OSError):
                    failed.append(metric)
                    continue
                for minutes in parts:
                    self._series[minutes.series.key] = minutes.series
                    self.has_minutes = True
                    yield SeriesMinutes(minutes.series.key, metric, minutes)
        missing = self._plan(segment.from_ms, segment.to_ms, tuple(failed)) if failed else []
        metrics = tuple(metric for metric in task.metrics if metric not in failed)
        if segment.has_samples and metrics:
            of_others = Segment(segment.from_ms, segment.to_ms)
            missing.append(_Task(of_others, metrics, without=segment.minutes))
        return missing

    def _open(self, segment: Segment, stack: ExitStack) -> list[_OpenFile] | None:
        """Open the files of a segment. If one cannot be opened, ignore it from now on, and return None."""
        minutes = self._sources.minutes
        if minutes is None:
            return []
        files = []
        for identifier in sorted(segment.minutes):
            day = self._days[day_start(segment.from_ms), identifier]
            for file, without in day.files_of(segment.from_ms, segment.to_ms, reach_ms(self.question.rotation_ms)):
                try:
                    opened = minutes.open(file)
                except (BadFileError, OSError) as error:
                    if isinstance(error, FileNotFoundError):  # another file has replaced it, or its time is over
                        self._without.add(file.path)
                    else:
                        self._skip(file, error)
                    return None
                stack.callback(opened.close)
                if not self._is_foreign(opened):
                    files.append(_OpenFile(file, opened, without))
        return files

    def _keys_in(self, opened: MinutesFile) -> set[str]:
        """Return the keys of the series to read in a file. Its series are parsed only if some may be adopted."""
        return self.chosen.choose(opened.series) if self.chosen.may_grow else self.chosen.keys

    def _parts(
        self, metric: int, segment: Segment, files: list[_OpenFile], keys: dict[str, set[str]]
    ) -> list[MinutesChunk]:
        """Return the minutes of a metric in a segment, the oldest first.

        Raises: BadFileError or OSError if one of the files cannot be read.
        """
        parts = []
        shown = self.question.metrics[metric]
        name, factor = shown.scaled or (shown.name, 1.0)
        for file, opened, without in files:
            try:
                chunks = opened.read(name, keys[file.path], self._columns)
            except (BadFileError, OSError) as error:
                if file.path not in self._without:
                    self._skip(file, error)
                raise
            for chunk in chunks:
                time_ms = chunk.time_ms
                is_kept = (time_ms > segment.from_ms - MINUTE_MS) & (time_ms < segment.to_ms)
                if without:
                    is_kept &= ~np.isin(time_ms // HOUR_MS * HOUR_MS, list(without))
                if is_kept.any():
                    kept = chunk if is_kept.all() else only(chunk, is_kept)
                    parts.append(kept if factor == 1 else scaled(kept, factor, self._columns))
        return parts

    def _skip(self, file: MinuteFile, error: BadFileError | OSError) -> None:
        self._without.add(file.path)
        self._skipped_files += 1
        self._sources.skipped.note(file.path, reason_of(error))

    def _is_foreign(self, opened: MinutesFile) -> bool:
        node_name = self.question.node_name
        return None not in (opened.header.node_name, node_name) and opened.header.node_name != node_name
