"""Computes the rows of a wall for one question, step by step, the newest part first if there is little time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fgm.metrics.formula_input import interval_ms
from fgm.metrics.rates import gap_ms
from fgm.store.minutes.minute_rows import MINUTE_MS
from fgm.store.samples.series import Series
from fgm.viewer.files.reader import Sources
from fgm.viewer.query.columns import Columns
from fgm.viewer.query.long_ranges.planning import Lengths, Segment, begin_of_part
from fgm.viewer.query.long_ranges.range_reader import RangeReader, SeriesMinutes
from fgm.viewer.query.partial_query import LENGTHS
from fgm.viewer.query.question import Question
from fgm.viewer.query.wall.cells import MINUTE_COLUMNS, Cells, RowCells
from fgm.viewer.query.wall.grouping import Group

MAX_CELLS = 2_400_000
"""Maximum number of cells in memory for one response."""
CELLS_PER_SAMPLE = 4
"""Number of cells that need the memory of one sample: a cell has four bytes, and a sample sixteen."""
MAX_FULL = 60
"""Maximum number of series for which a part has its full length. Of more, it is shorter: it takes as long to read."""


def part_lengths(series: int) -> Lengths:
    """Return the lengths of a part of a wall with this number of series."""
    share = min(1.0, MAX_FULL / max(1, series))
    return Lengths(round(share * LENGTHS.samples_ms), round(share * LENGTHS.minutes_ms))


@dataclass(frozen=True, slots=True)
class WallRow:
    """One row: its series, the newest first, and what was recorded of them together.

    `use`: the sum of all samples, divided by the number of ticks in the range: what the row used on average, with 0 for
    the time in which it did not exist. `max`, `max_ms`: the highest value, and its time.

    Shape: `cells` is float32[columns], NaN where nothing was recorded.
    """

    series: tuple[Series, ...]
    cells: Cells
    use: float
    max: float
    max_ms: int
    count: int


class WallQuery:
    """Computes the rows of a wall. The question has one metric, and the pixel columns. Not thread-safe."""

    def __init__(
        self,
        question: Question,
        sources: Sources,
        until_ms: int,
        time_limit: tuple[Callable[[], float], float] | None = None,
        segments: Sequence[Segment] = (),
    ) -> None:
        """`until_ms`: end of what is read; the cells after it stay empty.

        `time_limit`: a monotonic clock, and a length in seconds. The newest part is always read, another one only if
        there is probably enough time. None: the whole range is read, without parts. `segments`: how it is read.
        """
        self.question = question
        self.columns = Columns(question.from_ms, question.to_ms, question.columns or 1)
        self.complete_from_ms = until_ms
        """The time in ms from which on the cells are complete."""
        self.until_ms = until_ms
        self.skipped_files = 0
        self.is_cut = self.has_minutes = False
        self._sources, self._time_limit = sources, time_limit
        self._segments = list(segments) or [Segment(question.from_ms, question.to_ms)]
        self._began_s = 0.0 if time_limit is None else time_limit[0]()
        self._until_s = 0.0 if time_limit is None else self._began_s + time_limit[1]
        self._rows: dict[str, RowCells] = {}
        self._series: dict[str, Series] = {}
        self._part_ms = 0
        self._reader = self._next_part()

    @property
    def max_samples(self) -> int:
        """Upper limit of the memory of this query so far, in samples; may grow with the next step."""
        return -(-self._reader.chosen.max_series * self.columns.count // CELLS_PER_SAMPLE)

    def step(self) -> bool:
        """Read the next files; return whether there are more, and time to read them. May block."""
        for part in self._reader.step():
            row = self._rows.get(part.key)
            if row is None:
                row = self._rows[part.key] = RowCells(self.columns)
            if isinstance(part, SeriesMinutes):
                row.add_minutes(part.minutes)
            else:
                row.add(part.time_ms, part.values[0])
        if self._reader.has_more:
            return True
        self._series |= dict(self._reader.series)
        self.skipped_files += self._reader.skipped_files
        self.is_cut = self.is_cut or self._reader.chosen.is_cut
        self.has_minutes = self.has_minutes or self._reader.has_minutes
        self.complete_from_ms = self._part_ms
        if self.complete_from_ms <= self.question.from_ms or self._time_limit is None:
            return False
        now_s = self._time_limit[0]()
        if now_s + (now_s - self._began_s) > self._until_s:
            return False
        self._began_s = now_s
        self._reader = self._next_part()
        return True

    def rows(self, group: Callable[[Series], Group]) -> list[WallRow]:
        """Return the rows, the most used first; series with an equal `group` share one. All steps must be done.

        Call it once.
        """
        held_ms = max(interval_ms(column, self.question.tick_ms) for column in self.question.recorded)
        members: dict[Group, list[str]] = {}
        for key, cells in self._rows.items():
            if cells.count:
                cells.hold(gap_ms(held_ms))
                members.setdefault(group(self._series[key]), []).append(key)
        ticks = max(1, (self.question.to_ms - self.question.from_ms) // self.question.tick_ms)
        rows = [self._row(keys, ticks) for keys in members.values()]
        return sorted(rows, key=lambda row: (-row.use, row.series[0].key))

    def _row(self, keys: Sequence[str], ticks: int) -> WallRow:
        def newest(key: str) -> tuple[int, str]:  # not in the order of files, which are merged
            return -int(np.flatnonzero(~np.isnan(self._rows[key].cells))[-1]), key

        first, *others = sorted(keys, key=newest)
        row = self._rows[first]
        for key in others:
            row.join(self._rows[key])
        series = tuple(self._series[key] for key in (first, *others))
        return WallRow(series, row.cells, row.sum / ticks, row.max, row.max_ms, row.count)

    def _next_part(self) -> RangeReader:
        """Return the reader of the next older part; without a time limit, of the whole range.

        If minutes are read, a part begins at a full minute.
        """
        whole, from_ms = self.question, self.question.from_ms
        if self._time_limit is not None:
            lengths = part_lengths(len(whole.keys))
            from_ms = begin_of_part(self._segments, whole.from_ms, self.complete_from_ms, lengths)
            if from_ms > whole.from_ms and any(segment.minutes for segment in self._segments):
                from_ms = -(-from_ms // MINUTE_MS) * MINUTE_MS
        self._part_ms = from_ms
        return RangeReader(replace(whole, from_ms=from_ms, to_ms=self.complete_from_ms), self._sources, MINUTE_COLUMNS)


class WallQueries:
    """Several queries as one, which takes the memory of all before the first begins. Not thread-safe."""

    def __init__(self, queries: Sequence[WallQuery]) -> None:
        self._queries = queries
        self._ended = 0

    @property
    def max_samples(self) -> int:
        """Upper limit of the memory of all queries so far, in samples; may grow with the next step."""
        return sum(query.max_samples for query in self._queries)

    def step(self) -> bool:
        """Do the next step of the first query that has not ended; return whether there is more. May block."""
        if not self._queries[self._ended].step():
            self._ended += 1
        return self._ended < len(self._queries)
