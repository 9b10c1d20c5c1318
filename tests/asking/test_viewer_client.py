"""The client of a viewer, against servers that behave well and badly."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.abc
import pytest

from fgm.asking.viewer_client import MAX_BYTES, AskError, NoAnswerError, ViewerClient, client_of


@asynccontextmanager
async def server(*parts: bytes, hangs: bool = False) -> AsyncIterator[tuple[ViewerClient, list[bytes]]]:
    """Serve the same bytes to each connection; yield a client, and the requests."""
    requests: list[bytes] = []

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            requests.append(await stream.receive())
            for part in parts:
                await stream.send(part)
            if hangs:
                await anyio.sleep_forever()

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, serve)
            yield ViewerClient(listener.extra(anyio.abc.SocketAttribute.local_port)), requests
            group.cancel_scope.cancel()
    finally:
        await listener.aclose()


def response(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def test_it_returns_json_also_if_it_is_compressed_and_in_pieces() -> None:
    body = gzip.compress(b'{"a": [1, null]}')
    async with server(*(bytes([byte]) for byte in response(body, "Content-Encoding: gzip"))) as (client, requests):
        assert await client.get("/api/top", {"metric": "a", "labels": "app:web,x:é"}) == {"a": [1, None]}

    assert requests[0].startswith(b"GET /api/top?metric=a&labels=app:web,x:%C3%A9 HTTP/1.1\r\nHost: localhost:")


async def test_several_requests_are_sent_at_the_same_time_and_answered_in_order() -> None:
    all_came, came = anyio.Event(), 0

    async def serve(stream: anyio.abc.SocketStream) -> None:
        nonlocal came
        async with stream:
            target = (await stream.receive()).split()[1]
            came += 1
            if came == 3:
                all_came.set()
            await all_came.wait()
            await stream.send(response(target.removeprefix(b"/")))

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        client = ViewerClient(listener.extra(anyio.abc.SocketAttribute.local_port))
        assert await client.get_each([("/1", {}), ("/2", {}), ("/3", {})]) == [1, 2, 3]
        group.cancel_scope.cancel()


async def test_the_first_of_several_requests_that_fails_ends_the_others() -> None:
    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            if b"/fails" in await stream.receive():
                await stream.send(response(b"{}", status="404 Not Found"))
            await anyio.sleep_forever()

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        client = ViewerClient(listener.extra(anyio.abc.SocketAttribute.local_port))
        with anyio.fail_after(10), pytest.raises(AskError, match="answers /fails with status 404"):
            await client.get_each([("/hangs", {}), ("/fails", {})])
        group.cancel_scope.cancel()


async def test_what_a_viewer_refuses_has_its_sentence() -> None:
    body = b'{"detail": "there is no metric", "allowed": "a name"}'
    async with server(response(body, status="404 Not Found")) as (client, _):
        with pytest.raises(AskError, match=r"^there is no metric; allowed: a name$"):
            await client.get("/api/top")


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ((), "it has closed the connection before the end of its answer"),
        ((b"SSH-2.0-x\r\n\r\n",), "is not a viewer"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",), "closed the connection before the end"),
        ((response(b"<html>"),), "and not with JSON"),
        ((response(b"xx", "Content-Encoding: gzip"),), "is not a viewer"),
        ((response(gzip.compress(b"{}") + b"x", "Content-Encoding: gzip"),), "after the end of what is compressed"),
    ],
)
async def test_what_is_no_answer_is_an_error(parts: tuple[bytes, ...], reason: str) -> None:
    async with server(*parts) as (client, _):
        with pytest.raises(NoAnswerError, match=reason):
            await client.get("/api/health")


async def test_a_viewer_that_hangs_is_given_up() -> None:
    async with server(b"HTTP/1.1 200 OK\r\n", hangs=True) as (client, _):
        with pytest.raises(NoAnswerError, match=r"^no answer within 0\.2 s$"):
            await client.get("/api/health", timeout_s=0.2)


@pytest.mark.parametrize("is_packed", [True, False])
async def test_an_answer_that_is_too_large_is_not_kept(is_packed: bool) -> None:
    body = bytes(MAX_BYTES + 1)
    packed = response(gzip.compress(body), "Content-Encoding: gzip") if is_packed else response(body)
    async with server(packed, hangs=True) as (client, _):
        with pytest.raises(AskError, match="more than 16 MiB"):
            await client.get("/api/containers")


async def test_a_port_that_refuses_is_an_error_with_the_reason() -> None:
    with pytest.raises(NoAnswerError, match=r"cannot connect to http://127\.0\.0\.1:1/: Connection refused"):
        await ViewerClient(1).get("/api/health")


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("http://127.0.0.1:8050", "http://127.0.0.1:8050/"),
        ("http://localhost:8050/", "http://127.0.0.1:8050/"),
        ("http://[::1]:8050/fgm/", "http://[::1]:8050/fgm/"),
        ("http://127.0.0.1", "http://127.0.0.1:80/"),
    ],
)
def test_addresses_of_this_machine(address: str, url: str) -> None:
    assert client_of(address).url == url


@pytest.mark.parametrize(
    "address",
    [
        "https://127.0.0.1:8050",
        "http://example.org",
        "http://127.0.0.1:99999",
        "http://a@127.0.0.1",
        "http://127.0.0.1/?x",
    ],
)
def test_other_addresses_are_errors(address: str) -> None:
    with pytest.raises(AskError, match=r"give http://127\.0\.0\.1:PORT"):
        client_of(address)
