"""The client against a server on a real socket; its methods block, as they do in their thread."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import anyio
import pytest
from anyio import to_thread

from fgm.collector.kubernetes.requests.address import Address
from fgm.collector.kubernetes.requests.api_client import MAX_LINE_BYTES, PodApi
from fgm.collector.kubernetes.requests.connection import TOKEN_EVERY_S, Timeouts
from fgm.collector.kubernetes.requests.errors import ApiError, StreamError
from tests.support.collector.api_server import ApiServer, Mood
from tests.support.collector.certificates import own_certificate
from tests.support.collector.pods import NODE, pod_json, running

T = TypeVar("T")

IMPATIENT = Timeouts(connect_s=5, list_s=0.2, silence_s=0.2)


def client(
    server: ApiServer,
    patience: Timeouts | None = None,
    token_file: str | None = None,
    authority_file: str | None = None,
) -> PodApi:
    return PodApi(Address(server.url, token_file, authority_file), NODE, time.monotonic, patience)


async def blocking(work: Callable[..., T], *arguments: object) -> T:
    with anyio.fail_after(10):
        return await to_thread.run_sync(work, *arguments)


async def test_a_list_requests_the_pods_of_this_node_from_the_servers_memory() -> None:
    async with ApiServer().running() as server:
        server.keep(pod_json("cart", 1, running("app", 7)))
        server.keep(pod_json("stray", 2, running("app", 8), node="worker-4"))
        pods, version = await blocking(client(server).list_pods)

    assert ([pod.name for pod in pods], version) == (["cart"], "1002")
    (request,) = server.requests
    assert request.path == "/api/v1/pods"
    assert request.query == {"fieldSelector": f"spec.nodeName={NODE}", "resourceVersion": "0"}
    assert request.headers["Accept"] == "application/json"
    assert "Authorization" not in request.headers


async def test_a_stream_yields_events_until_it_ends() -> None:
    async with ApiServer().running() as server:
        api = client(server)
        await blocking(api.open_stream, "1000", 321)
        await server.watched()
        await server.put(pod_json("cart", 1, running("app", 7)))
        events = await blocking(api.next_events)
        await server.put(pod_json("stray", 2, running("app", 8), node="worker-4"))
        strangers = await blocking(api.next_events)
        await server.bookmark()
        bookmarks = await blocking(api.next_events)
        await server.send(b'{"type":"ADDED","obj')
        await server.cut()
        with pytest.raises(ApiError):
            await blocking(api.next_events)

    assert events is not None
    assert [(event.kind, event.pod and event.pod.name) for event in events] == [("changed", "cart")]
    assert strangers == []
    assert bookmarks is not None
    assert [(event.kind, event.resource_version) for event in bookmarks] == [("bookmark", "1009")]
    assert server.requests[0].query == {
        "fieldSelector": f"spec.nodeName={NODE}",
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "1000",
        "timeoutSeconds": "321",
    }
    assert api.requests == 1


async def test_a_stream_that_ends_in_order_returns_none() -> None:
    async with ApiServer(mood="empty").running() as server:
        api = client(server)
        await blocking(api.open_stream, "1000", 300)
        assert await blocking(api.next_events) is None


async def test_events_may_arrive_in_pieces_or_several_at_once() -> None:
    async with ApiServer().running() as server:
        api = client(server)
        await blocking(api.open_stream, "1000", 300)
        await server.watched()
        line = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"%d"}}}\n'
        for piece in (line[:9], line[9:] % 1 + line % 2 + line[:30]):
            await server.send(piece)
        events = await blocking(api.next_events)
        api.cut()
        with pytest.raises(ApiError):
            await blocking(api.next_events)

    assert events is not None
    assert [event.resource_version for event in events] == ["1", "2"]


@pytest.mark.parametrize("mood", ["hanging", "garbage", "refusing"])
async def test_a_bad_server_is_an_error_within_the_timeout(mood: Mood) -> None:
    async with ApiServer(mood=mood).running() as server:
        with pytest.raises(ApiError) as error:
            await blocking(client(server, IMPATIENT).list_pods)

    assert error.value.status == (500 if mood == "refusing" else None)
    assert "leader changed" in str(error.value) or mood != "refusing"


async def test_a_refused_connection_is_an_error() -> None:
    with pytest.raises(ApiError, match="refused"):
        await blocking(PodApi(Address("http://127.0.0.1:1"), NODE, time.monotonic).list_pods)


async def test_a_stream_without_whole_lines_is_given_up_after_the_timeout() -> None:
    async with ApiServer().running() as server:
        api = client(server, IMPATIENT)
        await blocking(api.open_stream, "1000", 300)
        await server.watched()
        with pytest.raises(ApiError, match="timed out"):
            await blocking(api.next_events)
        await blocking(api.open_stream, "1000", 300)
        await server.watched()

        async def drip() -> None:
            while True:
                await server.send(b" ")
                await anyio.sleep(0.02)  # the drops themselves, not a wait for something

        async with anyio.create_task_group() as group:
            group.start_soon(drip)
            with pytest.raises(ApiError, match="timed out"):
                await blocking(api.next_events)
            group.cancel_scope.cancel()


async def test_a_malformed_line_and_an_endless_line_are_errors() -> None:
    async with ApiServer(mood="garbage").running() as server:
        api = client(server)
        await blocking(api.open_stream, "1000", 300)
        with pytest.raises(StreamError):
            await blocking(api.next_events)
        server.mood = "good"
        await blocking(api.open_stream, "1000", 300)
        await server.watched()

        async def pour() -> None:
            await server.send(b"x" * (MAX_LINE_BYTES + (1 << 20)))

        async with anyio.create_task_group() as group:
            group.start_soon(pour)
            with pytest.raises(StreamError, match="more than"):
                await blocking(api.next_events)
            group.cancel_scope.cancel()


@pytest.mark.parametrize("mood", ["hanging", "good"])
async def test_cutting_ends_any_waiting_request_at_once(mood: Mood) -> None:
    async with ApiServer(mood=mood).running() as server:
        api = client(server)

        def follow() -> None:
            api.open_stream("1000", 300)
            while api.next_events() is not None:
                pass

        async def wait() -> None:
            with pytest.raises(ApiError):
                await blocking(follow)

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await server.until(lambda server: bool(server.requests))
            api.cut()
        with pytest.raises(ApiError, match="aborted"):
            await blocking(api.list_pods)


async def test_the_token_is_read_again_every_minute_and_after_a_refusal(tmp_path: Path) -> None:
    token_file, now = tmp_path / "token", 0.0
    await to_thread.run_sync(token_file.write_text, "first\n")
    async with ApiServer(token="first").running() as server:
        api = PodApi(Address(server.url, str(token_file)), NODE, lambda: now)
        await blocking(api.list_pods)
        await to_thread.run_sync(token_file.write_text, "second")
        await blocking(api.list_pods)
        now = TOKEN_EVERY_S
        server.token = "second"
        await blocking(api.list_pods)
        server.token = "third"
        await to_thread.run_sync(token_file.write_text, "third")
        with pytest.raises(ApiError) as refused:
            await blocking(api.list_pods)
        await blocking(api.list_pods)

    assert refused.value.status == 401
    shown = [request.headers["Authorization"].removeprefix("Bearer ") for request in server.requests]
    assert shown == ["first", "first", "second", "second", "third"]


@pytest.mark.parametrize("text", ["", "se\x07cret", "se\ncret", "s€cret"])
async def test_a_malformed_token_is_an_error_that_does_not_show_it(tmp_path: Path, text: str) -> None:
    await to_thread.run_sync(lambda: (tmp_path / "token").write_text(text, "utf-8"))
    async with ApiServer().running() as server:
        with pytest.raises(ApiError) as error:
            await blocking(client(server, token_file=str(tmp_path / "token")).list_pods)

    assert "cret" not in str(error.value)
    assert server.requests == []


async def test_over_tls_a_server_with_a_certificate_of_the_authority_is_accepted(tmp_path: Path) -> None:
    path = await to_thread.run_sync(own_certificate, tmp_path, "IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    await to_thread.run_sync(context.load_cert_chain, path)
    async with ApiServer().running(context) as server:
        server.keep(pod_json("cart", 1, running("app", 7)))
        api = client(server, authority_file=str(tmp_path / "ca.crt"))
        pods, version = await blocking(api.list_pods)
        await blocking(api.open_stream, version, 300)
        await server.watched()
        await server.bookmark()
        assert await blocking(api.next_events)
        api.cut()
        with pytest.raises(ApiError):
            await blocking(api.next_events)

    assert [pod.name for pod in pods] == ["cart"]


async def test_over_tls_a_server_of_another_authority_is_refused(tmp_path: Path) -> None:
    path = await to_thread.run_sync(own_certificate, tmp_path, "IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    await to_thread.run_sync(context.load_cert_chain, path)
    with anyio.CancelScope():
        async with ApiServer().running(context) as server:
            with pytest.raises(ApiError, match="CERTIFICATE_VERIFY_FAILED"):
                await blocking(client(server).list_pods)
    assert server.requests == []
