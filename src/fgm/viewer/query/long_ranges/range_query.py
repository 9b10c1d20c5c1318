"""What all queries have in common that read a range once, step by step."""

from collections.abc import Collection

from fgm.viewer.files.reader import Sources
from fgm.viewer.query.long_ranges.range_reader import RangeReader
from fgm.viewer.query.question import Question


class RangeQuery:
    """The facts about what was read for one question. Not thread-safe."""

    def __init__(self, question: Question, sources: Sources, columns: Collection[str]) -> None:
        """`columns`: names of the columns of minutes to read."""
        self.question = question
        self._reader = RangeReader(question, sources, columns)

    @property
    def skipped_files(self) -> int:
        """Number of files that could not be read."""
        return self._reader.skipped_files

    @property
    def is_cut(self) -> bool:
        """Whether series were left out, because there are more than the question allows."""
        return self._reader.chosen.is_cut

    @property
    def adopted_prefixes(self) -> dict[str, str]:
        """The key of the first series that was adopted for each prefix of the question."""
        return self._reader.chosen.adopted_prefixes

    @property
    def has_minutes(self) -> bool:
        """Whether a part of the result was computed from minutes."""
        return self._reader.has_minutes

    @property
    def complete_from_ms(self) -> int:
        """The time in ms from which on the result is complete: the start of the range."""
        return self.question.from_ms
