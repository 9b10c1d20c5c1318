"""Fills matrices with the values of metrics of all series, one file or a part of a merged hour in each step.

Counters are float64 until their rates are computed: only the last row of each series is kept from file to file. The
matrices have float32.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.derived import ShownMetric
from fgm.metrics.formula_input import Samples, interval_ms
from fgm.metrics.rates import Floats, Times, rate_between_reads
from fgm.store.errors import BadFileError
from fgm.viewer.files.data_files import DataFile
from fgm.viewer.files.file_columns import FileColumns, read_columns
from fgm.viewer.files.hours.merged_rows import groups_of
from fgm.viewer.files.reader import OpenFile, Reader
from fgm.viewer.findings.grid import Matrix
from fgm.viewer.query.analysis.analysed_span import AnalysedSpan

MAX_ROWS = 60_000
"""Maximum number of rows of a file that are read at once, unless one series has more."""
MAX_VALUES = 250_000
"""Maximum number of values that are read in one step, unless one metric needs more."""
LEAD_TICKS = 3
"""Number of ticks before the grid that are read, too: the first rate is computed from one of them."""
_APART_MS = 1 << 32
"""Time that is added from series to series, so that no rate reaches from one to the next."""


@dataclass(slots=True)
class Part:
    """Metrics that are read of some series. `row_of`: the row in the matrices of each series, by `Series.key`.

    The other fields are the last row of each series that was read, by its row in the matrices. `newest`: the last
    values of the columns in the file that is being read. They become tails when all groups of metrics have been read:
    two groups may need the same column.
    """

    row_of: Mapping[str, int]
    metrics: Sequence[ShownMetric]
    rows: int
    tail_ms: Times = field(init=False)
    tail_late: Floats = field(init=False)
    tails: dict[str, Floats] = field(default_factory=dict)
    newest: dict[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin without rows."""
        self.tail_ms = np.full(self.rows, -1, np.int64)
        self.tail_late = np.zeros(self.rows)

    def tail(self, column: str) -> Floats:
        """Return the last values of a recorded column."""
        return self.tails.setdefault(column, np.full(self.rows, np.nan))


@dataclass(frozen=True, slots=True)
class _JoinedSamples(Samples):
    """Samples of several series. `read_at_ms`: computed once for all columns."""

    read_at_ms: Floats

    def rate(self, column: str) -> Floats:
        """Return what `Samples.rate` does."""
        return rate_between_reads(self.time_ms, self.read_at_ms, self.value(column), interval_ms(column, self.tick_ms))


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of several series in one file, one series after the other, each behind its last row of the file before.

    `row_of`: row of each series in the matrices. `starts`: index of the row of the file before, `ends` of the last one.
    `fresh`: the rows of the file that were not read before, as indices in its columns; None: all. `places`: where they
    are among all rows. `kept`: the rows that are in the matrices; `cells`: where.
    """

    row_of: NDArray[np.intp]
    starts: NDArray[np.intp]
    ends: NDArray[np.intp]
    fresh: NDArray[np.bool_] | None
    places: NDArray[np.intp]
    time_ms: Times
    late_ms: Floats
    read_at_ms: Floats
    kept: NDArray[np.intp]
    cells: NDArray[np.intp]

    def joined(self, before: Floats, read: Floats) -> Floats:
        """Return values of all rows. `before`: of the rows of the file before; `read`: of all rows of the file."""
        values = np.empty(len(self.time_ms))
        values[self.starts] = before
        values[self.places] = read if self.fresh is None else read[self.fresh]
        return values


class GridReader:
    """Reads metrics of some series. Not thread-safe."""

    def __init__(self, parts: Sequence[Part], span: AnalysedSpan, files: Sequence[DataFile], reader: Reader) -> None:
        """`files`: those with samples in the range, in order of time."""
        self._parts, self._span = parts, span
        self._within = (span.first_ms - LEAD_TICKS * span.tick_ms, span.to_ms)
        self._files, self._reader = files, reader
        self._matrices: dict[str, Matrix] = {}
        self._read_files = 0
        self._pieces = self._read()

    @property
    def progress(self) -> float:
        """The share of files that have been read, from 0 to 1."""
        return self._read_files / max(1, len(self._files))

    def step(self) -> bool:
        """Read the next file or part of it; return whether there may be more. May block."""
        return next(self._pieces, None) is not None

    def matrices(self) -> Mapping[str, Matrix]:
        """Return the values of each metric that has any. All steps must be done."""
        return {name: matrix for name, matrix in self._matrices.items() if not np.isnan(matrix).all()}

    def close(self) -> None:
        """Close the file that is being read."""
        self._pieces.close()

    def _read(self) -> Generator[bool]:
        wanted = {key for part in self._parts for key in part.row_of}
        for file in self._files:
            with self._reader.opening(wanted, self._within) as open_file:
                opened = open_file(file)
                if opened is not None:
                    try:
                        yield from self._read_file(opened)
                    except (BadFileError, OSError) as error:
                        self._reader.note(opened, error)
            self._read_files += 1
            yield True

    def _read_file(self, opened: OpenFile) -> Iterator[bool]:
        """Read all metrics of an open file, some series and a few columns in each step.

        A journal is read at once, because each read decodes all of its frames.
        """
        is_journal = any(part.content is None for part in opened.parts)
        max_rows = sum(opened.rows.values()) if is_journal else MAX_ROWS
        for part in self._parts:
            keys = [key for key in opened.keys if key in part.row_of]
            for group in groups_of(keys, opened.rows, max_rows):
                columns = _columns(part.metrics)
                read = read_columns(self._reader, opened, columns, group, self._within)
                rows = self._joined(part, read)
                if rows is None:
                    continue
                for metrics in _groups(part.metrics, len(rows.time_ms)):
                    self._fill(part, metrics, read, rows, opened.interval_ms)
                    yield True
                _end_file(part, read, rows)

    def _joined(self, part: Part, read: FileColumns) -> _Rows | None:
        """Return the rows of a file that were not read before, series by series; None if there are none."""
        row_of = np.array([part.row_of[key] for key in read.keys], np.intp)
        tail_ms = part.tail_ms[row_of]
        lengths = np.array([len(times) for times in read.time_ms], np.intp)
        if not lengths.any():
            return None
        time_ms = np.concatenate(read.time_ms)
        fresh: NDArray[np.bool_] | None = None
        if any(len(times) and times[0] <= last for times, last in zip(read.time_ms, tail_ms.tolist(), strict=True)):
            fresh = time_ms > np.repeat(tail_ms, lengths)
            firsts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
            lengths = np.array([int(fresh[first : first + n].sum()) for first, n in zip(firsts, lengths, strict=True)])
            time_ms = time_ms[fresh]
        starts = np.concatenate([[0], np.cumsum(lengths + 1)[:-1]])
        series = np.repeat(np.arange(len(lengths)), lengths)
        places = np.arange(len(time_ms)) + series + 1
        span = self._span
        ticks = (time_ms - span.first_ms) // span.tick_ms
        is_kept = (ticks >= 0) & (ticks < span.ticks)
        cells = (row_of[series] * span.ticks + ticks)[is_kept]
        times = np.empty(len(places) + len(starts), np.int64)
        times[starts], times[places] = tail_ms + np.arange(len(starts)) * _APART_MS, time_ms + series * _APART_MS
        late_ms = np.empty(len(times))
        late = read.late_ms()
        late_ms[starts], late_ms[places] = part.tail_late[row_of], late if fresh is None else late[fresh]
        read_at_ms: Floats = times.astype(np.float64) + np.nan_to_num(late_ms)
        return _Rows(
            row_of, starts, starts + lengths, fresh, places, times, late_ms, read_at_ms, places[is_kept], cells
        )

    def _fill(self, part: Part, metrics: Sequence[ShownMetric], read: FileColumns, rows: _Rows, tick_ms: int) -> None:
        """Compute metrics, and write their values into the matrices."""
        values: dict[str, Floats] = {}
        for name in _columns(metrics):
            values[name] = column = rows.joined(part.tail(name)[rows.row_of], read.column(name))
            part.newest[name] = column[rows.ends]
        samples = _JoinedSamples(rows.time_ms, rows.late_ms, values, tick_ms, rows.read_at_ms)
        for metric in metrics:
            matrix = self._matrices.get(metric.name)
            if matrix is None:
                matrix = self._matrices[metric.name] = np.full((part.rows, self._span.ticks), np.nan, np.float32)
            matrix.reshape(-1)[rows.cells] = metric.compute(samples)[rows.kept]


def _end_file(part: Part, read: FileColumns, rows: _Rows) -> None:
    """Keep the last row of each series."""
    for row, times in zip(rows.row_of.tolist(), read.time_ms, strict=True):
        if len(times):
            part.tail_ms[row] = max(int(part.tail_ms[row]), int(times[-1]))
    part.tail_late[rows.row_of] = rows.late_ms[rows.ends]
    for name, newest in part.newest.items():
        part.tail(name)[rows.row_of] = newest
    part.newest.clear()


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
