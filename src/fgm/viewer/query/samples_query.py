"""Reads the lines for a question, and reduces them while files are read.

Therefore the memory depends on the number of pixel columns, not on the length of the range.
"""

from itertools import chain

from fgm.metrics.rates import Floats, Times
from fgm.viewer.files.reader import Sources
from fgm.viewer.query.lines import MAX_PER_COLUMN, Line, SeriesLines
from fgm.viewer.query.long_ranges.points import POINT_COLUMNS, points
from fgm.viewer.query.long_ranges.range_query import RangeQuery
from fgm.viewer.query.long_ranges.range_reader import SeriesMinutes
from fgm.viewer.query.question import Question


class SamplesQuery(RangeQuery):
    """Reads the lines for one question, step by step. Not thread-safe."""

    def __init__(self, question: Question, sources: Sources) -> None:
        super().__init__(question, sources, POINT_COLUMNS)
        self._lines: dict[str, tuple[Line, ...]] = {}

    @property
    def max_samples(self) -> int:
        """Upper limit of samples in memory so far; may grow with the next step."""
        return self._reader.chosen.max_series * len(self.question.metrics) * self.question.line_samples

    def step(self) -> bool:
        """Read the next files; return whether there are more. May block."""
        question = self.question
        for part in self._reader.step():
            lines = self._lines.get(part.key)
            if lines is None:
                lines = self._lines[part.key] = tuple(Line() for _ in question.metrics)
            if isinstance(part, SeriesMinutes):
                known = points(part.minutes, question.from_ms, question.to_ms)
                self._add(lines[part.metric], *known)
                continue
            for line, values in zip(lines, part.values, strict=True):
                self._add(line, part.time_ms, values)
        return self._reader.has_more

    def _add(self, line: Line, time_ms: Times, values: Floats) -> None:
        line.add(time_ms, values)
        if self.question.columns is not None and line.size > MAX_PER_COLUMN * self.question.columns:
            line.reduce(self.question)

    def result(self) -> list[SeriesLines]:
        """Return the lines of all series with samples, in the order first seen. All steps must be done."""
        for line in chain.from_iterable(self._lines.values()):
            line.reduce(self.question)
        return [
            SeriesLines(series, lines)
            for key, series in self._reader.series
            if (lines := self._lines.get(key)) is not None and any(line.size for line in lines)
        ]
