"""What goes into a Parquet file: series, columns, and names."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fgm.metrics.shown import SHOWN
from fgm.store.samples.leaves import leaf_keys
from fgm.store.samples.series import Series
from fgm.viewer.api.export.pack_question import recorded_names
from fgm.viewer.api.request.requests import ExportRequest
from fgm.viewer.api.timeseries import ADOPTED_SCOPES, resolved
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_filter import labels_of, passes
from fgm.viewer.exports.long_export import LongExport
from fgm.viewer.exports.parquet_export import ExportQuestion, ParquetExport
from fgm.viewer.exports.range_rows import RangeQuestion
from fgm.viewer.files.reader import Choose, Sources
from fgm.viewer.packs.drawn_metrics import DRAWN_METRICS
from fgm.viewer.packs.redaction.redaction import Redaction

MAX_ROWS = 100_000
"""Maximum number of rows in memory, of one column."""


@dataclass(frozen=True)
class ParquetQuestion:
    """What is exported. `names`: replaces the names of series; `holdings`: has the newest names.

    `is_long`: whether each value has a row of its own; then only containers are exported.
    """

    question: ExportQuestion
    names: Redaction
    holdings: Holdings
    is_long: bool = False

    @property
    def range(self) -> tuple[int, int]:
        """Start (inclusive) and end (exclusive), in ms since 1970."""
        return self.question.rows.from_ms, self.question.rows.to_ms

    def export(self, sources: Sources) -> ParquetExport:
        """Return the file."""
        if self.is_long:
            return LongExport(self.question, self._series(), sources, self.named)
        return ParquetExport(self.question, sources, self.named)

    def _series(self) -> int:
        """Return the largest number of chosen series that ran at the same time."""
        choose, snapshot = self.question.rows.choose, self.holdings.series
        within = [each for each in snapshot.by_id.values() if snapshot.is_within(each, *self.range)]
        chosen = choose([each.series for each in within]) if callable(choose) else choose
        lives = [(each.first_seen_ms, snapshot.last_seen(each)) for each in within if each.series.key in chosen]
        begun, ended = np.sort(np.array(lives, np.int64).reshape(-1, 2), axis=0).T
        return int((np.arange(1, len(lives) + 1) - np.searchsorted(ended, begun)).max(initial=0))

    def named(self, series: Series) -> Series:
        """Return a series with the names that the page shows, which became known last, or with their pseudonyms."""
        registered = self.holdings.series.find(series.key)
        return self.names.series(series if registered is None else registered.series)


def make_question(holdings: Holdings, request: ExportRequest, now_ms: int) -> ParquetQuestion:
    """Return what is exported for a request.

    Raises: Problem (404) if one of the requested series does not exist; Problem (400) if the range is empty.
    """
    from_ms, to_ms = request.span.resolve(now_ms, holdings.oldest_ms or now_ms, holdings.tick_ms)
    listed = _listed(holdings, request, from_ms, to_ms)
    choose = _choice(holdings, request, listed)
    is_long = request.format == "parquet-long"
    if is_long:
        choose = _only_containers(choose)
    rows = RangeQuestion(from_ms, to_ms, choose, (), holdings.node_name, holdings.rotation_ms, max_rows=MAX_ROWS)
    metrics = request.metrics or tuple(SHOWN[name] for name in DRAWN_METRICS)
    registered = [each.series for each in holdings.series.by_id.values() if each.series.key in listed]
    names = Redaction(request.rules, recorded_names(holdings, registered))
    return ParquetQuestion(ExportQuestion(rows, metrics, holdings.tick_ms), names, holdings, is_long)


def _only_containers(choose: Choose) -> Choose:
    """Return a function that chooses the containers among the chosen series."""
    return lambda present: choose([each for each in present if each.scope == "container" and each.container_id])


def _listed(holdings: Holdings, request: ExportRequest, from_ms: int, to_ms: int) -> frozenset[str]:
    """Return the keys of the chosen series, as far as they are registered."""
    if request.ids is not None:  # none of them may be unknown
        return frozenset[str]().union(*(resolved(holdings, (name,))[0] for name in request.ids))
    snapshot, conditions = holdings.series, request.filter
    entries = [entry for entry in snapshot.by_id.values() if snapshot.is_within(entry, from_ms, to_ms)]
    if conditions is not None:
        return frozenset(e.series.key for e in entries if passes(e, conditions, labels_of(e, holdings)))
    return frozenset({"node", *leaf_keys(entry.series for entry in entries)})


def _choice(holdings: Holdings, request: ExportRequest, listed: frozenset[str]) -> Choose:
    """Return a function that chooses series of files: also those that are not registered, if they are requested.

    If names are left out, only registered series are chosen: the names of others are not known before.
    """
    prefixes = tuple(prefix for name in request.ids or () for prefix in resolved(holdings, (name,))[1])
    adopts_leaves = request.ids is None and request.filter is None

    def is_chosen(series: Series) -> bool:
        if series.key in listed:
            return True
        if request.rules or holdings.series.find(series.key) is not None:
            return False
        is_leaf = adopts_leaves and series.scope in ADOPTED_SCOPES
        return is_leaf or (series.container_id or "").startswith(prefixes)

    def choose(present: Iterable[Series]) -> set[str]:
        return {series.key for series in present if is_chosen(series)}

    return choose
