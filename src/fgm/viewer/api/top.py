"""/api/top: the series with the highest values of a metric in a time range, by mean, maximum or last value.

Without a filter by scope, these are leaves, which do not contain each other. Several metrics have an answer each, in
`tops`: the samples are read once for all of them.
"""

from collections.abc import Sequence
from typing import Any

from quart import Response, request

from fgm.metrics.derived import ShownMetric
from fgm.metrics.metric import has_share
from fgm.store.samples.leaves import LEAF_SCOPES, leaf_keys
from fgm.store.samples.series import Series
from fgm.viewer.api.request import parsing
from fgm.viewer.api.request.requests import TopRequest
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.responses import json_parts, response_from_parts
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_filter import labels_of, passes
from fgm.viewer.contents.series_names import find_or_make, name_of
from fgm.viewer.contents.series_register import RegisteredSeries
from fgm.viewer.query.totals import Total, TotalsQuery, make_question


async def respond(services: Services, lease: Lease) -> Response:
    """Return the response to the current request."""
    top_request = parsing.top(request.query_string)
    holdings = await services.holdings_within(top_request.span)
    now_ms = services.now_ms()
    span = top_request.span.resolve(now_ms, holdings.oldest_ms or now_ms, holdings.tick_ms)
    parts = top_request.parts
    scopes = top_request.filter.scopes or LEAF_SCOPES
    question = make_question(holdings, top_request.metrics, scopes, *span, parts)
    query = services.totals_query(question, parts)
    await services.runner.finish(query, lease)
    return await response_from_parts(services.runner, lambda: json_parts(answer(query, holdings, top_request)))


def answer(query: TotalsQuery, holdings: Holdings, top_request: TopRequest) -> dict[str, Any]:
    """Return the JSON value. The steps of the query must be done."""
    whole = query.result()
    tops = [
        _top(query, holdings, top_request, metric, [(each.series, each.totals[number]) for each in whole])
        for number, metric in enumerate(top_request.metrics)
    ]
    return tops[0] if len(tops) == 1 else {"tops": tops}


def _top(
    query: TotalsQuery,
    holdings: Holdings,
    top_request: TopRequest,
    metric: ShownMetric,
    of_all: Sequence[tuple[Series, Total]],
) -> dict[str, Any]:
    """Return the JSON value of one metric. `of_all`: its totals, also of series without values of it."""
    totals = [(series, total) for series, total in of_all if total.count]
    of_node = next((total.sum for series, total in totals if series.scope == "node"), 0.0)
    whole = of_node if has_share(metric.name, metric.unit) else 0.0
    leaves = leaf_keys(series for series, _ in totals)
    of_leaves = sum(total.sum for series, total in totals if series.key in leaves)
    # Limits, peaks and headroom have no row of what is outside: they do not add up.
    has_all = (
        whole > 0 and query.question.scopes >= LEAF_SCOPES and any(series.scope == "outside" for series, _ in totals)
    )
    entries = [
        (find_or_make(series, total.last_ms, holdings.series), total)
        for series, total in totals
        if top_request.filter.scopes or series.key in leaves
    ]
    ranked = [
        _ranked(registered, total, whole)
        for registered, total in entries
        if passes(registered, top_request.filter, labels_of(registered, holdings))
    ]
    ranked.sort(key=lambda entry: (-entry[top_request.by], entry["id"]))
    return {
        "from_ms": query.question.from_ms,
        "to_ms": query.question.to_ms,
        "metric": metric.name,
        "unit": metric.unit,
        "by": top_request.by,
        "resolution": "minutes" if query.has_minutes else "raw",
        "partial": query.is_cut,
        "skipped_files": query.skipped_files,
        "leaves_share_of_node": round(of_leaves / whole, 6) if has_all else None,
        "total": len(ranked),
        "series": ranked[: top_request.limit],
    }


def _ranked(registered: RegisteredSeries, total: Total, whole: float) -> dict[str, Any]:
    series = registered.series
    return {
        "id": registered.id,
        "scope": series.scope,
        "name": name_of(registered),
        "pod_name": series.pod_name,
        "namespace": series.namespace,
        "qos_class": series.qos_class,
        "life": registered.life,
        "samples": total.count,
        "mean": round(total.sum / total.count, 6),
        "max": round(total.max, 6),
        "max_ms": total.max_ms,
        "last": round(total.last, 6),
        "last_ms": total.last_ms,
        "share_of_node": round(total.sum / whole, 6) if whole > 0 else None,
        "peaks": total.peaks.as_list() if total.peaks is not None else [],
    }
