"""Compares two time ranges, of one source or of two: all metrics of all series. Reads one file at a time."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.derived import DEPTHS, ShownMetric
from fgm.metrics.shown import SHOWN
from fgm.store.samples.series import Series
from fgm.viewer.query.analysis.joined_rows import ComputedMetrics, JoinedRows
from fgm.viewer.query.comparing.change_ranking import ChangedSeries, ranked
from fgm.viewer.query.comparing.change_sums import BEFORE, DURING, Sums
from fgm.viewer.query.comparing.compared_side import SPARE_SERIES, Side, SideReader, leaves_of, workload_key

MAX_SERIES = 500
"""Maximum number of compared series."""
STEP_S = 0.005
"""Time after which no more work is begun in a step. A piece of work takes about as long."""

KeyOf = Callable[[int, Series], str | None]
"""A function that gets the number of a side and a series, and returns the key that all series of a row share.

None: the series is not compared.
"""


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """The result of a comparison.

    `changed`: the series that changed most, largest change first. `series`: all compared series; `ChangedSeries.row` is
    an index. `metrics`: number of compared metrics. `has_before`, `has_during`: whether there are samples in the first
    and in the second range; without the first, nothing is compared. `is_cut`: whether some series were left out.
    `depths`: by row and column of a depth of a limit, its last value. `rows`: the row of each key. `members`: of each
    side, by row, the keys of its workloads. `ticks`: of each row, the number of its samples in both ranges.
    """

    changed: tuple[ChangedSeries, ...]
    series: tuple[Series, ...]
    metrics: int
    has_before: bool
    has_during: bool
    is_cut: bool
    skipped_files: int
    depths: Mapping[tuple[int, str], int] = field(default_factory=dict)
    rows: Mapping[str, int] = field(default_factory=dict)
    members: tuple[Mapping[int, set[str]], ...] = ()
    ticks: Sequence[tuple[int, int]] = ()


class Comparison:
    """One comparison. Not thread-safe.

    `sums`: of all values that were read so far, by row (as `ComparisonResult.series`) and index in `metrics`.
    """

    def __init__(
        self,
        sides: Sequence[Side],
        monotonic: Callable[[], float],
        *,
        key_of: KeyOf = lambda _, series: workload_key(series),
        is_symmetric: bool = False,
    ) -> None:
        """Prepare the comparison.

        `sides`: the last one is in question. `monotonic`: returns the time in seconds since some instant.
        `is_symmetric`: whether the score must be the same when the two ranges change places.
        """
        self._key_of, self._is_symmetric = key_of, is_symmetric
        self.metrics: list[ShownMetric] = [
            m
            for m in SHOWN.values()
            if m.name not in DEPTHS and any(m.has_values(side.holdings.metrics) for side in sides)
        ]
        self._number_of = {metric.name: number for number, metric in enumerate(self.metrics)}
        self._depths: dict[tuple[int, str], int] = {}
        self._is_cut = False
        self._rows: dict[str, int] = {}
        self._series: list[Series] = []
        # If there are too many series, those that are only in the first range are left out.
        last_first = [
            key_of(number, each) for number, of_side in [*enumerate(leaves_of(sides))][::-1] for each in of_side
        ]
        workloads = list(dict.fromkeys(key for key in last_first if key is not None))
        self._left_out = frozenset(workloads[MAX_SERIES:])
        self._room = min(MAX_SERIES, len(workloads) + SPARE_SERIES)
        self.sums = Sums.empty(self._room, len(self.metrics))
        listed = [each.series for side in sides for each in side.listed()]
        self._readers = [SideReader(side, self.metrics, listed) for side in sides]
        self._monotonic = monotonic
        self._pieces = self._read()

    @property
    def max_samples(self) -> int:
        """Upper limit of the memory of this query in samples: sums of each metric, series and range, and last rows."""
        last_rows = sum(len(reader.row_of) for reader in self._readers)
        return (5 * 2 * self._room + last_rows) * len(self.metrics)

    @property
    def progress(self) -> float:
        """The share of files that have been read, from 0 to 1."""
        read, files = (sum(getattr(reader, name) for reader in self._readers) for name in ("read_files", "files"))
        return float(read / max(1, files))

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
        has_before, has_during = (bool(self.sums.count[:, :, each].any()) for each in (BEFORE, DURING))
        sums = self.sums.first(count)
        changed = ranked(sums, self.metrics, limit, is_symmetric=self._is_symmetric) if has_before else []
        return ComparisonResult(
            changed=tuple(changed),
            series=tuple(self._series),
            metrics=len(self.metrics),
            has_before=has_before,
            has_during=has_during,
            is_cut=self._is_cut,
            skipped_files=sum(reader.skipped_files for reader in self._readers),
            depths=self._depths,
            rows=self._rows,
            members=tuple(reader.members for reader in self._readers),
            ticks=[(int(before), int(during)) for before, during in sums.count.max(axis=1, initial=0.0)],
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
        for reader in self._readers:
            reader.drop()

    def _read(self) -> Generator[bool]:
        for number, reader in enumerate(self._readers):
            for computed in reader.read(partial(self._row, number)):
                if computed is not None:
                    self._add(reader, computed)
                yield True

    def _add(self, reader: SideReader, computed: ComputedMetrics) -> None:
        """Add the values of some metrics to the sums."""
        rows = computed.rows
        is_within = rows.time_ms >= reader.side.from_ms
        kept = rows.places[is_within]
        if not len(kept):
            return
        # A segment has successive rows of one row of the sums and one range.
        segment_of = 2 * reader.row_of[rows.series[is_within]] + (rows.time_ms[is_within] >= reader.side.split_ms)
        starts = np.flatnonzero(np.diff(segment_of, prepend=-1))
        segments = np.divmod(segment_of[starts], 2)
        for metric in computed.metrics:
            self.sums.add(segments, self._number_of[metric.name], starts, metric.compute(computed.samples).take(kept))
        for name in DEPTHS.intersection(computed.samples.values):
            self._note_depths(reader, name, rows, computed.samples.value(name))

    def _note_depths(self, reader: SideReader, name: str, rows: JoinedRows, depths: NDArray[np.float64]) -> None:
        """Keep the last depth of a limit of each series."""
        values = depths[rows.places]
        known = np.flatnonzero(~np.isnan(values))
        last = np.full(self._room, -1)
        last[reader.row_of[rows.series[known]]] = known  # of several values for one row of the sums, the last one
        for row in np.flatnonzero(last >= 0).tolist():
            self._depths[row, name] = int(values[last[row]])

    def _row(self, side: int, series: Series) -> int | None:
        """Return the row of a series in the sums, that of its workload; None if there is no room for it."""
        key = self._key_of(side, series)
        if key is None:
            return None
        row = self._rows.get(key)
        if key in self._left_out or (row is None and len(self._series) >= self._room):
            self._is_cut = True
            return None
        if row is None:
            row = self._rows[key] = len(self._series)
            self._series.append(series)
        self._series[row] = series
        return row
