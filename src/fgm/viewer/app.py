"""The routes of the API, on Quart. Blocking work is done in worker threads, a step at a time."""

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from http import HTTPStatus
from typing import Any, TypeVar

from anyio import CapacityLimiter, to_thread
from quart import Quart, Response, request
from werkzeug.exceptions import HTTPException

from fgm.clock import Clock
from fgm.logs import fields
from fgm.viewer import answers, parameters, timeseries
from fgm.viewer.budget import LEASE, Budget, Lease, Leasing
from fgm.viewer.derived_events import Sources
from fgm.viewer.event_files import EventFiles
from fgm.viewer.event_query import EventQuery
from fgm.viewer.health import Address
from fgm.viewer.journals import Journals
from fgm.viewer.library import Holdings, Library
from fgm.viewer.problems import Problem, not_ready
from fgm.viewer.query import Query
from fgm.viewer.skipped import SkippedFiles
from fgm.viewer.state import StartUp, State
from fgm.viewer.windows import DataFiles

MAX_WORKERS = 2
"""Queries take turns in so many threads, step by step, so that a long one does not hold up a short one."""
RETRY_AFTER_S = 2
PART_BYTES = 256 << 10
"""An answer of more than this is sent as it is made, so that it is never in memory as a whole."""
JSON_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store"}

T = TypeVar("T")

log = logging.getLogger(__name__)


class Desk:
    """What the routes answer from."""

    def __init__(self, data_dir: str, clock: Clock, start_up: StartUp, address: Address) -> None:
        self.clock, self.start_up, self.address = clock, start_up, address
        self.skipped = SkippedFiles()
        self.files = DataFiles(data_dir, clock)
        self.journals = Journals(self.files, clock, self.skipped)
        self.library = Library(self.files, self.journals, self.skipped)
        self.event_files = EventFiles(self.files, self.skipped)
        self.budget = Budget(timeseries.MAX_SAMPLES)

    def now_ms(self) -> int:
        """Return the present, ms since 1970 UTC."""
        return self.clock.wall_ns() // 1_000_000

    def fresh(self) -> Holdings:
        """Return what is known, journals included. May block."""
        self.library.follow()
        return self.library.holdings()

    def query(self, asked: parameters.TimeseriesParameters) -> tuple[Query, Holdings]:
        """Return the query that will answer what is asked. May block. Raises Problem."""
        holdings = self.fresh()
        question = timeseries.question(holdings, asked, self.now_ms())
        return Query(question, self.files, self.journals, self.skipped), holdings

    def event_query(self, asked: parameters.EventsParameters) -> EventQuery:
        """Return the query that will answer what happened. May block. Raises Problem."""
        sources = Sources(self.files, self.journals, self.skipped)
        return EventQuery(self.fresh(), asked, self.now_ms(), self.event_files, sources)


class Workers:
    """The threads in which requests are answered."""

    def __init__(self) -> None:
        self._limiter: CapacityLimiter | None = None

    async def run(self, work: Callable[[], T]) -> T:
        """Do blocking work in a thread, when it is its turn."""
        if self._limiter is None:  # it belongs to the event loop that serves
            self._limiter = CapacityLimiter(MAX_WORKERS)
        return await to_thread.run_sync(work, limiter=self._limiter)

    async def stream(self, first: bytes, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
        """Yield `first`, and then what the next parts make, as fast as it is taken."""
        part = first
        while part:
            yield part
            part = await self.run(lambda: timeseries.take(parts, PART_BYTES))


def create_app(desk: Desk) -> Quart:
    """Return the application."""
    app = Quart("fgm.viewer", static_folder=None)
    app.config["RESPONSE_TIMEOUT"] = None
    app.asgi_app = Leasing(app.asgi_app, desk.budget)  # type: ignore[assignment, arg-type, method-assign]
    workers = Workers()

    @app.before_request
    async def only_when_ready() -> None:
        if desk.start_up.state is not State.READY and request.path.startswith("/api/"):
            raise not_ready(desk.start_up.state.value, RETRY_AFTER_S)

    @app.get("/api/instance")
    async def instance() -> Response:
        parameters.nothing(request.query_string)
        return _json(answers.instance(desk.library.holdings(), desk.address, desk.now_ms()))

    @app.get("/api/metrics")
    async def metrics() -> Response:
        parameters.nothing(request.query_string)
        return _json(answers.metrics(desk.library.holdings()))

    @app.get("/api/containers")
    async def containers() -> Response:
        asked = parameters.containers(request.query_string)
        listing = await workers.run(lambda: json.dumps(answers.containers(desk.fresh(), asked, desk.now_ms())))
        return Response(listing, headers=JSON_HEADERS)

    _add_queries(app, desk, workers)
    app.register_error_handler(Problem, _problem)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _failure)
    return app


def _add_queries(app: Quart, desk: Desk, workers: Workers) -> None:
    """Add the routes whose answers are read from files, step by step, on the budget."""

    @app.get("/api/timeseries")
    async def samples() -> Response:
        asked = parameters.timeseries(request.query_string)
        query, holdings = await workers.run(lambda: desk.query(asked))
        lease = _lease()
        await lease.take(query.most_samples)
        while await workers.run(query.step):
            lease.grow(query.most_samples)
        parts = await workers.run(lambda: timeseries.answer(query, holdings, asked))
        first = await workers.run(lambda: timeseries.take(parts, PART_BYTES))
        if len(first) < PART_BYTES:
            return Response(first, headers=JSON_HEADERS)
        return Response(workers.stream(first, parts), headers=JSON_HEADERS)

    @app.get("/api/events")
    async def events() -> Response:
        asked = parameters.events(request.query_string)
        query = await workers.run(lambda: desk.event_query(asked))
        lease = _lease()
        await lease.take(query.most_samples)
        while await workers.run(query.step):
            lease.grow(query.most_samples)
        answer = await workers.run(lambda: json.dumps(query.answer()))
        return Response(answer, headers=JSON_HEADERS)


def _lease() -> Lease:
    lease: Lease = request.scope[LEASE]  # type: ignore[literal-required]
    return lease


def _json(facts: dict[str, Any]) -> Response:
    return Response(json.dumps(facts), headers=JSON_HEADERS)


def _problem(problem: Problem) -> Response:
    return Response(problem.body(), status=problem.status, headers=problem.headers())


def _http_error(error: HTTPException) -> Response:
    status = HTTPStatus(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    return _problem(Problem(status, error.description or error.name))


def _failure(error: Exception) -> Response:
    log.error("a request failed", exc_info=error, extra=fields(path=request.path))
    return _problem(Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the viewer failed to answer; its log says why"))
