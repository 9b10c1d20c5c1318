"""Computes the mean of each pixel column: what a band from the lowest to the highest value does not show."""

import numpy as np

from fgm.metrics.rates import Floats, Times
from fgm.store.minutes.minute_rows import MINUTE_MS
from fgm.store.minutes.minutes_file import MinutesChunk
from fgm.viewer.files.reader import Sources
from fgm.viewer.query.columns import Columns
from fgm.viewer.query.lines import Line, SeriesLines
from fgm.viewer.query.long_ranges.range_query import RangeQuery
from fgm.viewer.query.long_ranges.range_reader import SeriesMinutes
from fgm.viewer.query.question import Question

MEAN_COLUMNS = ("mean", "count")
"""The columns of minutes from which means are computed."""


class ColumnMeans:
    """The mean of one metric of one series in each pixel column. Values may be added in any order."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._sum, self._count = np.zeros(columns.count), np.zeros(columns.count)

    def add(self, time_ms: Times, values: Floats) -> None:
        """Add samples. NaN is ignored."""
        is_known = ~np.isnan(values)
        self._add(time_ms[is_known], values[is_known], np.ones(int(is_known.sum())))

    def add_minutes(self, minutes: MinutesChunk) -> None:
        """Add minutes. Each counts in the column of its middle."""
        middle_ms = minutes.time_ms + MINUTE_MS // 2
        is_within = (middle_ms >= self._columns.from_ms) & (middle_ms < self._columns.to_ms)
        self._add(middle_ms[is_within], minutes.mean[is_within], minutes.count[is_within].astype(np.float64))

    def line(self) -> Line:
        """Return the means as a line, with a sample in the middle of each column that has values."""
        known = np.flatnonzero(self._count)
        middle_ms = self._columns.from_ms + ((known + 0.5) * self._columns.length_ms).astype(np.int64)
        line = Line()
        line.add(middle_ms, self._sum[known] / self._count[known])
        return line

    def _add(self, time_ms: Times, values: Floats, counts: Floats) -> None:
        if len(values):
            at = self._columns.at(time_ms)
            first, size = int(at.min()), int(at.max() - at.min()) + 1
            within = slice(first, first + size)
            self._sum[within] += np.bincount(at - first, values * counts, size)
            self._count[within] += np.bincount(at - first, counts, size)


class MeansQuery(RangeQuery):
    """Computes the means for one question, which has pixel columns. It is used like `SamplesQuery`. Not thread-safe."""

    def __init__(self, question: Question, sources: Sources) -> None:
        super().__init__(question, sources, MEAN_COLUMNS)
        self._columns = Columns(question.from_ms, question.to_ms, question.columns or 1)
        self._means: dict[str, tuple[ColumnMeans, ...]] = {}

    @property
    def max_samples(self) -> int:
        """Upper limit of the memory of this query so far, in samples; may grow with the next step."""
        return self._reader.chosen.max_series * len(self.question.metrics) * self._columns.count

    def step(self) -> bool:
        """Read the next files; return whether there are more. May block."""
        for part in self._reader.step():
            means = self._means.get(part.key)
            if means is None:
                means = self._means[part.key] = tuple(ColumnMeans(self._columns) for _ in self.question.metrics)
            if isinstance(part, SeriesMinutes):
                means[part.metric].add_minutes(part.minutes)
                continue
            for of_metric, values in zip(means, part.values, strict=True):
                of_metric.add(part.time_ms, values)
        return self._reader.has_more

    def result(self) -> list[SeriesLines]:
        """Return the means of all series with samples, in the order first seen. All steps must be done."""
        lines = {key: tuple(of_metric.line() for of_metric in means) for key, means in self._means.items()}
        return [
            SeriesLines(series, lines[key])
            for key, series in self._reader.series
            if any(line.size for line in lines.get(key, ()))
        ]
