"""Reads two stretches of time, the one that is asked about and as much before it, file by file, into sums."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fgm.metrics.derived import Shown
from fgm.metrics.samples import Samples
from fgm.metrics.shown import SHOWN
from fgm.store.directory import layout
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.series import Series
from fgm.viewer.api.request.parsing import Span
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_names import name_of
from fgm.viewer.contents.series_register import RegisteredSeries
from fgm.viewer.files.reader import Reader, Sources
from fgm.viewer.query.change_ranking import BEFORE, DURING, Change, Changed, Sums, ranked
from fgm.viewer.web.problems import bad_parameter

MOST_MS = layout.HOUR_MS
"""So long a time can be compared with the time before it: every sample of both is looked at."""
MOST_SERIES = 500
COLUMNS_AT_A_TIME = 24
"""So many of a file are in memory at once."""
UNKNOWN_SERIES = 32
"""There is room for so many more than are known."""


@dataclass(frozen=True, slots=True)
class Stretches:
    """[before_ms, from_ms) and [from_ms, to_ms)."""

    before_ms: int
    from_ms: int
    to_ms: int


def stretches(holdings: Holdings, span: Span, now_ms: int) -> Stretches:
    """Return what to compare. Raises Problem where it is too long."""
    from_ms, to_ms = span.resolve(now_ms, holdings.oldest_ms or now_ms, holdings.tick_ms)
    if to_ms - from_ms > MOST_MS + holdings.tick_ms:
        detail = f"{(to_ms - from_ms) // 1000} s are too long to be compared, sample by sample, with the time before"
        raise bad_parameter("from", detail, f"a range of at most {MOST_MS // 1000} s")
    return Stretches(max(0, from_ms - (to_ms - from_ms)), from_ms, to_ms)


class ChangeQuery:
    """One comparison on its way; moved on in steps, one file each. Not for use by two threads at once."""

    def __init__(self, holdings: Holdings, stretches: Stretches, sources: Sources) -> None:
        self.stretches = stretches
        self._holdings = holdings
        self._reader = Reader(sources, holdings.node_name)
        self._metrics: list[Shown] = [m for m in SHOWN.values() if holdings.metrics.issuperset(m.needs)]
        lead_ms = 3 * holdings.tick_ms
        files = sources.files.between(stretches.before_ms - lead_ms, stretches.to_ms)
        # What is asked about comes first: it has the room where there are too many series.
        self._waiting = deque(sorted(files, key=lambda file: file.start_ms < stretches.from_ms))
        self._groups = _groups(self._metrics)
        self._tails: dict[tuple[int, str], Chunk] = {}
        self._is_cut = False
        self._files_at_all = len(self._waiting)
        self._places: dict[str, int] = {}
        self._series: list[Series] = []
        registered = holdings.series
        known = sum(registered.is_within(k, stretches.before_ms, stretches.to_ms) for k in registered.by_id.values())
        self._room = min(MOST_SERIES, known + UNKNOWN_SERIES)
        self._sums = Sums.of(self._room, len(self._metrics))

    @property
    def most_samples(self) -> int:
        """How many samples it may have in memory."""
        return 5 * 2 * self._room * len(self._metrics)

    @property
    def progress(self) -> float:
        """How much of it is read, 0 to 1."""
        return 1 - len(self._waiting) / max(1, self._files_at_all)

    def step(self) -> bool:
        """Read the next file, some columns at a time; return whether there are more."""
        if self._waiting:
            file = self._waiting.popleft()
            for number, group in enumerate(self._groups):
                columns = tuple(dict.fromkeys(column for _, metric in group for column in metric.needs))
                chunks = self._reader.chunks(file, columns, _containers)
                if not chunks:
                    break
                self._take(number, [self._with_tail(number, chunk) for chunk in chunks])
        return bool(self._waiting)

    def answer(self, most: int) -> dict[str, Any]:
        """Return the answer of /api/changes, when there are no more steps."""
        count = len(self._series)
        has_before = bool(self._sums.count[:, :, BEFORE].any())
        found = ranked(self._sums.first(count), self._metrics, most) if has_before else []
        return {
            "before_ms": self.stretches.before_ms,
            "from_ms": self.stretches.from_ms,
            "to_ms": self.stretches.to_ms,
            "partial": self._is_cut,
            "skipped_files": self._reader.skipped_files,
            "has_before": has_before,
            "compared": {"series": count, "metrics": len(self._metrics)},
            "series": [self._told(one) for one in found],
        }

    def drop(self) -> None:
        """Free what was summed up: whoever asked has gone, or has the answer."""
        self._sums = Sums.of(0, 0)
        self._tails = {}

    def _told(self, one: Changed) -> dict[str, Any]:
        series = self._series[one.place]
        known = self._holdings.series.find(series.key) or RegisteredSeries(series.key, series, 0, 1)
        return {
            "id": known.id,
            "name": name_of(known),
            "scope": series.scope,
            "namespace": series.namespace,
            "pod_name": series.pod_name,
            "container_name": series.container_name,
            "score": round(one.score, 4),
            "changes": [_change(change) for change in one.changes],
        }

    def _with_tail(self, group: int, chunk: Chunk) -> Chunk:
        """Return a chunk with the last row of its series before it, from which its first rates are computed."""
        tail = self._tails.get((group, chunk.series.key))
        last = {name: column[-1:].copy() for name, column in chunk.values.items()}
        key = (group, chunk.series.key)
        self._tails[key] = Chunk(chunk.series, chunk.time_ms[-1:].copy(), chunk.late_ms[-1:].copy(), last)
        if tail is None or tail.time_ms[0] >= chunk.time_ms[0]:
            return chunk
        values = {name: np.concatenate([tail.values[name], column]) for name, column in chunk.values.items()}
        time_ms = np.concatenate([tail.time_ms, chunk.time_ms])
        return Chunk(chunk.series, time_ms, np.concatenate([tail.late_ms, chunk.late_ms]), values)

    def _take(self, group: int, chunks: list[Chunk]) -> None:
        """Sum up all series at once, metric by metric. The first row of each only serves the next one's rate."""
        chunks = [chunk for chunk in chunks if self._place(chunk.series) is not None]
        if not chunks:
            return
        time_ms = np.concatenate([chunk.time_ms for chunk in chunks])
        late_ms = np.concatenate([chunk.late_ms for chunk in chunks])
        columns = {name: np.concatenate([chunk.values[name] for chunk in chunks]) for name in chunks[0].values}
        samples = Samples(time_ms, late_ms, columns, self._reader.interval_ms or self._holdings.tick_ms)
        outside = (time_ms < self.stretches.before_ms) | (time_ms >= self.stretches.to_ms)
        outside[np.cumsum([0, *(len(chunk.time_ms) for chunk in chunks[:-1])])] = True
        starts, places = self._segments(chunks)
        for number, metric in self._groups[group]:
            self._sums.add(places, number, starts, np.where(outside, np.nan, metric.compute(samples)))

    def _segments(self, chunks: list[Chunk]) -> tuple[Any, list[tuple[int, int]]]:
        """Return where the rows of each series in each stretch begin, and whose they are."""
        starts, places, first = [], [], 0
        for chunk in chunks:
            place = self._places[_workload(chunk.series)]
            split = int(np.searchsorted(chunk.time_ms, self.stretches.from_ms))
            for part, begin, end in ((BEFORE, 0, split), (DURING, split, len(chunk.time_ms))):
                if end > begin:
                    starts.append(first + begin)
                    places.append((place, part))
            first += len(chunk.time_ms)
        return np.array(starts), places

    def _place(self, series: Series) -> int | None:
        """Return the row of a workload; None where there are too many."""
        key = _workload(series)
        place = self._places.get(key)
        if place is None:
            if len(self._series) >= self._room:
                self._is_cut = True
                return None
            place = self._places[key] = len(self._series)
            self._series.append(series)
        self._series[place] = series
        return place


def _groups(metrics: list[Shown]) -> list[list[tuple[int, Shown]]]:
    """Divide metrics, each with its number, so that those of a group are computed from few columns."""
    groups: list[list[tuple[int, Shown]]] = [[]]
    columns: set[str] = set()
    for number, metric in enumerate(metrics):
        columns.update(metric.needs)
        if len(columns) > COLUMNS_AT_A_TIME:
            groups.append([])
            columns = set(metric.needs)
        groups[-1].append((number, metric))
    return groups


def _containers(there: Iterable[Series]) -> set[str]:
    return {series.key for series in there if series.scope == "container"}


def _workload(series: Series) -> str:
    """Return what a container has in common with the one that it replaced."""
    if series.namespace and series.pod_name and series.container_name:
        return f"{series.namespace}/{series.pod_name}/{series.container_name}"
    return series.key


def _change(change: Change) -> dict[str, Any]:
    return {
        "metric": change.metric.name,
        "title": change.metric.title,
        "unit": change.metric.unit,
        "before": change.before,
        "during": change.during,
        "peak": change.peak,
        "score": round(change.score, 4),
    }
