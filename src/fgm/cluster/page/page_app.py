"""The ASGI app of the page: its files, and what it asks of the nodes. Nothing of what they answer is kept."""

import html
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import anyio

from fgm import iso_time
from fgm.asking.health import ask_health
from fgm.asking.kept_viewers import KeptViewers
from fgm.asking.limits import AT_ONCE
from fgm.asking.many import ask_each
from fgm.asking.minute import NodeAnswer, ask_minute
from fgm.asking.ranking import rank
from fgm.asking.sources import Source
from fgm.asking.typed_times import MINUTE_MS, TypedTime
from fgm.asking.viewer_client import AskError, ViewerClient
from fgm.asking.words import NODE, as_json
from fgm.cluster.ask_command import link_of, make_question
from fgm.cluster.kubectl.client import Kubectl
from fgm.cluster.page.page_files import PROBLEM
from fgm.cluster.page.strips import MAX_COLUMNS, strips_of
from fgm.viewer.web.asgi import Receive, Scope, Send, header, respond, respond_problem, respond_to_lifespan
from fgm.viewer.web.asset_responses import respond_asset
from fgm.viewer.web.assets import Asset
from fgm.viewer.web.problems import Problem, bad_parameter

MAX_RANGE_MS = 7 * 86_400_000
JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}
Nodes = Callable[[], Awaitable[Sequence[Source]]]


class PageApp:
    """Answers the page. `nodes`: returns the nodes of the cluster, asked at each request for them.

    `opened`: keeps the forwards of the nodes whose pages were opened. At most `AT_ONCE` nodes are asked at once,
    however many requests there are.
    """

    def __init__(
        self, files: Mapping[str, Asset], nodes: Nodes, opened: KeptViewers, kubectl: Kubectl, timeout_s: float
    ) -> None:
        self._files, self._nodes, self._opened = files, nodes, opened
        self._kubectl, self._timeout_s = kubectl, timeout_s
        self._known: dict[str, Source] = {}
        self._limiter = anyio.CapacityLimiter(AT_ONCE)

    async def __call__(  # noqa: D102 - ASGI
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["type"] == "lifespan":
            await respond_to_lifespan(receive, send)
            return
        paths = {
            "/api/nodes": self._respond_nodes,
            "/api/strips": self._respond_strips,
            "/api/minute": self._respond_minute,
            "/open": self._respond_open,
        }
        asset, answer = self._files.get(scope["path"]), paths.get(scope["path"])
        try:
            if asset is not None:
                await respond_asset(scope, send, asset)
            elif answer is not None:
                fields = {name: texts[-1] for name, texts in parse_qs(scope["query_string"].decode("latin-1")).items()}
                await _until_disconnected(receive, partial(answer, fields, scope, send))
            else:
                problem = Problem(HTTPStatus.NOT_FOUND, "there is no such path", allowed=", ".join(sorted(paths)))
                await respond_problem(scope, send, problem)
        except Problem as problem:
            await self._respond_failure(scope, send, problem)
        except AskError as error:
            await self._respond_failure(scope, send, Problem(HTTPStatus.BAD_GATEWAY, str(error)))

    async def _respond_failure(self, scope: Scope, send: Send, problem: Problem) -> None:
        """Respond with a page if a browser has followed a link to a node, and with JSON otherwise."""
        if scope["path"] != "/open" or "text/html" not in (header(scope, b"accept") or ""):
            await respond_problem(scope, send, problem)
            return
        page = self._files[PROBLEM]
        body = page.body.replace(b"PROBLEM", html.escape(problem.detail).encode(errors="replace"))
        headers = {"Content-Type": page.media_type, "Cache-Control": "no-store"}
        await respond(scope, send, problem.status, headers, body)

    async def _respond_nodes(self, fields: Mapping[str, str], scope: Scope, send: Send) -> None:
        """Respond with the names of all nodes."""
        _only(fields)
        self._known = {source.name.removeprefix(NODE): source for source in await self._nodes()}
        await respond(
            scope, send, 200, JSON, json.dumps({"context": self._kubectl.context, "nodes": list(self._known)}).encode()
        )

    async def _respond_strips(self, fields: Mapping[str, str], scope: Scope, send: Send) -> None:
        """Respond with the strips of one node."""
        _only(fields, "node", "from", "to", "columns")
        source = await self._source(fields)
        from_ms, to_ms = _whole(fields, "from"), _whole(fields, "to")
        columns = _whole(fields, "columns", MAX_COLUMNS)
        if not 0 < to_ms - from_ms <= MAX_RANGE_MS or not columns:
            allowed = "an instant at most 7 days after from, and a column"
            raise bad_parameter("to", "the range is empty or too long", allowed)

        async def ask(client: ViewerClient, _: str) -> dict[str, Any]:
            return await strips_of(client, from_ms, to_ms, columns, timeout_s=self._timeout_s)

        async with self._limiter:
            answers, failures = await ask_each([source], ask, timeout_s=self._timeout_s)
        if failures:
            raise AskError(failures[0].reason)
        await respond(scope, send, 200, JSON, json.dumps(answers[0]).encode())

    async def _respond_minute(self, fields: Mapping[str, str], _: Scope, send: Send) -> None:
        """Respond with lines of JSON: how many nodes have answered, after each; then the ranking over all of them."""
        _only(fields, "at")
        at_ms = _whole(fields, "at")
        from_ms = max(0, at_ms - MINUTE_MS // 2)
        question = make_question(TypedTime(from_ms, from_ms + MINUTE_MS, at_ms, has_seconds=True))
        sources = list((self._known or {source.name: source for source in await self._nodes()}).values())
        done = 0
        headers = [(name.lower().encode(), value.encode()) for name, value in JSON.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

        async def ask(client: ViewerClient, name: str) -> NodeAnswer:
            return await ask_minute(client, name, question, timeout_s=self._timeout_s)

        async def ask_one(source: Source) -> None:
            nonlocal done
            async with self._limiter:
                answers, failures = await ask_each([source], ask, timeout_s=self._timeout_s)
            done += 1
            all_answers.extend(answers)
            all_failures.extend(failures)
            await _send_line(send, {"done": done, "of": len(sources)})

        all_answers: list[NodeAnswer] = []
        all_failures: list[Any] = []
        async with anyio.create_task_group() as group:
            for source in sources:
                group.start_soon(ask_one, source)
        ranking = rank(question, sorted(all_answers, key=lambda answer: answer.source), all_failures)
        await _send_line(send, as_json(ranking, link_of(self._kubectl.context, self._kubectl.namespace)))
        await send({"type": "http.response.body", "body": b""})

    async def _respond_open(self, fields: Mapping[str, str], scope: Scope, send: Send) -> None:
        """Forward a port to a node, until the end, and send the browser to its page."""
        _only(fields, "node", "from", "to", "at")
        source = await self._source(fields)
        was_open = self._opened.has(source)
        try:
            client = await self._responding(source)
        except AskError:
            if not was_open:
                raise
            client = await self._responding(source)  # its pod was replaced since its page was opened
        times = [
            (name, iso_time.format_seconds(_whole(fields, name))) for name in ("from", "to", "at") if name in fields
        ]
        fragment = "&".join(f"{name}={text}" for name, text in times)
        await respond(
            scope, send, 303, {"Location": client.url + (fragment and f"#{fragment}"), "Cache-Control": "no-store"}, b""
        )

    async def _responding(self, source: Source) -> ViewerClient:
        """Return the client of a node's viewer that stays open; it is closed if it does not respond.

        Raises: AskError if it does not respond.
        """
        try:
            client = await self._opened.client(source)
            await ask_health(client, timeout_s=self._timeout_s)
        except AskError as error:
            failure = await self._opened.close(source, error)
            raise AskError(f"{source.name.removeprefix(NODE)}: {failure}") from error
        return client

    async def _source(self, fields: Mapping[str, str]) -> Source:
        if not self._known:
            self._known = {source.name.removeprefix(NODE): source for source in await self._nodes()}
        name = fields.get("node", "")
        if name not in self._known:
            raise bad_parameter("node", f"there is no node {name[:256]!r} with an fgm pod", "a name from /api/nodes")
        return self._known[name]


async def _until_disconnected(receive: Receive, answer: Callable[[], Awaitable[None]]) -> None:
    """Answer a request, unless the client goes away before: then nothing is asked of nodes any more."""
    failure: Problem | AskError | None = None

    async def cancel_on_disconnect() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(cancel_on_disconnect)
        try:
            await answer()
        except (Problem, AskError) as error:
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _send_line(send: Send, value: object) -> None:
    await send({"type": "http.response.body", "body": json.dumps(value).encode() + b"\n", "more_body": True})


def _only(fields: Mapping[str, str], *names: str) -> None:
    for name in fields:
        if name not in names:
            allowed = f"the parameters are {', '.join(names)}" if names else "this path accepts no parameters"
            raise bad_parameter(name[:256], "there is no such parameter", allowed)


def _whole(fields: Mapping[str, str], name: str, highest: int = iso_time.END_OF_TIME_MS - 1) -> int:
    text = fields.get(name, "")
    if not text.isascii() or not text.isdecimal() or len(text) > 15 or int(text) > highest:
        raise bad_parameter(name, f"{text[:256]!r} is not a whole number in this range", f"0 to {highest}")
    return int(text)
