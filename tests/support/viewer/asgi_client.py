"""Requests to an ASGI application, without a server and a socket."""

import json
from dataclasses import dataclass
from typing import Any

import anyio

from fgm.viewer.web.asgi import App, Message


@dataclass(frozen=True)
class Answer:
    """A whole response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body, parse_constant=_refuse)


def _refuse(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


async def get(app: App, target: str, *, method: str = "GET", headers: dict[str, str] | None = None) -> Answer:
    """Return the response to a request for `target`, a path with or without a query."""
    messages = await converse(app, target, method=method, headers=headers)
    start = next(message for message in messages if message["type"] == "http.response.start")
    body = b"".join(message.get("body", b"") for message in messages)
    return Answer(start["status"], {k.decode().lower(): v.decode() for k, v in start["headers"]}, body)


async def converse(
    app: App,
    target: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    leaves: bool = False,
    stops_reading: bool = False,
) -> list[Message]:
    """Return the messages of the response.

    `leaves`: the client closes the connection without waiting for them. `stops_reading`: it does not read the body.
    """
    path, _, query = target.partition("?")
    given = {"host": "localhost:8050", **(headers or {})}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in given.items()],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8050),
        "extensions": {},
    }
    messages: list[Message] = []
    requests = [{"type": "http.request", "body": b"", "more_body": False}]
    if leaves:
        requests.append({"type": "http.disconnect"})

    async def receive() -> Message:
        if requests:
            return requests.pop(0)
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        if stops_reading and message["type"] == "http.response.body":
            await anyio.sleep_forever()
        messages.append(message)

    await app(scope, receive, send)
    return messages
