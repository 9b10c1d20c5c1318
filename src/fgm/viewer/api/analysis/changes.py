"""/api/changes: the series that changed in a time range: what stood out, and what differs from the time before it."""

from typing import Any

from quart import Response, request

from fgm.metrics.derived import DEPTHS
from fgm.store.samples.series import Series
from fgm.viewer.api.request import parsing
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.progress import progress_response
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_names import find_or_make, limit_of, name_of
from fgm.viewer.findings.ranking import Ranked
from fgm.viewer.findings.sentences import sentence_of
from fgm.viewer.query.analysis.analysed_span import MAX_MS, span_of
from fgm.viewer.query.analysis.change_query import ChangedWorkload, ChangeQuery
from fgm.viewer.query.analysis.change_ranking import Change
from fgm.viewer.query.analysis.comparison import ComparisonResult
from fgm.viewer.query.analysis.finding_query import FindingResult


async def respond(services: Services, lease: Lease) -> Response:
    """Return the response to the current request."""
    changes_request = parsing.changes(request.query_string)
    holdings = await services.runner.run(services.fresh_holdings)
    span = span_of(holdings, *changes_request.span.resolve_at_most(MAX_MS, holdings, services.now_ms()))
    return progress_response(
        services.runner,
        lease,
        lambda: services.change_query(holdings, span),
        lambda query: answer(query, changes_request.limit, holdings),
    )


def answer(query: ChangeQuery, limit: int, holdings: Holdings) -> dict[str, Any]:
    """Return the JSON value. The steps of the query must be done."""
    changed, found, result = query.result(limit)
    ranges = query.comparison.ranges
    return {
        "before_ms": ranges.before_ms,
        "from_ms": ranges.from_ms,
        "to_ms": ranges.to_ms,
        "partial": result.is_cut or found.is_cut,
        "skipped_files": max(result.skipped_files, found.skipped_files),
        "has_before": result.has_before,
        "compared": {"series": len(result.series), "metrics": result.metrics},
        "series": [_series(each, found, result, holdings) for each in changed],
    }


def _series(
    changed: ChangedWorkload, found: FindingResult, result: ComparisonResult, holdings: Holdings
) -> dict[str, Any]:
    series = changed.series
    registered = find_or_make(series, 0, holdings.series)
    return {
        "id": registered.id,
        "name": name_of(registered),
        "scope": series.scope,
        "namespace": series.namespace,
        "pod_name": series.pod_name,
        "container_name": series.container_name,
        "strength": round(changed.strength, 2),
        "score": round(changed.score, 4),
        "findings": [_sentence(each, found, holdings) for each in changed.findings],
        "changes": [_change(change, changed.row, series, result) for change in changed.changes],
    }


def _sentence(ranked: Ranked, found: FindingResult, holdings: Holdings) -> str:
    rows = (ranked.finding.row, *ranked.finding.others)
    name, *others = (name_of(find_or_make(found.series[row], 0, holdings.series)) for row in rows)
    return sentence_of(ranked.finding, name, others)


def _change(change: Change, row: int | None, series: Series, result: ComparisonResult) -> dict[str, Any]:
    depths = [] if row is None else [result.depths.get((row, name)) for name in change.metric.needs if name in DEPTHS]
    depth = next(iter(depths), None)
    return {
        "metric": change.metric.name,
        "title": change.metric.title,
        "unit": change.metric.unit,
        "before": change.before,
        "during": change.during,
        "peak": change.peak,
        "limit_of": limit_of(series, depth),
        "score": round(change.score, 4),
    }
