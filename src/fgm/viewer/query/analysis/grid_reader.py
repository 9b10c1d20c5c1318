"""Fills matrices with the values of metrics of all series, one file or a part of a merged hour in each step.

Counters are float64 until their rates are computed: only the last row of each series is kept from file to file. The
matrices have float32.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.derived import ShownMetric
from fgm.metrics.formula_input import Samples
from fgm.metrics.rates import Floats, Times
from fgm.store.samples.chunk import Chunk
from fgm.viewer.files.data_files import DataFile
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
Read = Callable[[OpenFile, Sequence[str], Sequence[str]], list[Chunk]]
"""A function that returns chunks of an open file: those with these columns, of the series with these keys."""


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
class _Rows:
    """The rows of several series in one file, one series after the other, each behind its last row of the file before.

    `firsts`: index in each chunk of the first row that counts. `is_read`: whether a row is of this file. `kept`: the
    rows that are in the matrices; `cells`: where.
    """

    lengths: Sequence[int]
    firsts: Sequence[int]
    row_of_chunk: NDArray[np.intp]
    starts: NDArray[np.intp]
    is_read: NDArray[np.bool_]
    time_ms: Times
    late_ms: Floats
    kept: NDArray[np.intp]
    cells: NDArray[np.intp]
    interval_ms: int

    @property
    def ends(self) -> NDArray[np.intp]:
        """The last row of each chunk."""
        return np.append(self.starts[1:], len(self.is_read)) - 1


class GridReader:
    """Reads metrics of some series. Not thread-safe."""

    def __init__(self, parts: Sequence[Part], span: AnalysedSpan, files: Sequence[DataFile], reader: Reader) -> None:
        """`files`: those with samples in the range, in order of time."""
        self._parts, self._span = parts, span
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
        within = (self._span.first_ms - LEAD_TICKS * self._span.tick_ms, self._span.to_ms)
        wanted = {key for part in self._parts for key in part.row_of}
        for file in self._files:
            with self._reader.opening(wanted, within) as open_file:
                opened = open_file(file)
                if opened is not None:
                    yield from self._read_file(opened)
            self._read_files += 1
            yield True

    def _read_file(self, opened: OpenFile) -> Iterator[bool]:
        """Read all metrics of an open file. A journal is read at once, because each read decodes all of its frames."""
        read: Read = self._reader.chunks
        if any(part.content is None for part in opened.parts):
            metrics = [metric for part in self._parts for metric in part.metrics]
            read = _already_read(self._reader.chunks(opened, _columns(metrics), opened.keys))
        for part in self._parts:
            keys = [key for key in opened.keys if key in part.row_of]
            for group in groups_of(keys, opened.rows, MAX_ROWS):
                yield from self._read_group(part, opened, group, read)

    def _read_group(self, part: Part, opened: OpenFile, keys: list[str], read: Read) -> Iterator[bool]:
        """Read all metrics of some series, a few columns in each step."""
        rows: _Rows | None = None
        for metrics in _groups(part.metrics, sum(opened.rows[key] for key in keys)):
            columns = _columns(metrics)
            opened.with_late = rows is None
            chunks = read(opened, columns, keys)
            if rows is None:
                rows = self._joined(part, chunks, opened.interval_ms)
            if rows is None:
                return
            if rows.lengths == [len(chunk.time_ms) for chunk in chunks]:
                self._fill(part, metrics, columns, rows, chunks)
            # Otherwise a part of the file has just become unreadable, which the reader counts.
            yield True
        if rows is not None:
            last_ms = np.array([int(chunk.time_ms[-1]) for chunk in chunks])
            part.tail_ms[rows.row_of_chunk] = np.maximum(part.tail_ms[rows.row_of_chunk], last_ms)
            part.tail_late[rows.row_of_chunk] = rows.late_ms[rows.ends]
            for name, newest in part.newest.items():
                part.tail(name)[rows.row_of_chunk] = newest
            part.newest.clear()

    def _joined(self, part: Part, chunks: Sequence[Chunk], interval_ms: int) -> _Rows | None:
        """Return the rows of chunks one after the other; None if none is new."""
        row_of_chunk = np.array([part.row_of[chunk.series.key] for chunk in chunks], np.intp)
        tail_ms = part.tail_ms[row_of_chunk].tolist()
        firsts = [
            int(np.searchsorted(chunk.time_ms, last_ms, "right"))
            for chunk, last_ms in zip(chunks, tail_ms, strict=True)
        ]
        lengths = [len(chunk.time_ms) for chunk in chunks]
        sizes = 1 + np.array(lengths, np.intp) - np.array(firsts, np.intp)
        if (sizes == 1).all():
            return None
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        is_read = np.ones(int(sizes.sum()), np.bool_)
        is_read[starts] = False
        time_ms, late_ms = np.empty(len(is_read), np.int64), np.empty(len(is_read))
        time_ms[starts], late_ms[starts] = tail_ms, part.tail_late[row_of_chunk]
        time_ms[is_read] = np.concatenate([chunk.time_ms[first:] for chunk, first in zip(chunks, firsts, strict=True)])
        late_ms[is_read] = np.concatenate([chunk.late_ms[first:] for chunk, first in zip(chunks, firsts, strict=True)])
        span = self._span
        ticks = (time_ms - span.first_ms) // span.tick_ms
        kept = np.flatnonzero(is_read & (ticks >= 0) & (ticks < span.ticks))
        cells = np.repeat(row_of_chunk, sizes)[kept] * span.ticks + ticks[kept]
        time_ms += np.repeat(np.arange(len(sizes)) * _APART_MS, sizes)
        return _Rows(lengths, firsts, row_of_chunk, starts, is_read, time_ms, late_ms, kept, cells, interval_ms)

    def _fill(
        self,
        part: Part,
        metrics: Sequence[ShownMetric],
        columns: Sequence[str],
        rows: _Rows,
        chunks: Sequence[Chunk],
    ) -> None:
        """Compute metrics, and write their values into the matrices."""
        values: dict[str, Floats] = {}
        for name in columns:
            column, tail = np.empty(len(rows.is_read)), part.tail(name)
            column[rows.starts] = tail[rows.row_of_chunk]
            column[rows.is_read] = np.concatenate(
                [chunk.values[name][first:] for chunk, first in zip(chunks, rows.firsts, strict=True)]
            )
            part.newest[name] = column[rows.ends]
            values[name] = column
        samples = Samples(rows.time_ms, rows.late_ms, values, rows.interval_ms)
        for metric in metrics:
            matrix = self._matrices.get(metric.name)
            if matrix is None:
                matrix = self._matrices[metric.name] = np.full((part.rows, self._span.ticks), np.nan, np.float32)
            matrix.reshape(-1)[rows.cells] = metric.compute(samples)[rows.kept]


def _columns(metrics: Iterable[ShownMetric]) -> tuple[str, ...]:
    """Return the recorded columns that metrics need, each once."""
    return tuple(dict.fromkeys(column for metric in metrics for column in metric.needs))


def _already_read(chunks: Sequence[Chunk]) -> Read:
    """Return a function that returns chunks that were read before."""
    by_key = {chunk.series.key: chunk for chunk in chunks}
    return lambda _opened, _columns, keys: [by_key[key] for key in keys if key in by_key]


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
