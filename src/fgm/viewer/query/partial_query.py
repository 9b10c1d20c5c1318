"""A long range in parts, the newest first, so that something can be shown while the rest is still to be read."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from fgm.store.directory import layout
from fgm.viewer.query.query import MOST_PER_COLUMN, AnsweredSeries, Line, Query, Question

PART_MS = 2 * layout.HOUR_MS
"""Of 80 windows, which take some 50 ms of processor time."""


class PartedQuery:
    """Answers as much of a question as there is time for; moved on in steps, as a Query.

    Each part is a question of its own, on the pixel columns of the whole, so nothing that M4 keeps is lost.
    `complete_from_ms`: the answer is complete from here on.
    """

    def __init__(
        self,
        question: Question,
        make_query: Callable[[Question], Query[Line]],
        monotonic: Callable[[], float],
        within_s: float,
    ) -> None:
        """`within_s`: the newest part is read in any case, a further one if it can be expected to be read by then."""
        self.question = question
        self.complete_from_ms = question.to_ms
        self.skipped_files = 0
        self.is_cut = False
        self.found_prefixes: dict[str, str] = {}
        self._monotonic = monotonic
        self._began = monotonic()
        self._until = self._began + within_s
        self._make_query = make_query
        self._answers: deque[list[AnsweredSeries[Line]]] = deque()
        self._part = self._next_part()

    @property
    def most_samples(self) -> int:
        """How many samples it may have in memory, as far as is known by now."""
        kept = sum(line.size for answer in self._answers for one in answer for line in one.lines)
        return kept + self._part.most_samples

    def step(self) -> bool:
        """Read the next files; return whether there are more that there is time for."""
        if self._part.step():
            return True
        self._answers.appendleft(self._part.answer())
        self.complete_from_ms = self._part.question.from_ms
        self.skipped_files += self._part.skipped_files
        self.is_cut = self.is_cut or self._part.is_cut
        self.found_prefixes = self._part.found_prefixes | self.found_prefixes
        now = self._monotonic()
        if self.complete_from_ms <= self.question.from_ms or now + (now - self._began) > self._until:
            return False
        self._began = now
        self._part = self._next_part()
        return True

    def answer(self) -> list[AnsweredSeries[Line]]:
        """Return what was found, when there are no more steps."""
        found: dict[str, AnsweredSeries[Line]] = {}
        for part in self._answers:
            for one in part:
                before = found.get(one.series.key)
                if before is not None:
                    for line, newer in zip(before.lines, one.lines, strict=True):
                        line.add(*newer.joined())
                    one = replace(one, lines=before.lines)  # noqa: PLW2901 - its names are the newest
                found[one.series.key] = one
        return list(found.values())

    def _next_part(self) -> Query[Line]:
        """Return the query for the next part: it begins where a pixel column of the whole does."""
        whole, columns = self.question, self.question.columns or 1
        span_ms = whole.to_ms - whole.from_ms
        first = (self.complete_from_ms - PART_MS - whole.from_ms) * columns // span_ms
        if first * span_ms < columns * PART_MS // 2:
            first = 0  # no rest that is hardly worth a question
        from_ms = whole.from_ms - (-first * span_ms // columns)
        share = (self.complete_from_ms - from_ms) / span_ms
        return self._make_query(
            replace(
                whole,
                from_ms=from_ms,
                to_ms=self.complete_from_ms,
                columns=max(1, round(columns * share)),
                grid=(whole.from_ms, whole.to_ms, columns),
                line_samples=round(whole.line_samples * share) + MOST_PER_COLUMN,
            )
        )
