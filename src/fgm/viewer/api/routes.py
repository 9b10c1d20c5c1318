"""The Quart application: connects each path to its module, and turns exceptions into responses."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus

from quart import Quart, Response, g, request
from werkzeug.exceptions import HTTPException

from fgm.logs import fields
from fgm.viewer.api import at, changes, containers, events, labelled, openapi, processes, timeseries, top
from fgm.viewer.api.listings import filters, instance, metrics
from fgm.viewer.api.response.leased_app import SEND_TIMEOUT_S, LeasedApp
from fgm.viewer.api.response.memory_budget import Lease
from fgm.viewer.api.services import Services
from fgm.viewer.start_up import State
from fgm.viewer.web.problems import Problem, not_ready

RETRY_AFTER_S = 2
"""Value of Retry-After in responses to requests that arrive before there is data."""

LISTINGS: Mapping[str, Callable[[Services], Awaitable[Response]]] = {
    "/api/instance": instance.respond,
    "/api/metrics": metrics.respond,
    "/api/filters": filters.respond,
    "/api/openapi.json": openapi.respond,
}
"""Routes that run no query: their responses come from what the scanner has in memory.

/api/health is not among them: `web/entry.py` serves it.
"""

QUERIES: Mapping[str, Callable[..., Awaitable[Response]]] = {
    "/api/timeseries": timeseries.respond,
    "/api/containers": containers.respond,
    "/api/top": top.respond,
    "/api/changes": changes.respond,
    "/api/events": events.respond,
    "/api/processes": processes.respond,
    "/api/labelled": labelled.respond,
    "/at/<time>": at.respond,
}
"""Routes that may read data files. Each takes the memory it needs from its lease."""

log = logging.getLogger(__name__)


def create_app(services: Services, *, send_timeout_s: float = SEND_TIMEOUT_S) -> Quart:
    """Return the application with all routes of the API. Most routes return status 503 until data is found."""
    app = LeasedApp("fgm.viewer", services.budget, send_timeout_s=send_timeout_s)

    @app.before_request
    async def only_if_ready() -> None:
        needs_data = request.path.startswith(("/api/", "/at/")) and request.path != "/api/openapi.json"
        if needs_data and services.start_up.state is not State.READY:
            raise not_ready(services.start_up.state.value, RETRY_AFTER_S)

    for path, respond in LISTINGS.items():
        app.add_url_rule(path, path, partial(respond, services), methods=["GET"])
    for path, respond_to_query in QUERIES.items():
        app.add_url_rule(path, path, partial(_respond_to_query, respond_to_query, services), methods=["GET"])
    app.register_error_handler(Problem, _problem)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _failure)
    return app


async def _respond_to_query(
    respond: Callable[..., Awaitable[Response]], services: Services, **variables: str
) -> Response:
    lease: Lease = g.lease
    return await respond(services, lease, **variables)


def _problem(problem: Problem) -> Response:
    return Response(problem.body(), status=problem.status, headers=problem.headers())


def _http_error(error: HTTPException) -> Response:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    return _problem(Problem(status, error.description or error.name))


def _failure(error: Exception) -> Response:
    log.error("a request failed", exc_info=error, extra=fields(path=request.path))
    return _problem(
        Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the viewer has failed to respond; its log has the reason")
    )
