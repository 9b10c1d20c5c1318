"""Computes metrics of many series at once: the rows of a file, one series after the other, joined column by column.

Each series has its last row of the file before in front, for the first rate. Counters are float64 until their rates are
computed: only that row is kept from file to file.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.derived import ShownMetric
from fgm.metrics.formula_input import Samples, interval_ms
from fgm.metrics.rates import Floats, Reads, Times, read_at_ms
from fgm.viewer.files.file_columns import FileColumns, read_columns
from fgm.viewer.files.hours.merged_rows import Range, groups_of
from fgm.viewer.files.reader import OpenFile, Reader

MAX_ROWS = 60_000
"""Maximum number of rows of a file that are read at once, unless one series has more."""
MAX_VALUES = 250_000
"""Maximum number of values that are read in one step, unless one metric needs more."""
LEAD_TICKS = 3
"""Number of ticks before a range that are read, too: the first rate is computed from one of them."""
_APART_MS = 1 << 32
"""Time that is added from series to series, so that no rate reaches from one to the next."""
N = TypeVar("N", np.int64, np.float64)


@dataclass(slots=True)
class Tails:
    """The last row of each series that was read, by the index of the series.

    `newest`: the last values of the columns in the file that is being read. They become tails when all groups of
    metrics have been read: two groups may need the same column.
    """

    series: int
    time_ms: Times = field(init=False)
    late_ms: Floats = field(init=False)
    columns: dict[str, Floats] = field(default_factory=dict)
    newest: dict[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin without rows."""
        self.time_ms = np.full(self.series, -1, np.int64)
        self.late_ms = np.zeros(self.series)

    def column(self, name: str) -> Floats:
        """Return the last values of a recorded column."""
        known = self.columns.get(name)
        if known is None:
            known = self.columns[name] = np.full(self.series, np.nan)
        return known


@dataclass(frozen=True, slots=True)
class _JoinedSamples(Samples):
    """Samples of several series. `reads`: returns the reads of an interval. `rates`: those that were computed."""

    reads: Callable[[int], Reads]
    rates: dict[str, Floats]

    def rate(self, column: str) -> Floats:
        """Return what `Samples.rate` does."""
        known = self.rates.get(column)
        if known is None:
            reads = self.reads(interval_ms(column, self.tick_ms))
            known = self.rates[column] = reads.rate(self.value(column))
        return known


@dataclass(frozen=True, slots=True)
class JoinedRows:
    """The rows of several series in one file, one series after the other, each behind its last row of the file before.

    `time_ms`, `series`: the tick and the index of the series of each row of the file. `places`: where it is among the
    joined rows. The last rows of the file before are at `starts`, those of the file at `ends`, by series; `index`: of
    each series. `fresh`: which rows of the file were not read before; None: all. `apart_ms`: the ticks of all joined
    rows, with a gap between two series. `late_ms`: of all joined rows. `count`: number of rows of each series in the
    file; None: not all have as many.
    """

    time_ms: Times
    series: NDArray[np.intp]
    places: NDArray[np.intp]
    index: NDArray[np.intp]
    starts: NDArray[np.intp]
    ends: NDArray[np.intp]
    fresh: NDArray[np.bool_] | None
    apart_ms: Times
    late_ms: Floats
    count: int | None
    _reads: dict[int, Reads] = field(default_factory=dict)

    def joined(self, before: Floats, read: Floats) -> Floats:
        """Return values of all joined rows. `before`: of the last rows before; `read`: of all rows of the file."""
        return _interleaved(
            before, read if self.fresh is None else read[self.fresh], self.starts, self.places, self.count
        )

    def reads(self, interval_ms: int) -> Reads:
        """Return when counters with an interval were read."""
        known = self._reads.get(interval_ms)
        if known is None:
            read_ms = read_at_ms(self.apart_ms, self.late_ms)
            known = self._reads[interval_ms] = Reads(self.apart_ms, read_ms, interval_ms)
        return known


class ComputedMetrics(NamedTuple):
    """Some metrics of joined rows. `samples`: what they are computed from."""

    rows: JoinedRows
    metrics: Sequence[ShownMetric]
    samples: Samples


class MetricReader:
    """Reads metrics from open files, which come in order of time. Not thread-safe."""

    def __init__(self, reader: Reader, metrics: Sequence[ShownMetric], within: Range, series: int) -> None:
        """`within`: only rows in this range are read. `series`: maximum number of series."""
        self._reader, self._metrics, self._within = reader, metrics, within
        self._tails = Tails(series)

    def read(self, opened: OpenFile, index_of: Mapping[str, int]) -> Iterator[ComputedMetrics]:
        """Yield all metrics of some series of a file, some series and a few columns at a time.

        `index_of`: the index of each series, by `Series.key`; others are not read.

        Raises: BadFileError or OSError.
        """
        keys = [key for key in opened.keys if key in index_of]
        for group in groups_of(keys, opened.rows, MAX_ROWS):
            read = read_columns(self._reader, opened, _columns(self._metrics), group, self._within)
            rows = self._joined(read, index_of)
            if rows is None:
                continue
            for metrics in _groups(self._metrics, len(rows.apart_ms)):
                values: dict[str, Floats] = {}
                for name in _columns(metrics):
                    column = rows.joined(self._tails.column(name)[rows.index], read.column(name))
                    values[name] = column
                    self._tails.newest[name] = column[rows.ends]
                samples = _JoinedSamples(rows.apart_ms, rows.late_ms, values, opened.interval_ms, rows.reads, {})
                yield ComputedMetrics(rows, metrics, samples)
            self._keep(rows)
        self._reader.forget_problems(opened)

    def _joined(self, read: FileColumns, index_of: Mapping[str, int]) -> JoinedRows | None:
        """Return the rows of a file that were not read before, series by series; None if there are none."""
        index = np.array([index_of[key] for key in read.keys], np.intp)
        tail_ms = self._tails.time_ms[index]
        lengths, time_ms = read.lengths, read.time_ms
        if not len(time_ms):
            return None
        fresh: NDArray[np.bool_] | None = None
        firsts = (np.cumsum(lengths) - lengths)[lengths > 0]
        if (time_ms[firsts] <= tail_ms[lengths > 0]).any():
            fresh = time_ms > np.repeat(tail_ms, lengths)
            lengths = np.bincount(np.repeat(np.arange(len(lengths)), lengths)[fresh], minlength=len(lengths))
            time_ms = time_ms[fresh]
        starts = np.cumsum(lengths + 1) - lengths - 1
        series = np.repeat(np.arange(len(lengths)), lengths)
        places = np.arange(len(time_ms)) + series + 1
        count = int(lengths[0]) if (lengths == lengths[0]).all() else None
        first_ms, ticks_ms = tail_ms + np.arange(len(starts)) * _APART_MS, time_ms + series * _APART_MS
        apart_ms = _interleaved(first_ms, ticks_ms, starts, places, count)
        late = read.late_ms() if fresh is None else read.late_ms()[fresh]
        late_ms = _interleaved(self._tails.late_ms[index], late, starts, places, count)
        return JoinedRows(
            time_ms, index[series], places, index, starts, starts + lengths, fresh, apart_ms, late_ms, count
        )

    def _keep(self, rows: JoinedRows) -> None:
        """Keep the last row of each series."""
        self._tails.time_ms[rows.index] = rows.apart_ms[rows.ends] - np.arange(len(rows.ends)) * _APART_MS
        self._tails.late_ms[rows.index] = rows.late_ms[rows.ends]
        for name, newest in self._tails.newest.items():
            self._tails.column(name)[rows.index] = newest
        self._tails.newest.clear()


def _interleaved(
    before: NDArray[N], read: NDArray[N], starts: NDArray[np.intp], places: NDArray[np.intp], count: int | None
) -> NDArray[N]:
    """Return rows of some series, each behind its row before. Other parameters: see `JoinedRows`."""
    values = np.empty(len(before) + len(read), read.dtype)
    if count is None:
        values[starts], values[places] = before, read
    else:  # the same, but faster
        of_series = values.reshape(len(before), 1 + count)
        of_series[:, 0], of_series[:, 1:] = before, read.reshape(len(before), count)
    return values


def _columns(metrics: Iterable[ShownMetric]) -> tuple[str, ...]:
    """Return the recorded columns that metrics need, each once."""
    return tuple(dict.fromkeys(column for metric in metrics for column in metric.needs))


def _groups(metrics: Sequence[ShownMetric], rows: int) -> Iterator[list[ShownMetric]]:
    """Divide metrics into groups whose columns have at most MAX_VALUES values together."""
    group: list[ShownMetric] = []
    columns: set[str] = set()
    for metric in metrics:
        if group and len(columns.union(metric.needs)) * rows > MAX_VALUES:
            yield group
            group, columns = [], set()
        group.append(metric)
        columns.update(metric.needs)
    if group:
        yield group
