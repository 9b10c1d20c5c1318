"""Real connections: a client that closes its sending side gets its response; the request of one that left ends."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import SocketAttribute, SocketStream
from hypercorn.config import Config

from fgm.listening import listen
from fgm.viewer.web import connection, server
from fgm.viewer.web.asgi import App, Receive, Scope, Send, respond
from fgm.viewer.web.guard import Guard
from fgm.viewer.web.server import serve_until_cancelled

INTERIM = b"HTTP/1.1 100 \r\n"


class SlowApp:
    """An app that responds when `release` is set, and that gives up when the client has left, as Quart does."""

    def __init__(self) -> None:
        self.has_started, self.release, self.has_given_up = anyio.Event(), anyio.Event(), anyio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        self.has_started.set()
        async with anyio.create_task_group() as group:

            async def wait_for_disconnect() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                self.has_given_up.set()
                group.cancel_scope.cancel()

            group.start_soon(wait_for_disconnect)
            await self.release.wait()
            await respond(scope, send, 200, {"Content-Type": "text/plain"}, b"at last")
            group.cancel_scope.cancel()


@pytest.fixture
def app() -> SlowApp:
    return SlowApp()


@asynccontextmanager
async def connected(app: App) -> AsyncIterator[SocketStream]:
    """Serve the app, and connect to it."""
    sock = listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            await group.start(serve_until_cancelled, app, sock)
            async with await anyio.connect_tcp("127.0.0.1", port) as client:
                yield client
            group.cancel_scope.cancel()


def request(version: str = "1.1") -> bytes:
    return f"GET / HTTP/{version}\r\nHost: localhost\r\n\r\n".encode()


async def rest(client: SocketStream) -> bytes:
    return b"".join([part async for part in client])


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_a_client_that_closes_its_sending_side_gets_the_response(app: SlowApp, version: str) -> None:
    async with connected(app) as client:
        await client.send(request(version))
        await client.send_eof()
        await app.has_started.wait()
        app.release.set()
        response = await rest(client)

    assert response.startswith(b"HTTP/1.1 200 ")
    assert response.endswith(b"\r\n\r\nat last")


async def test_a_request_for_a_websocket_gets_the_reason_too() -> None:
    upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n"
    async with connected(Guard(SlowApp())) as client:
        await client.send(request().removesuffix(b"\r\n") + upgrade + b"\r\n")
        await client.send_eof()
        response = await rest(client)

    assert response.startswith(b"HTTP/1.1 400 ")
    assert b"this server has no WebSockets" in response


async def test_all_requests_that_were_sent_before_that_are_answered(app: SlowApp) -> None:
    app.release.set()
    async with connected(app) as client:
        await client.send(request() * 3)
        await client.send_eof()
        response = await rest(client)

    assert response.count(b"at last") == 3


async def test_while_the_response_takes_time_interim_responses_are_sent(app: SlowApp) -> None:
    async with connected(app) as client:
        await client.send(request())
        await client.send_eof()
        assert (await client.receive()).startswith(INTERIM)
        app.release.set()
        response = await rest(client)

    assert response.endswith(b"\r\n\r\nat last")


async def test_a_client_that_has_left_ends_its_request(app: SlowApp) -> None:
    async with connected(app) as client:
        await client.send(request())
        await app.has_started.wait()
        await client.aclose()
        await app.has_given_up.wait()

    assert not app.release.is_set()


async def test_a_client_that_leaves_after_closing_its_sending_side_ends_its_request(app: SlowApp) -> None:
    async with connected(app) as client:
        await client.send(request())
        await client.send_eof()
        assert (await client.receive()).startswith(INTERIM)
        await client.aclose()
        await app.has_given_up.wait()

    assert not app.release.is_set()


async def test_a_client_of_http_1_0_gets_no_interim_response_and_its_request_ends_after_a_while(
    app: SlowApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP/1.0 has no interim responses, so a client that has left cannot be told from one that waits."""
    monkeypatch.setattr(connection, "MAX_WAIT_S", 0.01)
    async with connected(app) as client:
        await client.send(request("1.0"))
        await client.send_eof()

        assert await rest(client) == b""
        await app.has_given_up.wait()


async def test_a_connection_reset_by_the_client_ends_its_request(app: SlowApp) -> None:
    async with connected(app) as client:
        await client.send(request())
        await app.has_started.wait()
        no_delay = struct.pack("ii", 1, 0)
        client.extra(SocketAttribute.raw_socket).setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_delay)
        await client.aclose()
        await app.has_given_up.wait()

    assert not app.release.is_set()


async def test_a_request_that_is_cut_off_gets_an_error(app: SlowApp) -> None:
    async with connected(app) as client:
        await client.send(request()[:-2])
        await client.send_eof()

        assert (await rest(client)).startswith(b"HTTP/1.1 400 ")


async def test_the_connection_is_closed_as_soon_as_both_sides_have_nothing_more_to_send(
    app: SlowApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not stay open until the keep-alive timeout, for which `nc -N` would wait."""
    monkeypatch.setattr(Config, "keep_alive_timeout", 3600)
    app.release.set()
    async with connected(app) as client:
        await client.send(request())
        response = await client.receive()
        while not response.endswith(b"at last"):
            response += await client.receive()
        await client.send_eof()

        assert await rest(client) == b""


async def test_a_connection_of_http_2_without_a_request_is_closed(
    app: SlowApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Config, "keep_alive_timeout", 0.1)
    async with connected(app) as client:
        await client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))

        await rest(client)

    assert not app.has_started.is_set()


async def test_a_server_that_stops_during_a_request_logs_no_traceback(
    app: SlowApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "GRACE_S", 0.1)
    problems: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: problems.append(context))
    sock = listen("127.0.0.1", 0)
    with socket.create_connection(sock.getsockname()) as client, anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            await group.start(serve_until_cancelled, app, sock)
            client.sendall(request())
            await app.has_started.wait()
            group.cancel_scope.cancel()
        await anyio.lowlevel.checkpoint()  # callbacks of the tasks that have ended run
    loop.set_exception_handler(None)
    assert problems == []
