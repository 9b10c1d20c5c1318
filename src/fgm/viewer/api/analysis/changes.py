"""/api/changes: the series that changed most in a time range, compared with the range of equal length before it."""

from typing import Any

from quart import Response, request

from fgm.metrics.derived import DEPTHS
from fgm.store.samples.series import Series
from fgm.viewer.api.request import parsing
from fgm.viewer.api.request.requests import Span
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.progress import progress_response
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_names import find_or_make, limit_of, name_of
from fgm.viewer.query.analysis.change_ranking import Change, ChangedSeries
from fgm.viewer.query.analysis.comparison import MAX_MS, ComparedRanges, Comparison, ComparisonResult
from fgm.viewer.web.problems import bad_parameter


async def respond(services: Services, lease: Lease) -> Response:
    """Return the response to the current request."""
    changes_request = parsing.changes(request.query_string)
    holdings = await services.runner.run(services.fresh_holdings)
    ranges = compared_ranges(holdings, changes_request.span, services.now_ms())
    return progress_response(
        services.runner,
        lease,
        lambda: services.comparison(holdings, ranges),
        lambda comparison: answer(comparison, changes_request.limit, holdings),
    )


def compared_ranges(holdings: Holdings, span: Span, now_ms: int) -> ComparedRanges:
    """Return the two ranges to compare: the requested one, and that of equal length before it.

    Raises: Problem (400) if the range is empty or too long.
    """
    from_ms, to_ms = span.resolve(now_ms, holdings.oldest_ms or now_ms, holdings.tick_ms)
    if to_ms - from_ms > MAX_MS + holdings.tick_ms:
        detail = f"a range of {(to_ms - from_ms) // 1000} s is too long to be compared with the time before it"
        raise bad_parameter("from", detail, f"a range of at most {MAX_MS // 1000} s")
    return ComparedRanges(max(0, from_ms - (to_ms - from_ms)), from_ms, to_ms)


def answer(comparison: Comparison, limit: int, holdings: Holdings) -> dict[str, Any]:
    """Return the JSON value. The steps of the comparison must be done."""
    result, ranges = comparison.result(limit), comparison.ranges
    return {
        "before_ms": ranges.before_ms,
        "from_ms": ranges.from_ms,
        "to_ms": ranges.to_ms,
        "partial": result.is_cut,
        "skipped_files": result.skipped_files,
        "has_before": result.has_before,
        "compared": {"series": len(result.series), "metrics": result.metrics},
        "series": [_series(changed, result, holdings) for changed in result.changed],
    }


def _series(changed: ChangedSeries, result: ComparisonResult, holdings: Holdings) -> dict[str, Any]:
    series = result.series[changed.row]
    registered = find_or_make(series, 0, holdings.series)
    return {
        "id": registered.id,
        "name": name_of(registered),
        "scope": series.scope,
        "namespace": series.namespace,
        "pod_name": series.pod_name,
        "container_name": series.container_name,
        "score": round(changed.score, 4),
        "changes": [_change(change, changed.row, series, result) for change in changed.changes],
    }


def _change(change: Change, row: int, series: Series, result: ComparisonResult) -> dict[str, Any]:
    depth = next((result.depths.get((row, name)) for name in change.metric.needs if name in DEPTHS), None)
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
