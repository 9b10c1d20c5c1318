"""What goes into a pack: the series, the metrics, and the recorded columns that they need."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from fgm.metrics.derived import ShownMetric
from fgm.metrics.shown import SHOWN
from fgm.store.index.index_file import Index, IndexEntry, known_facts
from fgm.store.samples.leaves import leaf_keys
from fgm.store.samples.series import Series, workload_of
from fgm.viewer.api.request.requests import ExportRequest
from fgm.viewer.api.response.memory_budget import MAX_SAMPLES
from fgm.viewer.api.timeseries import RAW_TICKS
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_filter import labels_of, passes
from fgm.viewer.contents.series_register import RegisteredSeries, SeriesSnapshot
from fgm.viewer.packs.drawn_metrics import DRAWN_METRICS
from fgm.viewer.packs.pack_format import MAX_RANGE_MS
from fgm.viewer.packs.redaction.redaction import Redaction
from fgm.viewer.packs.redaction.rules import Rules
from fgm.viewer.packs.redaction.secrets import Recorded
from fgm.viewer.query.question import MAX_SERIES, Question
from fgm.viewer.web.problems import Problem, bad_parameter, unknown

MIN_DRAWN_COLUMNS = 300
"""Minimum number of pixel columns of a view that shows exactly what the page showed."""
_NAMES = ("container_name", "pod_name", "namespace", "pod_uid", "qos_class", "runtime")


@dataclass(frozen=True)
class PackQuestion:
    """What is read for a pack.

    `question`: its series and metrics, without pixel columns; `view`, `rules`: see ExportRequest.
    """

    question: Question
    series: Sequence[RegisteredSeries]
    view: str
    rules: Rules

    @property
    def ticks(self) -> int:
        """Number of ticks in the range."""
        return (self.question.to_ms - self.question.from_ms) // self.question.tick_ms

    @property
    def samples_within(self) -> tuple[int, int]:
        """The range of the samples, which is a little longer: the page draws up to the next sample outside of its view.

        In a long view this is the rest of a pixel column.
        """
        question, tick_ms = self.question, self.question.tick_ms
        margin_ms = (math.ceil(self.ticks / MIN_DRAWN_COLUMNS) if self.ticks > RAW_TICKS else 1) * tick_ms
        return max(0, question.from_ms - margin_ms), question.to_ms + margin_ms

    @property
    def begins_ms(self) -> int:
        """The first instant that is read: the first rate is computed from a sample before it."""
        return max(0, self.samples_within[0] - self.question.lead_ms)


def make_question(holdings: Holdings, request: ExportRequest, now_ms: int) -> PackQuestion:
    """Return what is read for a request.

    Raises: Problem (400 or 404) if the range is too long, if it has too many samples, or if a series is unknown.
    """
    tick_ms = holdings.tick_ms
    from_ms, to_ms = request.span.resolve(now_ms, holdings.oldest_ms or now_ms, tick_ms)
    if to_ms - from_ms > MAX_RANGE_MS:
        detail = f"a range of {(to_ms - from_ms) // 1000} s is too long for a pack"
        raise bad_parameter("from", detail, f"a range of at most {MAX_RANGE_MS // 1000} s")
    series = _with_groups(_chosen(holdings, request, from_ms, to_ms), holdings)
    samples = len(series) * ((to_ms - from_ms) // tick_ms)
    if samples > MAX_SAMPLES or len(series) > MAX_SERIES:
        raise Problem(
            HTTPStatus.BAD_REQUEST,
            f"{len(series)} series have {samples} samples of each metric in this range, more than a pack can have",
            parameter="containers",
            allowed=f"{MAX_SERIES} series and {MAX_SAMPLES} samples of each metric: choose fewer, or a shorter range",
        )
    question = Question(
        metrics=_metrics(holdings, request),
        keys=frozenset(each.series.key for each in series),
        from_ms=from_ms,
        to_ms=to_ms,
        tick_ms=tick_ms,
        node_name=holdings.node_name,
        rotation_ms=holdings.rotation_ms,
    )
    return PackQuestion(question, series, request.view, request.rules)


def names_of(holdings: Holdings, pack: PackQuestion) -> Redaction:
    """Return what replaces the names in a pack: without rules, nothing is replaced."""
    return Redaction(pack.rules, recorded_names(holdings, [each.series for each in pack.series]))


def recorded_names(holdings: Holdings, kept: Sequence[Series]) -> Recorded:
    """Return what a recording has names of. `kept`: the series that are exported."""
    header, keys = holdings.header, {series.key for series in kept}
    return Recorded(
        series=kept,
        others=[each.series for each in holdings.series.by_id.values() if each.series.key not in keys],
        facts=holdings.facts,
        node_names=_names_if_known(holdings.node_name),
        cluster_names=_names_if_known(None if header is None else header.cluster_name),
        identifiers=_names_if_known(None if header is None else header.identifier),
    )


def index_of(holdings: Holdings, pack: PackQuestion) -> Index:
    """Return the index of a pack: its containers, and the earlier ones of the same workloads, which have their numbers.

    No container was seen after the end of the range.
    """
    last_ms = pack.question.to_ms - pack.question.tick_ms
    workloads = {workload_of(each.series) for each in pack.series} - {None}
    entries = {}
    for each in holdings.series.by_id.values():
        series = each.series
        is_kept = series.key in pack.question.keys or workload_of(series) in workloads
        if series.scope == "container" and series.container_id and is_kept and each.first_seen_ms <= last_ms:
            names = {name: getattr(series, name) for name in _NAMES}
            facts = known_facts({**names, **holdings.facts.get(series.container_id, {})})  # type: ignore[typeddict-item]  # the names are facts
            seen_ms = min(holdings.series.last_seen(each), last_ms)
            entries[each.id] = IndexEntry(series.container_id, each.first_seen_ms, seen_ms, facts)
    return Index(
        entries=entries,
        updated_ms=pack.question.to_ms,
        earliest_ms=pack.begins_ms,
        latest_ms=last_ms,
        rotation_s=holdings.rotation_ms // 1000,
    )


def _metrics(holdings: Holdings, request: ExportRequest) -> tuple[ShownMetric, ...]:
    wanted = request.metrics or tuple(SHOWN[name] for name in DRAWN_METRICS)
    metrics = tuple(metric for metric in wanted if metric.has_values(holdings.metrics))
    if not metrics:
        raise unknown("metric", "recorded metric", ", ".join(metric.name for metric in wanted), "names in /api/metrics")
    return metrics


def _chosen(holdings: Holdings, request: ExportRequest, from_ms: int, to_ms: int) -> list[RegisteredSeries]:
    """Return the chosen series; without ids and filter, the leaves in the range.

    Raises: Problem (404) if an id is unknown, or if there is no such series.
    """
    snapshot = holdings.series
    if request.ids is not None:
        return [_series_named(name, snapshot) for name in request.ids]
    within = [each for each in snapshot.by_id.values() if snapshot.is_within(each, from_ms, to_ms)]
    if request.filter is None:
        leaves = leaf_keys(each.series for each in within)
        chosen = [each for each in within if each.series.key in leaves]
    else:
        chosen = [each for each in within if passes(each, request.filter, labels_of(each, holdings))]
    if not chosen:
        allowed = "a range and a filter for which /api/containers lists series"
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such series in this range", allowed=allowed)
    return chosen


def _series_named(name: str, snapshot: SeriesSnapshot) -> RegisteredSeries:
    registered = snapshot.find(name)
    if registered is None:
        raise unknown("containers", "series", name[:256], "ids from /api/containers")
    return registered


def _with_groups(chosen: Sequence[RegisteredSeries], holdings: Holdings) -> list[RegisteredSeries]:
    """Return series with the pods and slices that contain them, whose limits hold them, too, and the node."""
    uids = _uids(each.series for each in chosen)
    paths = {path for each in chosen for path in _paths_above(each.series.cgroup or "")}
    by_key = {each.series.key: each for each in chosen}
    for each in holdings.series.by_id.values():
        is_pod = each.series.scope == "pod" and each.series.pod_uid in uids
        is_slice = each.series.scope == "cgroup" and each.series.cgroup in paths
        if is_pod or is_slice or each.series.scope == "node":
            by_key.setdefault(each.series.key, each)
    return list(by_key.values())


def _paths_above(path: str) -> list[str]:
    """Return the paths of the cgroups that contain a cgroup, without the root."""
    names = path.split("/")
    return ["/".join(names[:count]) for count in range(2, len(names))]


def _names_if_known(name: str | None) -> tuple[str, ...]:
    return () if name is None else (name,)


def _uids(series: Iterable[Series]) -> set[str]:
    return {each.pod_uid for each in series if each.scope == "container" and each.pod_uid}
