"""The guard in front of HTTP: it refuses foreign hosts, other methods and other origins, and adds security headers."""

import json

import pytest

from fgm.viewer.web.asgi import Message, Receive, Scope, Send, respond
from fgm.viewer.web.guard import MAX_QUERY_BYTES, Guard
from tests.support.viewer.asgi_client import get

NAVIGATION = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


async def no_message() -> Message:
    raise AssertionError


async def app(scope: Scope, _: Receive, send: Send) -> None:
    await respond(scope, send, 200, {"Content-Type": "text/plain"}, b"yes")


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8050", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:9999", "[::1]", "[::1]:8050"]
)
async def test_a_local_host_is_allowed_with_any_port(host: str) -> None:
    assert (await get(Guard(app), "/", headers={"host": host})).body == b"yes"


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:8050", "localhost.evil.example", "127.0.0.1.nip.io", "127.0.0.2", "::1",
     "localhost:", "localhost:80:80", "[::1", "user@localhost", "node-1"],
)  # fmt: skip
async def test_a_foreign_host_is_refused(host: str) -> None:
    """With DNS rebinding, a foreign name has the address of the viewer, but it is still in the Host header."""
    answer = await get(Guard(app), "/api/metrics", headers={"host": host})

    assert answer.status == 421
    assert "--allowed-host" in answer.json["allowed"]


async def test_a_host_can_be_allowed() -> None:
    guard = Guard(app, frozenset({"Node-1", "fd00::1"}))

    assert (await get(guard, "/", headers={"host": "node-1:8050"})).status == 200
    assert (await get(guard, "/", headers={"host": "[fd00::1]:8050"})).status == 200
    assert (await get(guard, "/", headers={"host": "node-2:8050"})).status == 421


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "X"])
async def test_methods_that_do_not_only_read_are_refused(method: str) -> None:
    answer = await get(Guard(app), "/", method=method)

    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("case", "path", "headers", "status"),
    [
        ("curl", "/api/metrics", {}, 200),
        ("the page's own requests", "/api/metrics", {"sec-fetch-site": "same-origin"}, 200),
        ("typed into the address bar", "/api/metrics", {"sec-fetch-site": "none", **NAVIGATION}, 200),
        ("a link on another page", "/", {"sec-fetch-site": "cross-site", **NAVIGATION}, 200),
        ("a link to the API", "/api/metrics", {"sec-fetch-site": "cross-site", **NAVIGATION}, 403),
        ("a script of another page", "/api/metrics", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}, 403),
        ("another port of this machine", "/api/metrics", {"sec-fetch-site": "same-site"}, 403),
        ("the page as a frame", "/", {"sec-fetch-site": "cross-site", **NAVIGATION, "sec-fetch-dest": "iframe"}, 403),
        ("an image", "/static/x.png", {"sec-fetch-site": "cross-site", "sec-fetch-dest": "image"}, 403),
        ("an old browser, another origin", "/api/metrics", {"origin": "http://evil.example"}, 403),
        ("an old browser, no origin at all", "/api/metrics", {"origin": "null"}, 403),
        ("an old browser, the page itself", "/api/metrics", {"origin": "http://localhost:8050"}, 200),
    ],
)
async def test_another_origin_is_refused_unless_it_links_to_the_page(
    case: str, path: str, headers: dict[str, str], status: int
) -> None:
    assert (await get(Guard(app), path, headers=headers)).status == status, case


async def test_every_response_has_the_security_headers() -> None:
    for answer in (
        await get(Guard(app), "/"),
        await get(Guard(app), "/", headers={"host": "evil.example"}),
        await get(Guard(app), "/", method="POST"),
    ):
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert not any(name.startswith("access-control-") for name in answer.headers)


async def test_a_query_that_is_too_long_is_refused() -> None:
    assert (await get(Guard(app), "/?" + "x" * MAX_QUERY_BYTES)).status == 200
    assert (await get(Guard(app), "/?" + "x" * (MAX_QUERY_BYTES + 1))).status == 414


async def test_head_has_no_body() -> None:
    answer = await get(Guard(app), "/", method="HEAD")

    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "3")


@pytest.mark.parametrize(
    ("target", "host", "status"),
    [
        ("http://localhost:8050/", "localhost", 200),
        ("http://localhost:8050", "localhost", 200),
        ("HTTP://LOCALHOST/api/metrics", "localhost", 200),
        ("http://localhost/", "evil.example", 200),
        ("http://evil.example/", "localhost", 421),
        ("http://user@localhost/", "localhost", 421),
        ("http:///", "localhost", 421),
        ("https://localhost/", "localhost", 421),
        ("ftp://localhost/", "localhost", 421),
    ],
)
async def test_the_host_of_a_url_replaces_the_host_header(target: str, host: str, status: int) -> None:
    """Source: RFC 9112, section 3.2.2."""
    assert (await get(Guard(app), target, headers={"host": host})).status == status


async def test_the_origin_is_compared_with_the_host_of_a_url() -> None:
    headers = {"host": "localhost:1", "origin": "http://localhost:8050"}

    assert (await get(Guard(app), "http://localhost:8050/", headers=headers)).status == 200
    assert (await get(Guard(app), "http://localhost:1/", headers=headers)).status == 403


async def test_a_missing_host_header_is_named() -> None:
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    scope = {"type": "http", "method": "GET", "scheme": "http", "raw_path": b"/", "path": "/", "query_string": b""}
    await Guard(app)({**scope, "headers": []}, no_message, send)

    assert messages[0]["status"] == 421
    assert json.loads(messages[1]["body"])["detail"] == "the request has no Host header"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "localhost"}, 400),
        ({"host": "evil.example"}, 421),
        ({"host": "localhost", "origin": "http://evil.example"}, 403),
    ],
)
async def test_a_web_socket_is_refused_with_a_reason(headers: dict[str, str], status: int) -> None:
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    scope = {"type": "websocket", "scheme": "ws", "raw_path": b"/", "path": "/", "query_string": b""}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await Guard(app)({**scope, "headers": encoded}, no_message, send)

    assert [message["type"] for message in messages] == [
        "websocket.http.response.start",
        "websocket.http.response.body",
    ]
    assert messages[0]["status"] == json.loads(messages[1]["body"])["status"] == status
