"""Who used most of a metric in a range: every series' mean, maximum and last value, ranked. For worker threads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fgm.metrics.derived import Shown
from fgm.metrics.rates import Floats, Times
from fgm.store.samples.series import Scope
from fgm.viewer.api.request.parsing import TopParameters
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_filter import labels_of, passes
from fgm.viewer.contents.series_names import name_of, unlisted_id
from fgm.viewer.contents.series_register import RegisteredSeries
from fgm.viewer.query.query import AnsweredSeries, Query, Question

MAX_RANKED = 5_000
"""So many series are looked at; the index has no more containers."""
TOTAL_SAMPLES = 16
"""A total takes as much memory as so many samples."""
SHARED_UNITS = frozenset({"millicores", "bytes", "bytes/s", "1/s", "us/s"})
"""What adds up over the containers of a node, so that a share of it means something."""


class Peaks:
    """The highest value in each of some equal parts of a range: what a sparkline needs."""

    def __init__(self, question: Question, parts: int) -> None:
        self.highest = np.full(parts, -np.inf)
        self._from_ms, self._part_ms = question.from_ms, (question.to_ms - question.from_ms) / parts

    def add(self, time_ms: Times, values: Floats) -> None:
        """Take in the next values, none of them NaN."""
        part = ((time_ms - self._from_ms) / self._part_ms).astype(np.int64)
        np.maximum.at(self.highest, np.clip(part, 0, len(self.highest) - 1), values)

    def as_list(self) -> list[float | None]:
        """Return the highest values, None where there is none."""
        return [round(value, 6) if value > -np.inf else None for value in self.highest.tolist()]


@dataclass(slots=True)
class Total:
    """What is said of the values of one metric of one series. `size`: how many there were."""

    size: int = 0
    sum: float = 0.0
    max: float = -np.inf
    max_ms: int = 0
    last: float = np.nan
    last_ms: int = 0
    peaks: "Peaks | None" = None

    def add(self, time_ms: Times, values: Floats) -> None:
        """Take in the next part."""
        known = np.flatnonzero(~np.isnan(values))
        if not len(known):
            return
        time_ms, values = time_ms[known], values[known]
        highest = int(values.argmax())
        if values[highest] > self.max:
            self.max, self.max_ms = float(values[highest]), int(time_ms[highest])
        self.size += len(known)
        self.sum += float(values.sum())
        self.last, self.last_ms = float(values[-1]), int(time_ms[-1])
        if self.peaks is not None:
            self.peaks.add(time_ms, values)

    def reduce(self, question: Question) -> None:
        """Nothing is kept that could be left out."""


def question(  # noqa: PLR0917
    holdings: Holdings, metrics: tuple[Shown, ...], scopes: frozenset[Scope], from_ms: int, to_ms: int, parts: int = 0
) -> Question:
    """Return the question for the totals of every series of some scopes in a range, and for the peaks of its parts."""
    registered = holdings.series
    keys = [
        known.series.key
        for known in registered.by_id.values()
        if known.series.scope in scopes and registered.is_within(known, from_ms, to_ms)
    ]
    return Question(
        metrics=metrics,
        keys=frozenset(["node", *keys][:MAX_RANKED]),
        from_ms=from_ms,
        to_ms=to_ms,
        tick_ms=holdings.tick_ms,
        scopes=scopes,
        node_name=holdings.node_name,
        line_samples=TOTAL_SAMPLES + parts,
        most_series=MAX_RANKED,
    )


def gather(question: Question, parts: int) -> Callable[[], Total]:
    """Return what makes the totals of the question's series."""
    return lambda: Total(peaks=Peaks(question, parts) if parts else None)


def keys_with_values(query: Query[Total]) -> frozenset[str]:
    """Return the keys of the series that had a value of some metric."""
    return frozenset(one.series.key for one in query.answer() if any(total.size for total in one.lines))


def answer(query: Query[Total], holdings: Holdings, asked: TopParameters) -> dict[str, Any]:
    """Return the answer of /api/top, when there are no more steps."""
    found = query.answer()
    of_node = next((one.lines[0].sum for one in found if one.series.scope == "node"), 0.0)
    share_of = of_node if asked.metric.unit in SHARED_UNITS else 0.0
    known = [(_known(one, holdings), one.lines[0]) for one in found]
    ranked = [
        _ranked(series, total, share_of)
        for series, total in known
        if passes(series, asked.filter, labels_of(series, holdings))
    ]
    ranked.sort(key=lambda entry: (-entry[asked.by], entry["id"]))
    return {
        "from_ms": query.question.from_ms,
        "to_ms": query.question.to_ms,
        "metric": asked.metric.name,
        "unit": asked.metric.unit,
        "by": asked.by,
        "partial": query.is_cut,
        "skipped_files": query.skipped_files,
        "total": len(ranked),
        "series": ranked[: asked.limit],
    }


def _known(one: AnsweredSeries[Total], holdings: Holdings) -> RegisteredSeries:
    known = holdings.series.find(one.series.key)
    return known or RegisteredSeries(unlisted_id(one.series), one.series, one.lines[0].last_ms, 1)


def _ranked(known: RegisteredSeries, total: Total, of_node: float) -> dict[str, Any]:
    series = known.series
    return {
        "id": known.id,
        "scope": series.scope,
        "name": name_of(known),
        "pod_name": series.pod_name,
        "namespace": series.namespace,
        "qos_class": series.qos_class,
        "life": known.life,
        "samples": total.size,
        "mean": round(total.sum / total.size, 6),
        "max": round(total.max, 6),
        "max_ms": total.max_ms,
        "last": round(total.last, 6),
        "last_ms": total.last_ms,
        "share_of_node": round(total.sum / of_node, 6) if of_node > 0 else None,
        "peaks": total.peaks.as_list() if total.peaks is not None else [],
    }
