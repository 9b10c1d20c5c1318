"""Answers a question with lines of samples, which are reduced while files are read.

Memory is therefore bounded by the answer, not by the range.
"""

from itertools import chain

from fgm.viewer.files.reader import Sources
from fgm.viewer.query.lines import MAX_PER_COLUMN, Line, SeriesLines
from fgm.viewer.query.question import Question
from fgm.viewer.query.value_reader import ValueReader


class SamplesQuery:
    """One question whose answer is made step by step; not for use by two threads at once."""

    def __init__(self, question: Question, sources: Sources) -> None:
        self.question = question
        self._reader = ValueReader(question, sources)
        self._lines: dict[str, tuple[Line, ...]] = {}

    @property
    def skipped_files(self) -> int:
        """Number of files that could not be read."""
        return self._reader.skipped_files

    @property
    def is_cut(self) -> bool:
        """Whether there are more series than the question allows."""
        return self._reader.is_cut

    @property
    def adopted_prefixes(self) -> dict[str, str]:
        """The first key that was adopted for each prefix of the question."""
        return self._reader.adopted_prefixes

    @property
    def complete_from_ms(self) -> int:
        """The time from which on the answer is complete: the whole range."""
        return self.question.from_ms

    @property
    def max_samples(self) -> int:
        """Maximum number of samples in memory, as far as is known by now."""
        return self._reader.max_series * len(self.question.metrics) * self.question.line_samples

    def step(self) -> bool:
        """Read the next files; return whether there are more."""
        question = self.question
        for part in self._reader.step():
            lines = self._lines.get(part.key)
            if lines is None:
                lines = self._lines[part.key] = tuple(Line() for _ in question.metrics)
            for line, values in zip(lines, part.values, strict=True):
                line.add(part.time_ms, values)
                if question.columns is not None and line.size > MAX_PER_COLUMN * question.columns:
                    line.reduce(question)
        return self._reader.has_more

    def result(self) -> list[SeriesLines]:
        """Return the lines when there are no more steps, in the order in which their series were met."""
        for line in chain.from_iterable(self._lines.values()):
            line.reduce(self.question)
        return [
            SeriesLines(series, lines)
            for key, series in self._reader.series
            if (lines := self._lines.get(key)) is not None and any(line.size for line in lines)
        ]
