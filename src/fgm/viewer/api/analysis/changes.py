"""/api/changes: the series that changed in a time range: what stood out, and what differs from another range."""

from quart import Response, request

from fgm.viewer.api.comparing import answers
from fgm.viewer.api.request import parsing
from fgm.viewer.api.request.parameters import MAX_TEXT
from fgm.viewer.api.request.requests import Span
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.response.progress import progress_response
from fgm.viewer.api.services import Services
from fgm.viewer.contents.holdings import Holdings
from fgm.viewer.query.analysis.analysed_span import MAX_MS, span_of
from fgm.viewer.query.comparing.compared_side import workload_key
from fgm.viewer.web.problems import unknown


async def respond(services: Services, lease: Lease) -> Response:
    """Return the response to the current request."""
    changes_request = parsing.changes(request.query_string)
    holdings = await services.holdings_within(changes_request.span)
    from_ms, to_ms = changes_request.span.resolve_at_most(MAX_MS, holdings, services.now_ms())
    span, limit, against_ms = span_of(holdings, from_ms, to_ms), changes_request.limit, changes_request.against_ms
    if against_ms is None:
        return progress_response(
            services.runner,
            lease,
            lambda: services.change_query(holdings, span),
            lambda query: answers.of_changes(query, limit, holdings),
        )
    other_to_ms = against_ms + to_ms - from_ms
    holdings = await services.holdings_within(Span(None, against_ms, other_to_ms))
    pairs = [(_name(holdings, first), _name(holdings, second)) for first, second in changes_request.pairs]
    other_span = span_of(holdings, against_ms, other_to_ms)
    return progress_response(
        services.runner,
        lease,
        lambda: services.difference_query((services, holdings, other_span), holdings, span, pairs),
        lambda query: answers.of_differences(query, limit, (holdings, holdings)),
    )


def _name(holdings: Holdings, series_id: str) -> str:
    """Return the name by which a series is paired: the key of its workload.

    Raises: Problem (404) if there is no series with this id.
    """
    registered = holdings.series.find(series_id)
    if registered is None:
        raise unknown("pairs", "series", series_id[:MAX_TEXT], "an id from /api/containers")
    return workload_key(registered.series)
