"""/api/events: the events in a time range, newest first."""

from collections.abc import Mapping
from typing import Any

from quart import Response, request

from fgm.store.events.event import Event
from fgm.viewer.api.request import parsing
from fgm.viewer.api.request.requests import EventsRequest
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.responses import json_parts, response_from_parts
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.contents.series_names import id_of_key, name_of_key
from fgm.viewer.contents.series_register import SeriesSnapshot
from fgm.viewer.query.event_query import EventQuestion, EventResult
from fgm.viewer.web.problems import unknown


async def respond(services: Services, lease: Lease) -> Response:
    """Return the response to the current request."""
    events_request, runner = parsing.events(request.query_string), services.runner
    holdings = await services.holdings_within(events_request.span)
    question = make_question(holdings, events_request, services.now_ms())
    query = await runner.run(lambda: services.event_query(holdings, question))
    await runner.finish(query, lease, in_background=lambda: query.is_deriving)
    return await response_from_parts(runner, lambda: json_parts(answer(query.result(), question, holdings)))


def make_question(holdings: Holdings, events_request: EventsRequest, now_ms: int) -> EventQuestion:
    """Return the question for the events of a request.

    Raises: Problem (400) if the range is empty.
    """
    from_ms, to_ms = events_request.span.resolve(now_ms, holdings.oldest_ms or now_ms, holdings.tick_ms)
    return EventQuestion(from_ms, to_ms, events_request.limit, events_request.ids, events_request.kinds)


def answer(result: EventResult, question: EventQuestion, holdings: Holdings) -> dict[str, Any]:
    """Return the JSON value.

    Raises: Problem (404) if the request names series, but none of them exists.
    """
    if question.ids and len(result.unknown_ids) == len(question.ids):
        name = result.unknown_ids[0][:256]
        raise unknown("containers", "series", name, "an id from /api/containers, or of an event")
    return {
        "from_ms": question.from_ms,
        "to_ms": question.to_ms,
        "partial": result.is_cut,
        "derived": result.is_derived,
        "skipped_files": result.skipped_files,
        "skipped_lines": result.skipped_lines,
        "unknown": list(result.unknown_ids),
        "events": [_event(event, holdings.series) for event in result.events],
    }


def _event(event: Event, snapshot: SeriesSnapshot) -> dict[str, Any]:
    return {
        "time_ms": event.time_ms,
        "kind": event.kind,
        "series": id_of_key(event.series, snapshot),
        "name": name_of_key(event.series, snapshot),
        "what": event.what,
        "before": _with_ids(event.before, snapshot),
        "after": _with_ids(event.after, snapshot),
    }


def _with_ids(facts: Mapping[str, Any], snapshot: SeriesSnapshot) -> dict[str, Any]:
    """Return facts of an event, with the key of a container replaced with its id."""
    return {name: id_of_key(value, snapshot) if name == "container" else value for name, value in facts.items()}
