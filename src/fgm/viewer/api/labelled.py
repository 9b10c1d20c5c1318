"""/api/labelled: the values of a metric by label, such as what a container wrote to each disk."""

import math
from typing import Any

from quart import Response, request

from fgm.metrics.labelled import INTERVAL_MS
from fgm.viewer.api.listings.metrics import described
from fgm.viewer.api.request import parsing
from fgm.viewer.api.request.requests import LabelledRequest, resolve_or_instant
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.responses import json_parts, response_from_parts
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_names import id_of_key, name_of_key
from fgm.viewer.query.labelled.labelled_query import LabelledLine, LabelledQuery, LabelledQuestion
from fgm.viewer.web.problems import unknown

AT_ONCE_MS = 30_000
"""Maximum age of the values for an instant."""


async def respond(services: Services, lease: Lease) -> Response:
    """Return the response to the current request."""
    labelled_request, runner = parsing.labelled(request.query_string), services.runner
    holdings = await runner.run(services.fresh_holdings)
    question = make_question(holdings, labelled_request, services.now_ms())
    query = await runner.run(lambda: services.labelled_query(question))
    await runner.finish(query, lease)
    return await response_from_parts(runner, lambda: json_parts(answer(query, holdings, labelled_request)))


def make_question(holdings: Holdings, labelled_request: LabelledRequest, now_ms: int) -> LabelledQuestion:
    """Return the question of a request.

    Raises: Problem (400) if the range is empty; Problem (404) if there is no such series.
    """
    span = resolve_or_instant(labelled_request.span, labelled_request.at_ms, holdings, now_ms, AT_ONCE_MS)
    points = 0 if labelled_request.span is None else labelled_request.points
    keys = tuple(dict.fromkeys(_key(holdings, name) for name in labelled_request.ids))
    return LabelledQuestion(labelled_request.metric, keys, *span, points, holdings.node_name)


def answer(query: LabelledQuery, holdings: Holdings, labelled_request: LabelledRequest) -> dict[str, Any]:
    """Return the JSON value. The steps of the query must be done."""
    question = query.question
    return {
        **described(question.metric),
        "at_ms": None if labelled_request.span is not None else question.to_ms - 1,
        "from_ms": question.from_ms,
        "to_ms": question.to_ms,
        "interval_ms": INTERVAL_MS,
        "partial": False,
        "skipped_files": query.skipped_files,
        "series": [_line(line, holdings) for line in query.result()],
    }


def _line(line: LabelledLine, holdings: Holdings) -> dict[str, Any]:
    times, values = line.line.joined()
    return {
        "id": id_of_key(line.key, holdings.series),
        "name": name_of_key(line.key, holdings.series),
        "label": line.label,
        "last_ms": line.last_ms,
        "last": _number(line.last),
        "max": _number(line.highest),
        "t_ms": times.tolist(),
        "value": [_number(value) for value in values.tolist()],
    }


def _key(holdings: Holdings, name: str) -> str:
    """Return the key of the series with this id.

    Raises: Problem (404) if there is no such series.
    """
    registered = holdings.series.find(name)
    if registered is not None:
        return registered.series.key
    if name != "node" and not name.startswith(("pod:", "cgroup:")):
        raise unknown("containers", "series", name[:256], "an id from /api/containers")
    return name


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
