"""The task that follows one engine: when it asks, what it tells, and how it goes on after failures."""

import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest

from fgm.collector.engines import socket_follower
from fgm.collector.engines.engine_book import EngineBook
from fgm.collector.engines.engine_client import EngineClient
from fgm.collector.engines.socket_follower import SocketFollower
from fgm.store.index.index_file import Index
from fgm.store.samples.series import Series
from tests.support.collector.engine_server import (
    DOCKER_CONTAINERS,
    DOCKER_EVENTS,
    PODMAN_CONTAINERS,
    EngineServer,
)
from tests.support.collector.told import Told
from tests.support.fake_clock import FakeClock
from tests.support.processes import LOOK_AGAIN_S

SERIES = {each["Names"][0].strip("/"): each["Id"] for each in (*DOCKER_CONTAINERS, *PODMAN_CONTAINERS)}


def running(name: str, runtime: str = "docker") -> Series:
    return Series("container", container_id=SERIES[name], runtime=runtime)


class Followed:
    """A follower of a socket, and everything around it."""

    def __init__(self, path: Path, runtime: str) -> None:
        self.clock = FakeClock()
        self.told = Told()
        self.book = EngineBook(Index(), self.told.outputs, lambda: 7, has_kubernetes=False)
        client = EngineClient(str(path), runtime, time.monotonic)
        self.follower = SocketFollower(self.clock, client, self.book)
        self.server = EngineServer(path, DOCKER_CONTAINERS if runtime == "docker" else PODMAN_CONTAINERS)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(self.clock.sleep_until, 1e9)  # `advance` needs a sleeper
            group.start_soon(self.follower.run)
            yield
            group.cancel_scope.cancel()

    async def until(self, condition: Callable[[], object]) -> None:
        with anyio.fail_after(20):
            while not condition():
                await anyio.sleep(LOOK_AGAIN_S)

    async def advance_until(self, condition: Callable[[], object]) -> None:
        """Let time pass until the condition holds."""
        with anyio.fail_after(20):
            while not condition():
                await self.clock.advance(1)
                await anyio.sleep(LOOK_AGAIN_S)

    def name(self, series: Series) -> str | None:
        return self.told.name(series).container_name


@pytest.fixture
def docker(tmp_path: Path) -> Followed:
    return Followed(tmp_path / "docker.sock", "docker")


@pytest.fixture
def podman(tmp_path: Path) -> Followed:
    return Followed(tmp_path / "podman.sock", "podman")


async def test_containers_that_run_already_and_those_that_start_later_are_named(docker: Followed) -> None:
    web, plain = running("shop-web-1"), running("renamed")
    docker.server.containers = [each for each in DOCKER_CONTAINERS if each["Id"] != plain.container_id]
    async with docker.server.running(), docker.running():
        docker.book.update_series([web])
        await docker.until(lambda: docker.name(web))
        assert (docker.name(web), docker.name(plain)) == ("shop-web-1", None)

        await docker.server.streaming()
        await docker.server.send(b"".join(DOCKER_EVENTS[:6]))
        await docker.until(lambda: docker.name(plain) == "plain")
        await docker.server.send(b"".join(DOCKER_EVENTS[6:]))
        await docker.until(lambda: docker.name(plain) == "renamed")
    assert [path.partition("?")[0] for path in docker.server.requests] == ["/events", "/containers/json"]


async def test_exits_are_reported_with_their_codes_and_oom_kills(docker: Followed) -> None:
    async with docker.server.running(), docker.running():
        docker.book.update_series([running("shop-web-1")])
        await docker.server.streaming()
        await docker.server.send(b"".join(DOCKER_EVENTS))
        await docker.until(lambda: len(docker.told.exits) == 2)

    assert [(each.reason, each.exit_code) for each in docker.told.exits] == [("OOMKilled", 137), (None, 3)]
    die = next(json.loads(line) for line in DOCKER_EVENTS if b'"Action":"die"' in line)
    assert docker.told.exits[0].finished_ms == die["timeNano"] // 1_000_000


async def test_an_exit_code_that_a_label_replaces_is_unknown(docker: Followed) -> None:
    """Docker 20.10 takes the attribute from the labels, if there is one with its name."""
    short = [json.loads(line) for line in DOCKER_EVENTS[-5:]]
    for event in short:
        event["Actor"]["Attributes"]["exitCode"] = "0"
    async with docker.server.running(), docker.running():
        docker.book.update_series([running("shop-web-1")])
        await docker.server.streaming()
        await docker.server.send(b"".join(json.dumps(event).encode() + b"\n" for event in short))
        await docker.until(lambda: docker.told.exits)

    assert [(each.reason, each.exit_code) for each in docker.told.exits] == [(None, None)]


@pytest.mark.parametrize("kind", ["docker", "podman"])
async def test_nothing_is_asked_before_a_container_of_the_engine_runs(tmp_path: Path, kind: str) -> None:
    """The first connection may start an engine that systemd has not started yet."""
    followed = Followed(tmp_path / "engine.sock", kind)
    async with followed.server.running(), followed.running():
        followed.book.update_series([running("renamed", "podman" if kind == "docker" else "docker")])
        await anyio.wait_all_tasks_blocked()
        assert followed.server.requests == []

        followed.book.update_series([running("app", kind)])
        await followed.until(lambda: followed.server.requests)


async def test_names_stay_while_the_engine_restarts_and_then_it_is_followed_again(docker: Followed) -> None:
    web, database = running("shop-web-1"), running("shop-db-1")
    docker.server.containers = DOCKER_CONTAINERS[-1:]
    async with docker.running():
        async with docker.server.running():
            docker.book.update_series([web])
            await docker.until(lambda: docker.name(web))
        await docker.advance_until(lambda: docker.follower.reason)
        assert "docker.sock" in str(docker.follower.reason)
        assert docker.name(web) == "shop-web-1"

        docker.server.containers = DOCKER_CONTAINERS
        async with docker.server.running():
            docker.book.update_series([web, database])
            await docker.advance_until(lambda: docker.name(database))
            assert docker.follower.reason is None


async def test_a_malformed_stream_is_opened_again_after_a_while(docker: Followed) -> None:
    async with docker.server.running(), docker.running():
        docker.book.update_series([running("shop-web-1")])
        await docker.server.streaming()
        await docker.server.send(b"{\n")
        await docker.until(lambda: docker.follower.reason)
        assert "malformed" in str(docker.follower.reason)

        await docker.advance_until(lambda: len(docker.server.streams) == 2)


async def test_podman_is_asked_for_a_list_if_there_are_new_containers(podman: Followed) -> None:
    """A stream would keep its service running, which systemd starts for each connection."""
    app, web = running("app", "podman"), running("podman-web", "podman")
    podman.server.containers = [each for each in PODMAN_CONTAINERS if each["Id"] == app.container_id]
    async with podman.server.running(), podman.running():
        podman.book.update_series([app])
        await podman.until(lambda: podman.name(app))
        assert podman.told.name(app).pod_name == "cart"

        podman.server.containers = PODMAN_CONTAINERS
        podman.book.update_series([app, web])
        await podman.advance_until(lambda: podman.name(web))
        assert podman.told.facts[str(web.container_id)]["labels"] == {"com.docker.compose.project": "shop"}
    assert len(podman.server.requests) == 2


async def test_podman_is_not_asked_again_about_a_container_that_it_does_not_list(podman: Followed) -> None:
    podman.server.containers = []
    async with podman.server.running(), podman.running():
        podman.book.update_series([running("app", "podman")])
        await podman.clock.settle(2)
        for _ in range(3):
            await podman.clock.advance(60)
            await anyio.wait_all_tasks_blocked()
    assert len(podman.server.requests) == 1


async def test_a_stream_without_end_is_read_with_pauses(docker: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_follower, "PARTS_PER_PAUSE", 2)
    containers = [Series("container", container_id=f"{number:064x}") for number in range(3)]
    event = json.loads(DOCKER_EVENTS[0])
    async with docker.server.running(), docker.running():
        docker.book.update_series([running("shop-web-1")])
        await docker.server.streaming()
        for container in containers:  # one part of the stream each
            event["Actor"]["ID"] = container.container_id
            await docker.server.send(json.dumps(event).encode() + b"\n")
        await docker.until(lambda: docker.name(containers[1]))
        assert docker.name(containers[2]) is None
        await docker.advance_until(lambda: docker.name(containers[2]))
