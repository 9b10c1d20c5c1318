"""The Quart application: connects each path to its module, and turns exceptions into responses.

A module is imported, in a worker thread, when the first request for its path arrives: the first view of the page needs
few of them.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from functools import partial
from http import HTTPStatus
from importlib import import_module

from anyio import to_thread
from quart import Quart, Response, g, request
from werkzeug.exceptions import HTTPException

from fgm.logs import fields
from fgm.viewer import api
from fgm.viewer.api.response.leased_app import SEND_TIMEOUT_S, LeasedApp
from fgm.viewer.api.services import Services
from fgm.viewer.start_up import State
from fgm.viewer.web.problems import Problem, not_ready

RETRY_AFTER_S = 2
"""Value of Retry-After in responses to requests that arrive before there is data."""

LISTINGS: Mapping[str, str] = {
    "/api/instance": "listings.instance",
    "/api/metrics": "listings.metrics",
    "/api/filters": "listings.filters",
    "/api/openapi.json": "openapi.document",
}
"""Routes that run no query, with the module of each: their responses come from what the scanner has in memory.

/api/health is not among them: `web/entry.py` serves it.
"""

QUERIES: Mapping[str, str] = {
    "/api/timeseries": "timeseries",
    "/api/containers": "containers",
    "/api/top": "top",
    "/api/wall": "wall",
    "/api/changes": "analysis.changes",
    "/api/findings": "analysis.findings",
    "/api/studies": "analysis.studies",
    "/api/events": "events",
    "/api/export": "export.export",
    "/api/processes": "processes",
    "/api/labelled": "labelled",
    "/at/<time>": "at",
}
"""Routes that may read data files, with the module of each. Each takes the memory it needs from its lease."""

IN_BACKGROUND = frozenset({"/api/studies", "/api/findings", "/api/export", "/api/events"})
"""Those of QUERIES whose work, or that part of it which takes long, waits until no other request is being worked on."""

log = logging.getLogger(__name__)


def create_app(services: Services, *, send_timeout_s: float = SEND_TIMEOUT_S) -> Quart:
    """Return the application with all routes of the API. Most routes return status 503 until data is found."""
    app = LeasedApp("fgm.viewer", services.budget, send_timeout_s=send_timeout_s)

    @app.before_request
    async def only_if_ready() -> None:
        needs_data = request.path.startswith(("/api/", "/at/")) and request.path != "/api/openapi.json"
        if needs_data and services.start_up.state is not State.READY:
            raise not_ready(services.start_up.state.value, RETRY_AFTER_S)

    for path, module in LISTINGS.items():
        app.add_url_rule(path, path, partial(_Responder(module).respond, services), methods=["GET"])
    for path, module in QUERIES.items():
        app.add_url_rule(path, path, partial(_respond_to_query, path, _Responder(module), services), methods=["GET"])
    app.register_error_handler(Problem, _problem)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _failure)
    return app


class _Responder:
    """The function `respond` of a module of this package. The first call imports the module."""

    def __init__(self, module: str) -> None:
        self._name = f"{api.__name__}.{module}"
        self._respond: Callable[..., Awaitable[Response]] | None = None

    async def respond(self, *arguments: object, **variables: str) -> Response:
        """Return what the function returns."""
        if self._respond is None:
            self._respond = (await to_thread.run_sync(import_module, self._name)).respond
        return await self._respond(*arguments, **variables)


async def _respond_to_query(path: str, responder: _Responder, services: Services, **variables: str) -> Response:
    with nullcontext() if path in IN_BACKGROUND else services.runner.in_foreground():
        return await responder.respond(services, g.lease, **variables)


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
