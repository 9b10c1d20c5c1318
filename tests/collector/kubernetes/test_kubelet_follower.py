"""The complete task against a kubelet on a real socket; only the clock is fake."""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from fgm.collector.kubernetes.container_exits import ContainerExit
from fgm.collector.kubernetes.follower import Outputs
from fgm.collector.kubernetes.kubelet_follower import KubeletFollower
from fgm.collector.kubernetes.requests.address import Address
from fgm.collector.kubernetes.requests.kubelet_client import KubeletClient
from fgm.collector.windows.index_keeper import IndexKeeper
from fgm.store.samples.series import Series
from tests.support.collector.api_server import ApiServer
from tests.support.collector.pods import NODE, container_id, pod_json, pod_uid, running, terminated
from tests.support.fake_clock import FakeClock

APP = Series("container", container_id=container_id(7), pod_uid=pod_uid(1))
CART = pod_json("cart", 1, running("app", 7))


class Follower:
    """The task, and the names and exits that it passes on."""

    def __init__(self, folder: Path, server: ApiServer, clock: FakeClock) -> None:
        self.server, self.clock = server, clock
        self.index = IndexKeeper(str(folder), 90, 0)
        self.exits: list[ContainerExit] = []
        self.name: Callable[[Series], Series] = lambda series: series
        client = KubeletClient(Address(server.url), NODE, clock.monotonic)
        outputs = Outputs(self.index.describe, self._rename, self.exits.append, lambda: None)
        self.pods = KubeletFollower(clock, client, self.index.index, outputs, random=lambda: 0.0)

    def see(self, *series: Series) -> None:
        """Simulate a tick with these series."""
        now_ms = self.clock.wall_ns() // 1_000_000
        named = [self.name(unnamed) for unnamed in series]
        self.index.update({str(container.container_id): container for container in named}, now_ms)
        self.pods.update_series(named)

    async def wait(self, seconds: float) -> None:
        """Let time pass, and the task send the requests that are due."""
        await self.clock.settle()
        await self.clock.advance(seconds)

    @property
    def requested_at(self) -> list[float]:
        return [request.at for request in self.server.requests]

    def _rename(self, name: Callable[[Series], Series]) -> None:
        self.name = name


@contextlib.asynccontextmanager
async def following(folder: Path) -> AsyncIterator[Follower]:
    clock = FakeClock()
    async with ApiServer(now=clock.monotonic).running() as server:
        follower = await to_thread.run_sync(Follower, folder, server, clock)
        async with anyio.create_task_group() as group:
            group.start_soon(follower.pods.run)
            yield follower
            group.cancel_scope.cancel()


async def test_a_new_container_has_its_name_after_a_second(tmp_path: Path) -> None:
    async with following(tmp_path) as follower:
        await follower.wait(20)
        follower.server.keep(CART)
        follower.see(APP)
        await follower.wait(1)
        named = follower.name(APP)

    assert (named.container_name, named.pod_name, named.runtime) == ("app", "cart", "containerd")
    assert follower.requested_at == [0, 21]
    assert {request.path for request in follower.server.requests} == {"/pods"}


async def test_a_container_that_the_kubelet_knows_late_is_asked_for_again(tmp_path: Path) -> None:
    async with following(tmp_path) as follower:
        await follower.wait(20)
        follower.see(APP)
        await follower.wait(2)
        follower.server.keep(CART)
        await follower.wait(200)
        assert follower.name(APP).container_name == "app"

    assert follower.requested_at == [0, 21, 26, 86, 146, 206]


async def test_the_reason_of_an_exit_is_asked_for_after_the_exit(tmp_path: Path) -> None:
    async with following(tmp_path) as follower:
        follower.server.keep(CART)
        follower.see(APP)
        await follower.wait(30)
        follower.see()
        follower.server.keep(pod_json("cart", 1, running("app", 8, restarts=1, lastState=terminated(7))))
        await follower.wait(1)

    (exited,) = follower.exits
    assert (exited.container_id, exited.reason) == (container_id(7), "OOMKilled")


async def test_an_outage_and_its_end_are_logged_once_and_names_are_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with following(tmp_path) as follower:
        follower.server.keep(CART)
        await follower.wait(30)
        follower.server.mood = "refusing"
        await follower.wait(300)
        assert follower.name(APP).container_name == "app"
        follower.server.mood = "good"
        await follower.wait(60)

    assert [record.message for record in caplog.records] == [
        "cannot list the pods of the kubelet; keeping the names so far",
        "listing the pods of the kubelet again",
    ]
    assert "pods proxy" in getattr(caplog.records[0], "fields", {})["reason"]


async def test_stopping_does_not_wait_for_a_request(tmp_path: Path) -> None:
    with anyio.fail_after(5):
        async with following(tmp_path) as follower:
            follower.server.mood = "hanging"
            await follower.server.until(lambda server: bool(server.requests))
