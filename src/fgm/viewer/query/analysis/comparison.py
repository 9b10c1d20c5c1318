"""Compares two time ranges: the range in question, and the one before it. Reads one file at a time."""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.derived import DEPTHS, ShownMetric
from fgm.metrics.shown import SHOWN
from fgm.store.directory import layout
from fgm.store.errors import BadFileError
from fgm.store.samples.leaves import leaf_keys
from fgm.store.samples.series import Series, workload_of
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.files.reader import Reader, Sources
from fgm.viewer.query.analysis.change_ranking import ChangedSeries, ranked
from fgm.viewer.query.analysis.change_sums import BEFORE, Sums
from fgm.viewer.query.analysis.joined_rows import LEAD_TICKS, ComputedMetrics, JoinedRows, MetricReader

MAX_SERIES = 500
"""Maximum number of compared series."""
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
    """One comparison. Not thread-safe.

    `sums`: of all values that were read so far, by row (as `ComparisonResult.series`) and index in `metrics`.
    """

    def __init__(
        self, holdings: Holdings, ranges: ComparedRanges, sources: Sources, monotonic: Callable[[], float]
    ) -> None:
        """`monotonic`: returns the time in seconds since some instant."""
        self.ranges = ranges
        self._reader = Reader(sources, holdings.node_name)
        self.metrics: list[ShownMetric] = [
            m for m in SHOWN.values() if m.has_values(holdings.metrics) and m.name not in DEPTHS
        ]
        self._number_of = {metric.name: number for number, metric in enumerate(self.metrics)}
        self._within = (ranges.before_ms - LEAD_TICKS * holdings.tick_ms, ranges.to_ms)
        self._files = sources.files.between(*self._within, layout.reach_ms(holdings.rotation_ms))
        self._read_files = 0
        self._depths: dict[tuple[int, str], int] = {}
        self._is_cut = False
        self._rows: dict[str, int] = {}
        self._series: list[Series] = []
        self._snapshot = snapshot = holdings.series
        listed = [each for each in snapshot.by_id.values() if snapshot.is_within(each, ranges.before_ms, ranges.to_ms)]
        self._listed = [each.series for each in listed]
        # If there are too many series, those of the range before are left out.
        listed.sort(key=lambda each: not snapshot.is_within(each, ranges.from_ms, ranges.to_ms))
        leaves = leaf_keys(self._listed)
        workloads = list(dict.fromkeys(workload_key(each.series) for each in listed if each.series.key in leaves))
        self._left_out = frozenset(workloads[MAX_SERIES:])
        self._room = min(MAX_SERIES, len(workloads) + SPARE_SERIES)
        self.sums = Sums.empty(self._room, len(self.metrics))
        self._row_of = np.zeros(len(leaves) + SPARE_SERIES, np.intp)
        self._index_of: dict[str, int] = {}
        self._metric_reader = MetricReader(self._reader, self.metrics, self._within, len(self._row_of))
        self._monotonic = monotonic
        self._pieces = self._read()

    @property
    def max_samples(self) -> int:
        """Upper limit of the memory of this query in samples: sums of each metric, series and range, and last rows."""
        return (5 * 2 * self._room + len(self._row_of)) * len(self.metrics)

    @property
    def progress(self) -> float:
        """The share of files that have been read, from 0 to 1."""
        return self._read_files / max(1, len(self._files))

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
        has_before = bool(self.sums.count[:, :, BEFORE].any())
        changed = ranked(self.sums.first(count), self.metrics, limit) if has_before else []
        return ComparisonResult(
            changed=tuple(changed),
            series=tuple(self._series),
            metrics=len(self.metrics),
            has_before=has_before,
            is_cut=self._is_cut,
            skipped_files=self._reader.skipped_files,
            depths=self._depths,
        )

    def drop(self) -> None:
        """Free the memory of the sums. Neither `step` nor `result` may be called afterwards.

        If the request was canceled, a step may still run in its thread. The memory is freed when it ends.
        """
        try:
            self._pieces.close()
        except ValueError:  # the generator is being executed, and adds to the sums
            return
        self.sums = Sums.empty(0, 0)
        self._metric_reader = MetricReader(self._reader, (), self._within, 0)

    def _read(self) -> Generator[bool]:
        for file in self._files:
            with self._reader.opening(self._chosen, self._within) as open_file:
                opened = open_file(file)
                if opened is not None:
                    try:
                        for computed in self._metric_reader.read(opened, self._index_of):
                            self._add(computed)
                            yield True
                    except (BadFileError, OSError) as error:
                        self._reader.note(opened, error)
            self._read_files += 1
            yield True

    def _chosen(self, series: Iterable[Series]) -> set[str]:
        """Return the keys of the series of a file that are leaves among all series of both ranges, and have room.

        The decision must be the same for all files: a pod whose container is in one, but not in the next, would seem
        to be new there. `series`: also those that are not registered yet count.
        """
        of_file = {each.key: each for each in series}
        unregistered = [each for key, each in of_file.items() if self._snapshot.find(key) is None]
        leaves = leaf_keys((*self._listed, *unregistered))
        return {key for key, each in of_file.items() if key in leaves and self._has_room(each)}

    def _add(self, computed: ComputedMetrics) -> None:
        """Add the values of some metrics to the sums."""
        rows = computed.rows
        is_within = rows.time_ms >= self.ranges.before_ms
        kept = rows.places[is_within]
        if not len(kept):
            return
        # A segment has successive rows of one row of the sums and one range.
        segment_of = 2 * self._row_of[rows.series[is_within]] + (rows.time_ms[is_within] >= self.ranges.from_ms)
        starts = np.flatnonzero(np.diff(segment_of, prepend=-1))
        segments = np.divmod(segment_of[starts], 2)
        for metric in computed.metrics:
            self.sums.add(segments, self._number_of[metric.name], starts, metric.compute(computed.samples)[kept])
        for name in DEPTHS.intersection(computed.samples.values):
            self._note_depths(name, rows, computed.samples.value(name))

    def _note_depths(self, name: str, rows: JoinedRows, depths: NDArray[np.float64]) -> None:
        """Keep the last depth of a limit of each series."""
        known = np.flatnonzero(~np.isnan(depths[rows.places]))
        # Of several values for one row of the sums, the last one is kept.
        last = dict(zip(self._row_of[rows.series[known]].tolist(), known.tolist(), strict=True))
        self._depths.update({(row, name): int(depths[rows.places[at]]) for row, at in last.items()})

    def _has_room(self, series: Series) -> bool:
        """Return whether a series has a row in the sums, that of its workload; give it one if there is room."""
        key = workload_key(series)
        row = self._rows.get(key)
        is_new = series.key not in self._index_of
        if (
            key in self._left_out
            or (row is None and len(self._series) >= self._room)
            or (is_new and len(self._index_of) >= len(self._row_of))
        ):
            self._is_cut = True
            return False
        if row is None:
            row = self._rows[key] = len(self._series)
            self._series.append(series)
        self._series[row] = series
        if is_new:
            self._row_of[len(self._index_of)] = row
            self._index_of[series.key] = len(self._index_of)
        return True


def workload_key(series: Series) -> str:
    """Return the key that successive containers of one workload share; the key of the series if it has no names."""
    workload = workload_of(series)
    return series.key if workload is None else "/".join(workload)
