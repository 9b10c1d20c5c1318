"""All engines of a machine: which sockets are followed, and what is logged if names are missing."""

import logging
from pathlib import Path

import anyio
import pytest

from fgm.collector.engines.bundle_follower import BundleFollower
from fgm.collector.engines.bundle_reader import BundleReader
from fgm.collector.engines.engine_book import EngineBook
from fgm.collector.engines.engine_follower import GRACE_S, EngineFollower
from fgm.store.index.index_file import Index
from fgm.store.samples.series import Series
from tests.support.collector.engine_server import DOCKER_CONTAINERS, PODMAN_CONTAINERS, EngineServer
from tests.support.collector.told import Told
from tests.support.fake_clock import FakeClock
from tests.support.processes import LOOK_AGAIN_S

WEB = Series("container", container_id=DOCKER_CONTAINERS[-1]["Id"], runtime="docker")
APP = Series("container", container_id=PODMAN_CONTAINERS[-1]["Id"], runtime="podman")
MESSAGE = "containers have no names, because their engine cannot be asked"


def follower_of(folder: Path, clock: FakeClock, told: Told, *patterns: str) -> EngineFollower:
    book = EngineBook(Index(), told.outputs, lambda: 7, has_kubernetes=False)
    bundles = BundleFollower(clock, BundleReader(str(folder / "cgroups"), str(folder / "proc")), book)
    return EngineFollower(clock, book, [str(folder / pattern) for pattern in patterns], bundles)


async def test_the_sockets_that_match_are_followed_each_by_its_engine(tmp_path: Path) -> None:
    told = Told()
    for folder in ("1000/podman", "1001"):
        (tmp_path / folder).mkdir(parents=True)
    docker = EngineServer(tmp_path / "1001" / "docker.sock", DOCKER_CONTAINERS)
    podman = EngineServer(tmp_path / "1000" / "podman" / "podman.sock", PODMAN_CONTAINERS)
    follower = follower_of(tmp_path, FakeClock(), told, "*/docker.sock", "*/podman/podman.sock", "none.sock")
    async with docker.running(), podman.running(), anyio.create_task_group() as group:
        group.start_soon(follower.run)
        await anyio.wait_all_tasks_blocked()
        assert docker.requests + podman.requests == []

        follower.update_series([WEB, APP])
        with anyio.fail_after(20):
            while told.name(WEB) is WEB or told.name(APP) is APP:
                await anyio.sleep(LOOK_AGAIN_S)
        group.cancel_scope.cancel()

    assert told.name(WEB).container_name == "shop-web-1"
    assert told.name(APP).pod_name == "cart"


async def test_missing_names_are_logged_once_with_the_reason_and_what_to_do(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    clock = FakeClock()
    (tmp_path / "docker.sock").touch()  # a file that refuses connections, as an engine that is gone
    follower = follower_of(tmp_path, clock, Told(), "docker.sock")
    async with anyio.create_task_group() as group:
        group.start_soon(clock.sleep_until, 1e9)  # `advance` needs a sleeper
        group.start_soon(follower.run)
        follower.update_series([WEB])
        await clock.settle(3)
        await clock.advance(GRACE_S)
        follower.update_series([WEB, Series("container", container_id="b" * 64, runtime="docker")])
        await clock.settle(2)
        await clock.advance(GRACE_S)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()

    (record,) = (record for record in caplog.records if record.message == MESSAGE)
    facts = record.fields  # type: ignore[attr-defined]
    assert facts["runtime"] == "docker"
    assert "docker.sock: ConnectionRefusedError" in facts["reason"]
    assert "--engine-socket" in facts["advice"]


async def test_a_container_that_an_engine_does_not_list_is_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be about to start, or be of another engine in a machine."""
    caplog.set_level(logging.WARNING)
    clock = FakeClock()
    server = EngineServer(tmp_path / "docker.sock", [])
    follower = follower_of(tmp_path, clock, Told(), "docker.sock")
    async with server.running(), anyio.create_task_group() as group:
        group.start_soon(clock.sleep_until, 1e9)  # `advance` needs a sleeper
        group.start_soon(follower.run)
        follower.update_series([WEB])
        await server.streaming()
        await clock.settle(2)
        await clock.advance(GRACE_S)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()

    assert caplog.records == []


async def test_containers_of_kubernetes_and_without_an_engine_are_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    clock = FakeClock()
    follower = follower_of(tmp_path, clock, Told(), "docker.sock")
    async with anyio.create_task_group() as group:
        group.start_soon(clock.sleep_until, 1e9)  # `advance` needs a sleeper
        group.start_soon(follower.run)
        follower.update_series([Series("container", container_id="b" * 64), Series("node")])
        await clock.settle(2)
        await clock.advance(GRACE_S)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()

    assert caplog.records == []
