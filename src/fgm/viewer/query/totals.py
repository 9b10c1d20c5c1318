"""Computes totals for a question: sum, maximum, last value and peaks of each metric of each series."""

from dataclasses import dataclass

import numpy as np

from fgm.metrics.derived import ShownMetric
from fgm.metrics.rates import Floats, Times
from fgm.store.directory.layout import HOUR_MS
from fgm.store.minutes.minutes_file import MinutesChunk
from fgm.store.samples.series import Scope, Series
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.files.reader import Sources
from fgm.viewer.query.long_ranges.range_query import RangeQuery
from fgm.viewer.query.long_ranges.range_reader import SeriesMinutes
from fgm.viewer.query.question import MIN_COLUMN_MS, Question

MAX_TOTALS = 5_000
"""Maximum number of series in a query for totals. The index has no more containers."""
TOTAL_COLUMNS = ("mean", "max", "max_at_ms", "last", "count")
"""The columns of minutes from which totals are computed."""
TOTAL_SAMPLES = 32
"""Memory of one total, in samples."""
MIN_RANGE_MS = 2 * HOUR_MS
"""Minimum length of a range for which totals are computed from minutes; of a shorter one, all samples are read."""


class Peaks:
    """The highest value in each part of a range that is divided into equal parts, for a sparkline."""

    def __init__(self, question: Question, parts: int) -> None:
        self.highest = np.full(parts, -np.inf)
        self._from_ms, self._part_ms = question.from_ms, (question.to_ms - question.from_ms) / parts

    def add(self, time_ms: Times, values: Floats) -> None:
        """Add values. None of them may be NaN."""
        part = ((time_ms - self._from_ms) / self._part_ms).astype(np.int64)
        np.maximum.at(self.highest, np.clip(part, 0, len(self.highest) - 1), values)

    def as_list(self) -> list[float | None]:
        """Return the highest value in each part, in ascending time; None for a part without values."""
        return [round(value, 6) if value > -np.inf else None for value in self.highest.tolist()]


@dataclass(slots=True)
class Total:
    """The total of one metric of one series.

    `count`: number of values. `max_ms`, `last_ms`: time of the maximum and of the last value. `peaks`: None if the
    query has none.
    """

    count: int = 0
    sum: float = 0.0
    max: float = -np.inf
    max_ms: int = 0
    last: float = np.nan
    last_ms: int = 0
    peaks: Peaks | None = None

    def add(self, time_ms: Times, values: Floats) -> None:
        """Add values of times that were not added before. NaN is ignored."""
        known = np.flatnonzero(~np.isnan(values))
        if not len(known):
            return
        time_ms, values = time_ms[known], values[known]
        highest = int(values.argmax())
        if values[highest] > self.max:
            self.max, self.max_ms = float(values[highest]), int(time_ms[highest])
        self.count += len(known)
        self.sum += float(values.sum())
        if time_ms[-1] >= self.last_ms:
            self.last, self.last_ms = float(values[-1]), int(time_ms[-1])
        if self.peaks is not None:
            self.peaks.add(time_ms, values)

    def add_minutes(self, minutes: MinutesChunk) -> None:
        """Add minutes. The time of a last value is not recorded: `last_ms` is the latest time that is known."""
        highest = int(minutes.max.argmax())
        if minutes.max[highest] > self.max:
            self.max, self.max_ms = (
                float(minutes.max[highest]),
                int(minutes.time_ms[highest] + minutes.max_at_ms[highest]),
            )
        self.count += int(minutes.count.sum())
        self.sum += float(minutes.mean @ minutes.count)
        last_ms = int(minutes.time_ms[-1] + minutes.max_at_ms[-1])
        if last_ms >= self.last_ms:
            self.last, self.last_ms = float(minutes.last[-1]), last_ms
        if self.peaks is not None:
            self.peaks.add(minutes.time_ms + minutes.max_at_ms, minutes.max)


@dataclass(frozen=True, slots=True)
class SeriesTotals:
    """The totals of one series: one for each metric of the question, in the same order."""

    series: Series
    totals: tuple[Total, ...]


class TotalsQuery(RangeQuery):
    """Computes the totals for one question, step by step. Not thread-safe."""

    def __init__(self, question: Question, sources: Sources, parts: int = 0) -> None:
        """`parts`: number of equal parts of the range, each with its own peak; 0: no peaks."""
        super().__init__(question, sources, TOTAL_COLUMNS)
        self._parts = parts
        self._totals: dict[str, tuple[Total, ...]] = {}

    @property
    def max_samples(self) -> int:
        """Upper limit of the memory of this query so far, in samples; may grow with the next step."""
        return self._reader.chosen.max_series * len(self.question.metrics) * self.question.line_samples

    def step(self) -> bool:
        """Read the next files; return whether there are more. May block."""
        for part in self._reader.step():
            totals = self._totals.get(part.key)
            if totals is None:
                totals = self._totals[part.key] = tuple(self._new_total() for _ in self.question.metrics)
            if isinstance(part, SeriesMinutes):
                totals[part.metric].add_minutes(part.minutes)
                continue
            for total, values in zip(totals, part.values, strict=True):
                total.add(part.time_ms, values)
        return self._reader.has_more

    def result(self) -> list[SeriesTotals]:
        """Return the totals of all series with a value, in the order first seen. All steps must be done."""
        return [
            SeriesTotals(series, totals)
            for key, series in self._reader.series
            if (totals := self._totals.get(key)) is not None and any(total.count for total in totals)
        ]

    def _new_total(self) -> Total:
        return Total(peaks=Peaks(self.question, self._parts) if self._parts else None)


def make_question(  # noqa: PLR0917 - a range and its parts read well without names
    holdings: Holdings,
    metrics: tuple[ShownMetric, ...],
    scopes: frozenset[Scope],
    from_ms: int,
    to_ms: int,
    parts: int = 0,
) -> Question:
    """Return the question for the totals of all series of some scopes in a range, and of the node.

    `parts`: number of peaks of each total.
    """
    snapshot = holdings.series
    keys = [
        registered.series.key
        for registered in snapshot.by_id.values()
        if registered.series.scope in scopes and snapshot.is_within(registered, from_ms, to_ms)
    ]
    return Question(
        metrics=metrics,
        keys=frozenset(["node", *keys][:MAX_TOTALS]),
        from_ms=from_ms,
        to_ms=to_ms,
        tick_ms=holdings.tick_ms,
        scopes=scopes,
        node_name=holdings.node_name,
        line_samples=TOTAL_SAMPLES + parts,
        max_series=MAX_TOTALS,
        prefers_minutes=to_ms - from_ms >= max(MIN_RANGE_MS, parts * MIN_COLUMN_MS),
        rotation_ms=holdings.rotation_ms,
    )
