"""/api/studies: the trend, the levels between changes, or the period of a metric of some series."""

from typing import Any

from quart import Response, request

from fgm.store.samples.series import order
from fgm.viewer.api.request import parsing
from fgm.viewer.api.request.requests import StudiesRequest
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.responses import json_parts, response_from_parts
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_names import find_or_make, name_of
from fgm.viewer.findings.studies.study import Levels
from fgm.viewer.query.analysis.analysed_span import MAX_MS
from fgm.viewer.query.analysis.study_query import StudiedSeries, StudyQuery
from fgm.viewer.query.question import Question
from fgm.viewer.web.problems import unknown


async def respond(services: Services, lease: Lease) -> Response:
    """Return the response to the current request."""
    studies_request, runner = parsing.studies(request.query_string), services.runner
    holdings = await runner.run_in_background(services.fresh_holdings)
    question = make_question(holdings, studies_request, services.now_ms())
    query = await runner.run_in_background(lambda: services.study_query(studies_request.study, question))
    await runner.finish(query, lease, in_background=True)
    return await response_from_parts(runner, lambda: json_parts(answer(query, holdings)), in_background=True)


def make_question(holdings: Holdings, studies_request: StudiesRequest, now_ms: int) -> Question:
    """Return the question for the samples that are studied.

    Raises: Problem (400) if the range is empty or too long; Problem (404) if there is no such series.
    """
    from_ms, to_ms = studies_request.span.resolve_at_most(MAX_MS, holdings, now_ms)
    return Question(
        metrics=(studies_request.metric,),
        keys=frozenset(_key(holdings, name) for name in studies_request.ids),
        from_ms=from_ms,
        to_ms=to_ms,
        tick_ms=holdings.tick_ms,
        node_name=holdings.node_name,
        line_samples=(to_ms - from_ms) // holdings.tick_ms + 1,
        rotation_ms=holdings.rotation_ms,
    )


def answer(query: StudyQuery, holdings: Holdings) -> dict[str, Any]:
    """Return the JSON value. The steps of the query must be done."""
    question = query.question
    (metric,) = question.metrics
    return {
        "study": query.name,
        "metric": metric.name,
        "unit": metric.unit,
        "from_ms": question.from_ms,
        "to_ms": question.to_ms,
        "partial": False,
        "skipped_files": query.skipped_files,
        "series": [_studied(each, holdings) for each in sorted(query.result(), key=lambda each: order(each.series))],
    }


def _studied(studied: StudiedSeries, holdings: Holdings) -> dict[str, Any]:
    registered = find_or_make(studied.series, 0, holdings.series)
    facts = studied.study._asdict()
    if isinstance(studied.study, Levels):
        facts = {"levels": [level._asdict() for level in studied.study.levels]}
    return {"id": registered.id, "name": name_of(registered), **facts}


def _key(holdings: Holdings, name: str) -> str:
    """Return the key of the series with this id.

    Raises: Problem (404) if there is no such series.
    """
    registered = holdings.series.find(name)
    if registered is not None:
        return registered.series.key
    if name not in {"node", "outside"} and not name.startswith(("pod:", "cgroup:")):
        raise unknown("containers", "series", name[:256], "an id from /api/containers")
    return name
