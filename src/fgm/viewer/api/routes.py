"""The routes of the API, on Quart. Blocking work is done in worker threads, a step at a time."""

import json
import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, get_args

from quart import Quart, Response, request
from werkzeug.exceptions import HTTPException

from fgm.logs import fields
from fgm.store.samples.series import Scope
from fgm.viewer.api import at, listings, openapi, timeseries, top
from fgm.viewer.api.context import Desk
from fgm.viewer.api.request import parsing
from fgm.viewer.api.response import answer_tag
from fgm.viewer.api.response.memory_budget import Leasing
from fgm.viewer.api.response.query_runner import BINARY, JSON, TEXT, Workers
from fgm.viewer.query import comparison
from fgm.viewer.query.query import Line
from fgm.viewer.start_up import State
from fgm.viewer.web import entity_tags
from fgm.viewer.web.problems import Problem, not_ready

RETRY_AFTER_S = 2
ALL_SCOPES: frozenset[Scope] = frozenset(get_args(Scope))
JSON_HEADERS = {"Content-Type": JSON, "Cache-Control": "no-store"}

log = logging.getLogger(__name__)


def create_app(desk: Desk) -> Quart:
    """Return the application."""
    app = Quart("fgm.viewer", static_folder=None)
    app.config["RESPONSE_TIMEOUT"] = None
    app.asgi_app = Leasing(app.asgi_app, desk.budget)  # type: ignore[assignment, arg-type, method-assign]
    workers = Workers()

    @app.before_request
    async def only_when_ready() -> None:
        needs_data = request.path.startswith(("/api/", "/at/")) and request.path != "/api/openapi.json"
        if needs_data and desk.start_up.state is not State.READY:
            raise not_ready(desk.start_up.state.value, RETRY_AFTER_S)

    @app.get("/api/instance")
    async def instance() -> Response:
        parsing.nothing(request.query_string)
        return _json(listings.instance(desk.scanner.holdings(), desk.address, desk.now_ms()))

    @app.get("/api/metrics")
    async def metrics() -> Response:
        parsing.nothing(request.query_string)
        body = await workers.run(lambda: json.dumps(listings.metrics(desk.scanner.holdings())).encode())
        return await workers.reply(lambda: iter([body]), etag=entity_tags.of_bytes(body))

    @app.get("/api/openapi.json")
    async def description() -> Response:
        parsing.nothing(request.query_string)
        body = await workers.run(lambda: json.dumps(openapi.document()).encode())
        return await workers.reply(lambda: iter([body]), etag=entity_tags.of_bytes(body))

    @app.get("/api/filters")
    async def filters() -> Response:
        parsing.nothing(request.query_string)
        return await workers.reply(lambda: _json_parts(listings.filters(desk.fresh())))

    _add_queries(app, desk, workers)
    app.register_error_handler(Problem, _problem)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _failure)
    return app


def _add_queries(app: Quart, desk: Desk, workers: Workers) -> None:
    """Add the routes whose answers are read from files, step by step, on the budget."""

    @app.get("/api/timeseries")
    async def samples() -> Response:
        given = request.query_string
        asked = parsing.timeseries(given)
        holdings = await workers.run(desk.fresh)
        now_ms = desk.now_ms()
        question = await workers.run(lambda: timeseries.question(holdings, asked, now_ms))
        tag = await workers.run(lambda: answer_tag.tag(given, question, desk.files, holdings, now_ms))
        if tag is not None and entity_tags.matches(request.headers.get("If-None-Match"), tag):
            return await workers.reply(lambda: iter(()), etag=tag)
        query = desk.samples_query(question, asked.within_ms)
        await workers.finish(query)
        if query.complete_from_ms > question.from_ms:
            tag = None
        media_type = BINARY if asked.is_binary else JSON
        return await workers.reply(lambda: timeseries.answer(query, holdings, asked), media_type, tag)

    @app.get("/api/containers")
    async def containers() -> Response:
        asked = parsing.containers(request.query_string)
        holdings = await workers.run(desk.fresh)
        now_ms, having = desk.now_ms(), None
        if asked.metrics and asked.span is not None:
            span = asked.span.resolve(now_ms, holdings.oldest_ms or now_ms, holdings.tick_ms)
            query = desk.query(top.question(holdings, asked.metrics, ALL_SCOPES, *span), top.Total)
            await workers.finish(query)
            having = await workers.run(lambda: top.keys_with_values(query))
        return await workers.reply(lambda: _json_parts(listings.containers(holdings, asked, now_ms, having)))

    @app.get("/api/top")
    async def most() -> Response:
        asked = parsing.top(request.query_string)
        holdings = await workers.run(desk.fresh)
        span = asked.span.resolve(desk.now_ms(), holdings.oldest_ms or desk.now_ms(), holdings.tick_ms)
        question = top.question(holdings, (asked.metric,), asked.filter.scopes, *span, asked.parts)
        query = desk.query(question, top.gather(question, asked.parts))
        await workers.finish(query)
        return await workers.reply(lambda: _json_parts(top.answer(query, holdings, asked)))

    @app.get("/api/changes")
    async def changes() -> Response:
        asked = parsing.changes(request.query_string)
        holdings = await workers.run(desk.fresh)
        compared = comparison.stretches(holdings, asked.span, desk.now_ms())
        return workers.tell(lambda: desk.change_query(holdings, compared), lambda query: query.answer(asked.limit))

    @app.get("/api/events")
    async def events() -> Response:
        asked = parsing.events(request.query_string)
        query = await workers.run(lambda: desk.event_query(asked))
        await workers.finish(query)
        return await workers.reply(lambda: _json_parts(query.answer()))

    @app.get("/at/<time>")
    async def second(time: str) -> Response:
        parsing.nothing(request.query_string)
        holdings = await workers.run(desk.fresh)
        at_ms = parsing.instant_ms(time, holdings.newest_ms or desk.now_ms())
        query = desk.query(at.question(holdings, at_ms), Line)
        await workers.finish(query)
        around = await workers.run(lambda: desk.event_query(at.events_around(at_ms)))
        await workers.finish(around)
        return await workers.reply(lambda: at.text(query, holdings, around.answer(), at_ms), TEXT)


def _json_parts(facts: dict[str, Any]) -> Iterator[bytes]:
    return iter([json.dumps(facts).encode()])


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
