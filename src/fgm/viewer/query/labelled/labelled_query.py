"""Reads the labelled tables of a range, a few at each step, and computes one line for each series and label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.labelled import INTERVAL_MS, LabelledMetric
from fgm.metrics.rates import GAP_INTERVALS, Floats, Times, rate
from fgm.store.parquet.table_pages import Column, Texts
from fgm.viewer.files.tables.columns import Columns, size_of, times_of
from fgm.viewer.files.tables.table_files import TableFiles, TableQuestion
from fgm.viewer.files.tables.table_scan import TableScan
from fgm.viewer.query.lines import MAX_PER_COLUMN, Line
from fgm.viewer.query.m4 import m4

LEAD_MS = int(GAP_INTERVALS * INTERVAL_MS)
"""Length of the time before the range that is read, too: rates are computed between two readings."""
PARTS_PER_STEP, ROWS_PER_STEP = 16, 50_000
"""Number of parts of tables, and of rows, after which a step ends."""
SAMPLES_PER_STEP = 50_000
"""Memory of the rows of a part of a table, in samples."""

_FIELDS = ("time_ms", "scope", "container_id", "pod_uid", "cgroup", "metric", "label", "value")


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """A question for one labelled metric of some series.

    `keys`: keys of the series; `from_ms`, `to_ms`: the range [from_ms, to_ms); `columns`: number of pixel columns of
    the lines; 0: no lines, only the last value.
    """

    metric: LabelledMetric
    keys: Sequence[str]
    from_ms: int
    to_ms: int
    columns: int
    node_name: str | None


@dataclass(slots=True)
class LabelledLine:
    """The values of one label of one series. `last`, `last_ms`: the last one; `highest`: in the range, NaN without one.

    `counted`, `counted_ms`: the last value of the counter and its time, from which the next rate is computed.
    """

    key: str
    label: str
    last: float = np.nan
    last_ms: int = -1
    highest: float = np.nan
    counted: float = np.nan
    counted_ms: int = -1
    line: Line = field(default_factory=Line)


class LabelledQuery:
    """Finds the values for one question, step by step. Not thread-safe."""

    def __init__(self, question: LabelledQuestion, tables: TableFiles) -> None:
        """Create a query, and list the tables that it will read. May block."""
        self.question = question
        self._lines: dict[tuple[str, str], LabelledLine] = {}
        first_ms = question.from_ms - LEAD_MS
        self._scan = TableScan(
            tables, TableQuestion("labelled", first_ms, question.to_ms, _FIELDS, self._choose, question.node_name)
        )

    @property
    def skipped_files(self) -> int:
        """Number of tables that could not be read so far."""
        return self._scan.skipped_files

    @property
    def max_samples(self) -> int:
        """Upper limit of the memory of this query so far, in samples; may grow with the next step."""
        return SAMPLES_PER_STEP + sum(line.line.size for line in self._lines.values())

    def step(self) -> bool:
        """Read the next tables; return whether there are more. May block."""
        rows = 0
        for _ in range(PARTS_PER_STEP):
            part = self._scan.next_part()
            if part is None:
                return False
            self._add(part)
            rows += size_of(part)
            if rows >= ROWS_PER_STEP:
                break
        return True

    def result(self) -> list[LabelledLine]:
        """Return the lines that have a value, those with the highest values first. All steps must be done."""
        lines = [line for line in self._lines.values() if line.last_ms >= self.question.from_ms]
        for line in lines:
            if line.line.size:
                self._reduce(line.line)
        return sorted(lines, key=lambda line: (-np.nan_to_num(line.highest, nan=-1.0), line.key, line.label))

    def _choose(self, series: Mapping[str, Texts]) -> NDArray[np.bool_]:
        chosen = np.zeros(len(series["scope"].codes), np.bool_)
        for key in self.question.keys:
            chosen |= _is_of(series, key)
        return chosen

    def _add(self, columns: Columns) -> None:
        time_ms, values = times_of(columns), columns["value"]
        assert not isinstance(values, Texts)
        labels = _texts(columns, "label")
        is_metric = _equals(columns, "metric", *self.question.metric.needs) & (time_ms < self.question.to_ms)
        for key in self.question.keys:
            rows = np.flatnonzero(is_metric & _is_of(columns, key))
            for code in np.unique(labels.codes[rows]).tolist():
                chosen = rows[labels.codes[rows] == code]
                identity = (key, labels.values[code])
                line = self._lines.setdefault(identity, LabelledLine(*identity))
                times, position = np.unique(time_ms[chosen], return_inverse=True)
                self._extend(line, times, np.bincount(position, values[chosen]).astype(np.float64))

    def _extend(self, line: LabelledLine, time_ms: Times, values: Floats) -> None:
        """Add readings to a line. Those that were added before, from another file, are ignored."""
        new = time_ms > line.counted_ms
        time_ms, values = time_ms[new], values[new]
        if not len(time_ms):
            return
        if self.question.metric.metric.kind == "counter":
            with_last = np.append(line.counted, values), np.append(line.counted_ms, time_ms)
            line.counted = float(values[-1])
            values = rate(with_last[1], np.zeros(len(time_ms) + 1), with_last[0], INTERVAL_MS)[1:]
        values = values * self.question.metric.scale
        line.counted_ms = int(time_ms[-1])
        inside = (time_ms >= self.question.from_ms) & ~np.isnan(values)
        if not inside.any():
            return
        line.last, line.last_ms = float(values[inside][-1]), int(time_ms[inside][-1])
        line.highest = float(np.fmax(line.highest, values[inside].max()))
        if self.question.columns:
            line.line.add(time_ms[inside], values[inside])
            if line.line.size > MAX_PER_COLUMN * self.question.columns:
                self._reduce(line.line)

    def _reduce(self, line: Line) -> None:
        """Keep only the points that the pixel columns need."""
        question = self.question
        times, values = m4(*line.joined(), question.from_ms, question.to_ms, question.columns)
        line.time_ms, line.values, line.size = [times], [values], len(times)


def _is_of(columns: Mapping[str, Column], key: str) -> NDArray[np.bool_]:
    """Return for each row whether it belongs to the series with this key."""
    kind, _, rest = key.partition(":")
    if key == "node":
        return _equals(columns, "scope", "node")
    if kind == "pod" and rest:
        return _equals(columns, "scope", "pod") & _equals(columns, "pod_uid", rest)
    if kind == "cgroup" and rest:
        return _equals(columns, "cgroup", rest) & (_texts(columns, "container_id").codes < 0)
    return _equals(columns, "container_id", key)


def _equals(columns: Mapping[str, Column], name: str, *wanted: str) -> NDArray[np.bool_]:
    """Return for each row whether a column has one of the wanted texts."""
    texts = _texts(columns, name)
    matches = np.array([*(value in wanted for value in texts.values), False], np.bool_)
    result: NDArray[np.bool_] = matches[texts.codes]  # the code -1 of null is the last one
    return result


def _texts(columns: Mapping[str, Column], name: str) -> Texts:
    texts = columns[name]
    assert isinstance(texts, Texts)
    return texts
