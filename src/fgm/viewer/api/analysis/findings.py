"""/api/findings: what stood out in a time range, in sentences, the most important first."""

import json
import math
from collections.abc import Mapping
from typing import Any

from quart import Response, request

from fgm.store.samples.series import Series
from fgm.viewer.api.request import parsing
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.response_tag import tag_of_response
from fgm.viewer.api.response.responses import response_from_parts
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_names import find_or_make, name_of
from fgm.viewer.findings.ranking import Ranked
from fgm.viewer.findings.sentences import sentence_of
from fgm.viewer.query.analysis.analysed_span import MAX_MS, AnalysedSpan, span_of
from fgm.viewer.query.analysis.finding_query import FindingQuery, FindingResult
from fgm.viewer.query.analysis.grids.grid_rows import rows_of
from fgm.viewer.query.question import Question
from fgm.viewer.web import entity_tags

SETTLED_MS = 120_000
"""Time after the end of a range from which on its events do not change any more."""


async def respond(services: Services, lease: Lease) -> Response:
    """Return the response to the current request."""
    findings_request, runner = parsing.findings(request.query_string), services.runner
    holdings = await services.holdings_within(findings_request.span, in_background=True)
    span = span_of(holdings, *findings_request.span.resolve_at_most(MAX_MS, holdings, services.now_ms()))
    saved = saved_answer(services, span, findings_request.limit)
    if saved is not None:
        return await response_from_parts(runner, lambda: iter([json.dumps(saved).encode()]))
    query_string, now_ms = request.query_string, services.now_ms()
    tag = await runner.run_in_background(lambda: tag_of(query_string, span, services, holdings, now_ms))
    if tag is not None and entity_tags.matches(request.headers.get("If-None-Match"), tag):
        return await response_from_parts(runner, lambda: iter(()), etag=tag, in_background=True)
    async with runner.long_query:
        body = None if tag is None else services.kept_answers.find(tag)
        if body is None:
            query = await runner.run_in_background(lambda: services.finding_query(holdings, span))
            try:
                await runner.finish(query, lease, in_background=True)
                facts = await runner.run_in_background(lambda: answer(query, findings_request.limit, holdings))
            finally:
                query.drop()  # if the request failed, its traceback may refer to the query for a while
            body = json.dumps(facts).encode()
            if tag is not None:
                services.kept_answers.keep(tag, body)
    lease.give_back()
    return await response_from_parts(runner, lambda: iter([body]), etag=tag, in_background=True)


def saved_answer(services: Services, span: AnalysedSpan, limit: int) -> dict[str, Any] | None:
    """Return what was found before the data became a pack; None if it is from no pack, or of another range."""
    findings = () if services.packs is None else services.packs.findings
    ranges = ((each.limited(limit), (each.from_ms, each.to_ms)) for each in findings)
    return next((found for found, within in ranges if within == (span.from_ms, span.to_ms)), None)


def tag_of(query_string: bytes, span: AnalysedSpan, services: Services, holdings: Holdings, now_ms: int) -> str | None:
    """Return the entity tag of a response; None if it may still change. May block.

    The reason of an exit, which is an event, may be known a while after it.
    """
    if span.to_ms > now_ms - SETTLED_MS:
        return None
    series = rows_of(holdings.series, span).series
    names = [_named(each, holdings)["name"] for each in series]
    question = Question(
        metrics=(),
        keys=frozenset(each.key for each in series),
        from_ms=span.before_ms,
        to_ms=span.to_ms,
        tick_ms=span.tick_ms,
        node_name=holdings.node_name,
        rotation_ms=holdings.rotation_ms,
    )
    facts = query_string + json.dumps([span.from_ms, names]).encode()
    return tag_of_response(facts, question, services.sources, holdings, now_ms)


def answer(query: FindingQuery, limit: int, holdings: Holdings) -> dict[str, Any]:
    """Return the JSON value. The steps of the query must be done."""
    return answer_of(query.result(), query.span, limit, holdings)


def answer_of(result: FindingResult, span: AnalysedSpan, limit: int, holdings: Holdings) -> dict[str, Any]:
    """Return the JSON value of a result. `holdings`: has the names and ids of the series."""
    return {
        "before_ms": min(span.before_ms, span.from_ms),
        "from_ms": span.from_ms,
        "to_ms": span.to_ms,
        "partial": result.is_cut,
        "skipped_files": result.skipped_files,
        "looked_at": {"series": len(result.series), "ticks": result.ticks, "metrics": result.metrics},
        "findings": [_finding(each, result.series, holdings) for each in result.findings[:limit]],
    }


def _finding(ranked: Ranked, series: Any, holdings: Holdings) -> dict[str, Any]:
    finding = ranked.finding
    culprit = _named(series[finding.row], holdings)
    others = [_named(series[row], holdings) for row in finding.others]
    of: Series = series[finding.row]
    return {
        "kind": finding.kind,
        **culprit,
        "pod_name": of.pod_name,
        "namespace": of.namespace,
        "metric": finding.metric,
        "from_ms": finding.from_ms,
        "to_ms": finding.to_ms,
        "strength": round(ranked.strength, 2),
        "share": round(ranked.share, 4),
        "text": sentence_of(finding, culprit["name"], [other["name"] for other in others]),
        "others": others,
        "facts": _facts(finding.facts),
    }


def _named(series: Series, holdings: Holdings) -> dict[str, str]:
    registered = find_or_make(series, 0, holdings.series)
    return {"id": registered.id, "name": name_of(registered)}


def _facts(facts: Mapping[str, float | str]) -> dict[str, float | str | None]:
    """Return facts as JSON has them: NaN and infinity are null."""
    return {
        name: value if isinstance(value, str) else float(value) if math.isfinite(value) else None
        for name, value in facts.items()
    }
