"""Reads the samples of a long range in parts, newest first, for a limited time.

The client can show the newest part at once and request the rest later.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from fgm.store.directory import layout
from fgm.store.minutes.minute_rows import MINUTE_MS
from fgm.viewer.query.lines import MAX_PER_COLUMN, SeriesLines
from fgm.viewer.query.long_ranges.planning import Lengths, Segment, begin_of_part
from fgm.viewer.query.question import Question
from fgm.viewer.query.samples_query import SamplesQuery

LENGTHS = Lengths(samples_ms=2 * layout.HOUR_MS, minutes_ms=7 * layout.DAY_MS)
"""Lengths of a part. Reading its 80 windows, or the minutes of a week, takes about 50 ms of processor time."""


class PartialQuery:
    """Reads as much of a range as there is time for. It is used like `SamplesQuery`. Not thread-safe.

    Each part is read with a `SamplesQuery` of its own. All parts use the pixel columns of the whole range, so the
    joined result is the same as without parts.
    """

    def __init__(
        self,
        question: Question,
        make_query: Callable[[Question], SamplesQuery],
        monotonic: Callable[[], float],
        within_s: float,
        segments: Sequence[Segment] | None = None,
    ) -> None:
        """`within_s`: time limit. The newest part is always read, another one only if there is probably enough time.

        `monotonic`: clock for the time limit, in seconds. `segments`: how the range is read; None: from samples.
        """
        self.question = question
        self._segments = segments or [Segment(question.from_ms, question.to_ms)]
        self.complete_from_ms = question.to_ms
        """The time in ms from which on the result is complete."""
        self.skipped_files = 0
        self.is_cut = self.has_minutes = False
        self.adopted_prefixes: dict[str, str] = {}
        self._monotonic = monotonic
        self._began = monotonic()
        self._until = self._began + within_s
        self._make_query = make_query
        self._results: deque[list[SeriesLines]] = deque()
        self._part = self._next_part()

    @property
    def max_samples(self) -> int:
        """Upper limit of samples in memory so far; may grow with the next step."""
        kept = sum(line.size for result in self._results for series in result for line in series.lines)
        return kept + self._part.max_samples

    def step(self) -> bool:
        """Read the next files; return whether there are more, and time to read them. May block."""
        if self._part.step():
            return True
        self._results.appendleft(self._part.result())
        self.complete_from_ms = self._part.question.from_ms
        self.skipped_files += self._part.skipped_files
        self.is_cut = self.is_cut or self._part.is_cut
        self.has_minutes = self.has_minutes or self._part.has_minutes
        self.adopted_prefixes = self._part.adopted_prefixes | self.adopted_prefixes
        now = self._monotonic()
        if self.complete_from_ms <= self.question.from_ms or now + (now - self._began) > self._until:
            return False
        self._began = now
        self._part = self._next_part()
        return True

    def result(self) -> list[SeriesLines]:
        """Return the joined lines of all parts that were read. All steps must be done. Call it once."""
        joined: dict[str, SeriesLines] = {}
        for part in self._results:
            for newer in part:
                older = joined.get(newer.series.key)
                if older is None:
                    joined[newer.series.key] = newer
                    continue
                for line, newer_line in zip(older.lines, newer.lines, strict=True):
                    line.add(*newer_line.joined())
                joined[newer.series.key] = replace(newer, lines=older.lines)
        return list(joined.values())

    def _next_part(self) -> SamplesQuery:
        """Return the query for the next older part.

        It begins at the start of a pixel column of the whole range; if minutes are read, at the next minute.
        """
        whole, columns = self.question, self.question.columns or 1
        span_ms = whole.to_ms - whole.from_ms
        from_ms = begin_of_part(self._segments, whole.from_ms, self.complete_from_ms, LENGTHS)
        first = (from_ms - whole.from_ms) * columns // span_ms
        from_ms = whole.from_ms - (-first * span_ms // columns)
        if first and any(segment.minutes for segment in self._segments):
            from_ms = -(-from_ms // MINUTE_MS) * MINUTE_MS
        share = (self.complete_from_ms - from_ms) / span_ms
        return self._make_query(
            replace(
                whole,
                from_ms=from_ms,
                to_ms=self.complete_from_ms,
                columns=max(1, round(columns * share)),
                grid=(whole.from_ms, whole.to_ms, columns),
                line_samples=round(whole.line_samples * share) + MAX_PER_COLUMN,
            )
        )
