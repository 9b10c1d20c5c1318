"""Checks each request before it reaches a route, and adds security headers to each response.

The viewer has no login. It listens on loopback, but any web page in a browser on the same machine can send requests
there and must not be able to read the data. Therefore the viewer refuses requests with a foreign Host header (DNS
rebinding), requests from other origins, and all methods except GET and HEAD.
"""

from http import HTTPStatus

from fgm.viewer.web.asgi import App, Message, Receive, Scope, Send, header, respond_problem
from fgm.viewer.web.problems import Problem
from fgm.viewer.web.request_target import in_origin_form

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
METHODS = ("GET", "HEAD")
SCHEMES = ("http", "ws")
"""Allowed schemes: `ws` is Hypercorn's name for http in a request for a WebSocket."""
MAX_QUERY_BYTES = 32 << 10

SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
)


class Guard:
    """An ASGI app that wraps another one: it passes allowed requests to it, and adds security headers to all responses.

    `allowed_hosts`: names to accept in the Host header in addition to LOCAL_HOSTS.
    """

    def __init__(self, app: App, allowed_hosts: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._hosts = LOCAL_HOSTS | {_bracketed(host.lower()) for host in allowed_hosts}

    async def __call__(  # noqa: D102 - ASGI
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        is_web_socket = scope["type"] == "websocket"
        scope = {"method": "GET", **in_origin_form(scope)}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *SECURITY_HEADERS]
            if is_web_socket:
                message["type"] = f"websocket.{message['type']}"
            await send(message)

        problem = self._problem(scope)
        if problem is None and is_web_socket:
            problem = Problem(
                HTTPStatus.BAD_REQUEST,
                "this server has no WebSockets",
                parameter="Upgrade",
                allowed="no Upgrade header",
            )
        if problem is None:
            await self._app(scope, receive, send_with_headers)
        else:
            await respond_problem(scope, send_with_headers, problem)

    def _problem(self, scope: Scope) -> Problem | None:
        host = header(scope, b"host")
        if scope["scheme"] not in SCHEMES:
            return Problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                f"this server has no {scope['scheme']} addresses",
                parameter="request target",
                allowed="a path, or a URL that begins with http://",
            )
        if host is None or _without_port(host) not in self._hosts:
            return Problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                "the request has no Host header" if host is None else f"the host {host!r} is not allowed",
                parameter="Host",
                allowed=f"{', '.join(sorted(self._hosts))}; --allowed-host NAME adds another",
            )
        if scope["method"] not in METHODS:
            return Problem(
                HTTPStatus.METHOD_NOT_ALLOWED,
                "this server is read-only",
                allowed=", ".join(METHODS),
            )
        if _is_cross_origin(scope, host):
            return Problem(HTTPStatus.FORBIDDEN, "pages of other origins are not allowed to read this")
        if len(scope["query_string"]) > MAX_QUERY_BYTES:
            return Problem(HTTPStatus.REQUEST_URI_TOO_LONG, "the query is too long", allowed=f"{MAX_QUERY_BYTES} bytes")
        return None


def _is_cross_origin(scope: Scope, host: str) -> bool:
    """Return whether a page of another origin sent the request. Following a link to the viewer's page does not count.

    Some browsers from before 2023 do not send Sec-Fetch-Site. But they send Origin with each request of a script.
    """
    site, origin = header(scope, b"sec-fetch-site"), header(scope, b"origin")
    if site in (None, "same-origin", "none"):
        return origin is not None and origin.partition("://")[2].lower() != host.lower()
    is_navigation = header(scope, b"sec-fetch-mode") == "navigate" and header(scope, b"sec-fetch-dest") == "document"
    return not (is_navigation and scope["path"] == "/")


def _without_port(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdecimal() and not name.endswith(":") else host.lower()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
