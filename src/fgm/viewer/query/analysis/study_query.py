"""Studies some series: reads their samples, and then computes the study of one series in each step."""

from collections.abc import Sequence
from typing import NamedTuple

from fgm.store.samples.series import Series
from fgm.viewer.files.reader import Sources
from fgm.viewer.findings.studies.names import StudyName
from fgm.viewer.findings.studies.study import Study, study
from fgm.viewer.query.lines import SeriesLines
from fgm.viewer.query.question import Question
from fgm.viewer.query.samples_query import SamplesQuery


class StudiedSeries(NamedTuple):
    """A series with its study."""

    series: Series
    study: Study


class StudyQuery:
    """One study of the first metric of a question. Not thread-safe."""

    def __init__(self, name: StudyName, question: Question, sources: Sources) -> None:
        self.name, self.question = name, question
        self._samples = SamplesQuery(question, sources)
        self._waiting: list[SeriesLines] | None = None
        self._studied: list[StudiedSeries] = []

    @property
    def skipped_files(self) -> int:
        """Number of files that could not be read."""
        return self._samples.skipped_files

    @property
    def max_samples(self) -> int:
        """Upper limit of samples in memory so far."""
        return self._samples.max_samples

    def step(self) -> bool:
        """Read the next files, or study the next series; return whether there is more to do. May block."""
        if self._waiting is None:
            if not self._samples.step():
                self._waiting = self._samples.result()[::-1]
            return True
        if self._waiting:
            of_series = self._waiting.pop()
            result = study(self.name, *of_series.lines[0].joined(), self.question.tick_ms)
            if result is not None:
                self._studied.append(StudiedSeries(of_series.series, result))
        return bool(self._waiting)

    def result(self) -> Sequence[StudiedSeries]:
        """Return the studies of the series that have enough values. All steps must be done."""
        return self._studied
