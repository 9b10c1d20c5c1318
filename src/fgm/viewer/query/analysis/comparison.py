"""Compares two time ranges: the range in question, and the one before it. Reads one file at a time."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fgm.metrics.derived import DEPTHS, ShownMetric
from fgm.metrics.formula_input import Samples
from fgm.metrics.shown import SHOWN
from fgm.store.directory import layout
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.leaves import leaf_keys
from fgm.store.samples.series import Series, workload_of
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.files.reader import FileRows, Reader, Sources
from fgm.viewer.query.analysis.change_ranking import ChangedSeries, ranked
from fgm.viewer.query.analysis.change_sums import BEFORE, DURING, Sums

MAX_SERIES = 500
"""Maximum number of compared series."""
COLUMNS_PER_GROUP = 24
"""Maximum number of columns of a file in memory at once."""
STEP_S = 0.005
"""Time after which no more work is begun in a step. A piece of work takes about as long."""
SPARE_SERIES = 32
"""Number of series that may be added to those of the register while files are read."""


@dataclass(frozen=True, slots=True)
class ComparedRanges:
    """The range in question, [from_ms, to_ms), and the one before it, [before_ms, from_ms)."""

    before_ms: int
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """The result of a comparison.

    `changed`: the series that changed most, largest change first. `series`: all compared series; `ChangedSeries.row` is
    an index. `metrics`: number of compared metrics. `has_before`: whether there are samples before the range in
    question; if not, nothing is compared. `is_cut`: whether some series were left out. `depths`: by row and column of a
    depth of a limit, its last value.
    """

    changed: tuple[ChangedSeries, ...]
    series: tuple[Series, ...]
    metrics: int
    has_before: bool
    is_cut: bool
    skipped_files: int
    depths: Mapping[tuple[int, str], int] = field(default_factory=dict)


class Comparison:
    """One comparison. Not thread-safe."""

    def __init__(
        self, holdings: Holdings, ranges: ComparedRanges, sources: Sources, monotonic: Callable[[], float]
    ) -> None:
        """`monotonic`: returns the time in seconds since some instant."""
        self.ranges = ranges
        self._tick_ms = holdings.tick_ms
        self._reader = Reader(sources, holdings.node_name)
        self._metrics: list[ShownMetric] = [
            m for m in SHOWN.values() if m.has_values(holdings.metrics) and m.name not in DEPTHS
        ]
        lead_ms = 3 * holdings.tick_ms
        self._within = (ranges.before_ms - lead_ms, ranges.to_ms)
        files = sources.files.between(*self._within, layout.reach_ms(holdings.rotation_ms))
        # The range in question is read first: if there are too many series, those of the range before are left out.
        self._waiting = deque(sorted(files, key=lambda file: file.start_ms < ranges.from_ms))
        self._file_count = len(self._waiting)
        self._groups = _groups(self._metrics)
        self._columns = [tuple(dict.fromkeys(c for _, metric in g for c in metric.needs)) for g in self._groups]
        self._tails: dict[tuple[int, str], Chunk] = {}
        self._depths: dict[tuple[int, str], int] = {}
        self._is_cut = False
        self._rows: dict[str, int] = {}
        self._series: list[Series] = []
        self._snapshot = snapshot = holdings.series
        listed = [each for each in snapshot.by_id.values() if snapshot.is_within(each, ranges.before_ms, ranges.to_ms)]
        self._listed = [each.series for each in listed]
        self._room = min(MAX_SERIES, len(listed) + SPARE_SERIES)
        self._sums = Sums.empty(self._room, len(self._metrics))
        self._monotonic = monotonic
        self._pieces = self._read()

    @property
    def max_samples(self) -> int:
        """Upper limit of the memory of this query in samples: five sums for each metric, series and range."""
        return 5 * 2 * self._room * len(self._metrics)

    @property
    def progress(self) -> float:
        """The share of files that have been read, from 0 to 1."""
        return 1 - len(self._waiting) / max(1, self._file_count)

    def step(self) -> bool:
        """Read the next file or part of it; return whether there may be more. May block."""
        until_s = self._monotonic() + STEP_S
        while next(self._pieces, None) is not None:
            if self._monotonic() >= until_s:
                return True
        return False

    def result(self, limit: int) -> ComparisonResult:
        """Return the result with at most `limit` changed series. All steps must be done."""
        count = len(self._series)
        has_before = bool(self._sums.count[:, :, BEFORE].any())
        changed = ranked(self._sums.first(count), self._metrics, limit) if has_before else []
        return ComparisonResult(
            changed=tuple(changed),
            series=tuple(self._series),
            metrics=len(self._metrics),
            has_before=has_before,
            is_cut=self._is_cut,
            skipped_files=self._reader.skipped_files,
            depths=self._depths,
        )

    def drop(self) -> None:
        """Free the memory of the sums. Neither `step` nor `result` may be called afterwards."""
        self._pieces.close()
        self._sums = Sums.empty(0, 0)
        self._tails = {}

    def _read(self) -> Generator[bool]:
        while self._waiting:
            file = self._waiting[0]
            for rows in self._reader.read_in_groups(file, self._columns, self._leaves, self._within):
                self._add(rows.group, rows)
                yield True
            self._waiting.popleft()
            yield True

    def _leaves(self, series: Iterable[Series]) -> set[str]:
        """Return the keys of the series of a file that are leaves among all series of both ranges.

        The decision must be the same for all files: a pod whose container is in one, but not in the next, would seem
        to be new there. `series`: also those that are not registered yet count.
        """
        of_file = {each.key: each for each in series}
        unregistered = [each for key, each in of_file.items() if self._snapshot.find(key) is None]
        return leaf_keys((*self._listed, *unregistered)) & of_file.keys()

    def _add(self, group: int, rows: FileRows) -> None:
        """Add the rows of one file and one group of metrics to the sums."""
        chunks = [self._with_tail(group, chunk) for chunk in rows.chunks]
        chunks = [chunk for chunk in chunks if self._row(chunk.series) is not None]
        if not chunks:
            return
        for chunk in chunks:
            self._note_depths(chunk)
        time_ms = np.concatenate([chunk.time_ms for chunk in chunks])
        late_ms = np.concatenate([chunk.late_ms for chunk in chunks])
        columns = {name: np.concatenate([chunk.values[name] for chunk in chunks]) for name in chunks[0].values}
        samples = Samples(time_ms, late_ms, columns, rows.interval_ms or self._tick_ms)
        is_outside = (time_ms < self.ranges.before_ms) | (time_ms >= self.ranges.to_ms)
        # The first row of each series is only needed to compute the rate at the next one.
        is_outside[np.cumsum([0, *(len(chunk.time_ms) for chunk in chunks[:-1])])] = True
        starts, segments = self._segments(chunks)
        for number, metric in self._groups[group]:
            self._sums.add(segments, number, starts, np.where(is_outside, np.nan, metric.compute(samples)))

    def _note_depths(self, chunk: Chunk) -> None:
        """Keep the last depth of each limit; the files of the range in question are read first, in order of time."""
        row = self._rows[workload_key(chunk.series)]
        for name in DEPTHS.intersection(chunk.values):
            known = chunk.values[name][~np.isnan(chunk.values[name])]
            if len(known) and (chunk.time_ms[-1] >= self.ranges.from_ms or (row, name) not in self._depths):
                self._depths[row, name] = int(known[-1])

    def _with_tail(self, group: int, chunk: Chunk) -> Chunk:
        """Return a chunk with the last row of the series in the file before in front of it, for the first rate."""
        key = (group, chunk.series.key)
        tail = self._tails.get(key)
        last = {name: column[-1:].copy() for name, column in chunk.values.items()}
        self._tails[key] = Chunk(chunk.series, chunk.time_ms[-1:].copy(), chunk.late_ms[-1:].copy(), last)
        if tail is None or tail.time_ms[0] >= chunk.time_ms[0]:
            return chunk
        values = {name: np.concatenate([tail.values[name], column]) for name, column in chunk.values.items()}
        time_ms = np.concatenate([tail.time_ms, chunk.time_ms])
        return Chunk(chunk.series, time_ms, np.concatenate([tail.late_ms, chunk.late_ms]), values)

    def _segments(self, chunks: list[Chunk]) -> tuple[Any, list[tuple[int, int]]]:
        """Divide joined chunks into segments, one per series and range; return the start and (row, range) of each."""
        starts, segments, first = [], [], 0
        for chunk in chunks:
            row = self._rows[workload_key(chunk.series)]
            split = int(np.searchsorted(chunk.time_ms, self.ranges.from_ms))
            for range_index, begin, end in ((BEFORE, 0, split), (DURING, split, len(chunk.time_ms))):
                if end > begin:
                    starts.append(first + begin)
                    segments.append((row, range_index))
            first += len(chunk.time_ms)
        return np.array(starts), segments

    def _row(self, series: Series) -> int | None:
        """Return the row in the sums of the workload of a series; None if there is no room for it."""
        key = workload_key(series)
        row = self._rows.get(key)
        if row is None:
            if len(self._series) >= self._room:
                self._is_cut = True
                return None
            row = self._rows[key] = len(self._series)
            self._series.append(series)
        self._series[row] = series
        return row


def _groups(metrics: list[ShownMetric]) -> list[list[tuple[int, ShownMetric]]]:
    """Divide the metrics, each with its index, into groups that need at most `COLUMNS_PER_GROUP` columns."""
    groups: list[list[tuple[int, ShownMetric]]] = [[]]
    columns: set[str] = set()
    for number, metric in enumerate(metrics):
        columns.update(metric.needs)
        if len(columns) > COLUMNS_PER_GROUP:
            groups.append([])
            columns = set(metric.needs)
        groups[-1].append((number, metric))
    return groups


def workload_key(series: Series) -> str:
    """Return the key that successive containers of one workload share; the key of the series if it has no names."""
    workload = workload_of(series)
    return series.key if workload is None else "/".join(workload)
