"""Types and functions for ASGI, the interface between the HTTP server and the apps.

Source: https://asgi.readthedocs.io/en/latest/specs/www.html.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fgm.viewer.web.problems import Problem

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def header(scope: Scope, name: bytes) -> str | None:
    """Return the value of the first request header with a name, or None. `name`: in lower case."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


async def respond(scope: Scope, send: Send, status: int, headers: dict[str, str], body: bytes | None) -> None:
    """Send a complete response. If the method is HEAD, the body is left out.

    `body`: None for a status without content, such as 304: the response then has no Content-Length.
    """
    if body is not None:
        headers = {**headers, "Content-Length": str(len(body))}
    encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    content = b"" if body is None or scope["method"] == "HEAD" else body
    await send({"type": "http.response.body", "body": content})


async def respond_problem(scope: Scope, send: Send, problem: Problem) -> None:
    """Send a complete response that describes a problem."""
    await respond(scope, send, problem.status, problem.headers(), problem.body())


async def respond_to_lifespan(receive: Receive, send: Send) -> None:
    """Tell the server that the app has started, and that it has stopped, whenever the server asks for it.

    Source: https://asgi.readthedocs.io/en/latest/specs/lifespan.html.
    """
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
