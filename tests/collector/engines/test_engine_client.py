"""The client of an engine, on a real Unix socket: the lists and events of real engines, and failures."""

import json
import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest
from anyio import to_thread

from fgm.collector.engines import engine_client
from fgm.collector.engines.engine_client import EngineClient
from fgm.collector.engines.engine_event import EngineEvent
from fgm.collector.kubernetes.requests.errors import ApiError, SilenceError, StreamError
from tests.support.collector.engine_server import (
    DOCKER_CONTAINERS,
    DOCKER_EVENTS,
    PODMAN_CONTAINERS,
    EngineServer,
)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EngineServer]:
    async with EngineServer(tmp_path / "docker.sock", DOCKER_CONTAINERS).running() as server:
        yield server


@pytest.fixture
def client(server: EngineServer) -> Iterator[EngineClient]:
    client = EngineClient(server.path, "docker", time.monotonic)
    yield client
    client.cut()


async def test_the_running_containers_are_listed(client: EngineClient, server: EngineServer) -> None:
    containers = await to_thread.run_sync(client.list_containers)

    assert {container.name for container in containers} == {"shop-web-1", "shop-db-1", "renamed"}
    (path,) = server.requests
    query = parse_qs(urlsplit(path).query)
    assert query["all"] == ["1"]
    assert "created" in json.loads(query["filters"][0])["status"], "its cgroup exists before it runs"


async def test_podman_is_asked_for_its_own_list(tmp_path: Path) -> None:
    async with EngineServer(tmp_path / "podman.sock", PODMAN_CONTAINERS).running() as server:
        client = EngineClient(server.path, "podman", time.monotonic)
        containers = await to_thread.run_sync(client.list_containers)
        client.cut()

    assert {container.pod_name for container in containers} == {None, "cart"}
    assert server.requests == ["/v4.0.0/libpod/containers/json"]


async def test_events_arrive_as_they_happen_also_in_pieces(client: EngineClient, server: EngineServer) -> None:
    await to_thread.run_sync(client.open_events)
    await server.streaming()
    first, second = DOCKER_EVENTS[0], DOCKER_EVENTS[6]
    await server.send(first + second[:100])
    begin = await to_thread.run_sync(client.next_events)
    await server.send(second[100:])
    rest = await to_thread.run_sync(client.next_events)
    await server.end_streams()

    assert [[event.container and event.container.name for event in events or ()] for events in (begin, rest)] == [
        ["shop-web-1"],
        ["renamed"],
    ]
    assert await to_thread.run_sync(client.next_events) is None


async def test_a_list_can_be_requested_while_a_stream_is_open(client: EngineClient, server: EngineServer) -> None:
    await to_thread.run_sync(client.open_events)
    await to_thread.run_sync(client.list_containers)
    await server.streaming()
    await server.send(DOCKER_EVENTS[0])

    assert await to_thread.run_sync(client.next_events)


@pytest.mark.parametrize("body", [b"[{", b"\xff", b"[" * 100_000])
async def test_a_malformed_list_is_an_error(client: EngineClient, server: EngineServer, body: bytes) -> None:
    server.body = body

    with pytest.raises(ApiError):
        await to_thread.run_sync(client.list_containers)


async def test_a_list_that_is_too_long_is_refused(client: EngineClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_client, "MAX_LIST_BYTES", 1000)

    with pytest.raises(ApiError, match="more than 1000 bytes"):
        await to_thread.run_sync(client.list_containers)


@pytest.mark.parametrize("line", [b"{\n", b"\xff\n"])
async def test_a_malformed_event_is_an_error(client: EngineClient, server: EngineServer, line: bytes) -> None:
    await to_thread.run_sync(client.open_events)
    await server.streaming()
    await server.send(line)

    with pytest.raises(StreamError):
        await to_thread.run_sync(client.next_events)


async def test_an_endless_event_is_an_error(
    client: EngineClient, server: EngineServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_client, "MAX_LINE_BYTES", 1000)
    await to_thread.run_sync(client.open_events)
    await server.streaming()
    await server.send(b"x" * 1001)

    with pytest.raises(StreamError, match="more than 1000 bytes"):
        await to_thread.run_sync(client.next_events)


async def test_an_event_in_many_small_pieces_is_read(client: EngineClient, server: EngineServer) -> None:
    await to_thread.run_sync(client.open_events)
    await server.streaming()
    data = b"\n\n" + DOCKER_EVENTS[0]
    for position in range(0, len(data), 10):  # more pieces than that do not fit into the buffer of the socket
        await server.send(data[position : position + 10])
    events: Sequence[EngineEvent] | None = []
    while events == []:
        events = await to_thread.run_sync(client.next_events)

    assert [event.kind for event in events or ()] == ["named"]


async def test_a_silent_stream_ends(client: EngineClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_client, "SILENCE_S", 0.01)
    await to_thread.run_sync(client.open_events)

    with pytest.raises(SilenceError):
        await to_thread.run_sync(client.next_events)


async def test_an_engine_that_does_not_know_the_request_is_an_error_with_its_message(
    client: EngineClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engine_client.LISTS, "docker", "/no/such/path")

    with pytest.raises(ApiError, match="HTTP 404: page not found"):
        await to_thread.run_sync(client.list_containers)


async def test_the_reason_of_a_failure_contains_the_path_of_the_socket(tmp_path: Path) -> None:
    client = EngineClient(str(tmp_path / "docker.sock"), "docker", time.monotonic)

    with pytest.raises(ApiError, match=r"docker\.sock: FileNotFoundError"):
        await to_thread.run_sync(client.list_containers)


@pytest.mark.skipif(os.getuid() == 0, reason="root may use every socket")
async def test_a_socket_without_rights_is_an_error(client: EngineClient, server: EngineServer) -> None:
    await to_thread.run_sync(os.chmod, server.path, 0)

    with pytest.raises(ApiError, match="PermissionError"):
        await to_thread.run_sync(client.list_containers)


async def test_waiting_for_events_can_be_cut(client: EngineClient, server: EngineServer) -> None:
    await to_thread.run_sync(client.open_events)
    async with anyio.create_task_group() as group:

        async def wait() -> None:
            with suppress(ApiError):
                await to_thread.run_sync(client.next_events)

        group.start_soon(wait)
        await server.streaming()
        client.cut()

    with pytest.raises(ApiError, match="aborted"):
        await to_thread.run_sync(client.list_containers)
