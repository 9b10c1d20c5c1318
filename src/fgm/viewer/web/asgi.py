"""The few shapes of ASGI that the viewer's own callables use: https://asgi.readthedocs.io/en/latest/specs/www.html."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from fgm.viewer.web.problems import Problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def header(scope: Scope, name: bytes) -> str | None:
    """Return the first request header of this (lower-case) name."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


async def respond(scope: Scope, send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    """Send a whole answer; to HEAD, the same without its body."""
    pairs: Iterable[tuple[str, str]] = {**headers, "Content-Length": str(len(body))}.items()
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


async def respond_problem(scope: Scope, send: Send, problem: Problem) -> None:
    """Send a problem."""
    await respond(scope, send, problem.status, problem.headers(), problem.body())
