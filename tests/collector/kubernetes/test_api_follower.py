"""The complete task against a server on a real socket; only the clock is fake."""

import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from fgm.collector.kubernetes.api_follower import ApiFollower
from fgm.collector.kubernetes.container_exits import ContainerExit
from fgm.collector.kubernetes.follower import Outputs
from fgm.collector.kubernetes.pod import MAX_PODS
from fgm.collector.kubernetes.requests.address import Address
from fgm.collector.kubernetes.requests.api_client import PodApi
from fgm.collector.kubernetes.requests.connection import Timeouts
from fgm.collector.kubernetes.watch_state import SETTLED_S
from fgm.collector.windows.index_keeper import IndexKeeper
from fgm.store.samples.series import Series
from tests.support.collector.api_server import ApiServer, Mood
from tests.support.collector.pods import NODE, container_id, pod_json, pod_uid, running, terminated
from tests.support.fake_clock import FakeClock

APP = Series("container", container_id=container_id(7), pod_uid=pod_uid(1))
CART = pod_json("cart", 1, running("app", 7))


class Follower:
    """The task, and the names, facts and exits that it passes on."""

    def __init__(self, folder: Path, server: ApiServer, clock: FakeClock, patience: Timeouts | None) -> None:
        self.clock, self.server, self.folder = clock, server, folder
        self.index = IndexKeeper(str(folder), 90, 0)
        self.exits: list[ContainerExit] = []
        self.limit_reads = 0
        self._names: Callable[[Series], Series] = lambda series: series
        self._news = anyio.Event()
        api = PodApi(
            Address(server.url, str(folder / "token")) if server.token else Address(server.url),
            NODE,
            clock.monotonic,
            patience,
        )
        outputs = Outputs(self.index.describe, self._rename, self._take, self._read_limits)
        self.pods = ApiFollower(clock, api, self.index.index, outputs, random=lambda: 0.0)

    def name(self, series: Series) -> Series:
        return self._names(series)

    def see(self, *series: Series) -> None:
        """Simulate a tick with these series."""
        now_ms = self.clock.wall_ns() // 1_000_000
        named = [self.name(unnamed) for unnamed in series]
        self.index.update({str(container.container_id): container for container in named}, now_ms)
        self.pods.update_series(named)

    async def recover(self) -> None:
        """Advance the clock to the next try, which succeeds, and until the stream counts as followed."""
        self.server.mood = "good"
        async with anyio.create_task_group() as group:
            group.start_soon(self.clock.sleep_until, 1e9)  # keeps the time moving after the task has stopped sleeping
            await self.clock.settle(2)
            await self.clock.advance(60)
            await self.server.watched()
            await self.clock.settle(2)
            await self.clock.advance(SETTLED_S)
            group.cancel_scope.cancel()

    def facts(self, number: int) -> dict[str, object]:
        index = self.index.index
        return dict(index.entries[index.keys[container_id(number)]].facts)

    async def until(self, condition: Callable[[], bool]) -> None:
        with anyio.fail_after(5):
            while not condition():
                await self._news.wait()

    def _rename(self, names: Callable[[Series], Series]) -> None:
        self._names = names
        self._tell()

    def _take(self, exited: ContainerExit) -> None:
        self.exits.append(exited)
        self._tell()

    def _read_limits(self) -> None:
        self.limit_reads += 1
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = anyio.Event()


@contextlib.asynccontextmanager
async def following(
    folder: Path, mood: Mood = "good", patience: Timeouts | None = None, token: str | None = None
) -> AsyncIterator[Follower]:
    clock = FakeClock()
    async with ApiServer(now=clock.monotonic, mood=mood, token=token).running() as server:
        server.keep(CART)
        follower = await to_thread.run_sync(Follower, folder, server, clock, patience)
        async with anyio.create_task_group() as group:
            group.start_soon(follower.pods.run)
            yield follower
            group.cancel_scope.cancel()


async def test_limits_are_read_again_when_the_api_says_that_they_changed(tmp_path: Path) -> None:
    async with following(tmp_path) as follower:
        await follower.server.watched()
        resized = pod_json("cart", 1, running("app", 7), resources={"app": {"limits": {"memory": "512Mi"}}})
        await follower.server.put(resized)
        await follower.until(lambda: follower.limit_reads == 1)

        of_pod = {**resized, "spec": {**resized["spec"], "resources": {"limits": {"cpu": "2", "memory": "1Gi"}}}}
        await follower.server.put(of_pod)
        await follower.until(lambda: follower.limit_reads == 2)
        await follower.server.put({**of_pod, "metadata": {**of_pod["metadata"], "labels": {"app": "other"}}})
        await follower.server.put(pod_json("web", 2, running("web", 8)))
        web = Series("container", container_id=container_id(8), pod_uid=pod_uid(2))
        await follower.until(lambda: follower.name(web).container_name == "web")
        assert follower.limit_reads == 2

        await to_thread.run_sync(follower.see, APP)
        assert follower.facts(7)["limits"] == {"memory_bytes": 512 << 20}
        assert follower.facts(7)["pod_limits"] == {"cpu_millicores": 2000, "memory_bytes": 1 << 30}


async def test_names_come_from_the_list_and_then_from_the_stream(tmp_path: Path) -> None:
    async with following(tmp_path) as follower:
        await follower.server.watched()
        assert follower.name(APP).container_name == "app"
        await follower.server.put(pod_json("cart", 1, running("app", 8, restarts=1)))
        await follower.until(
            lambda: follower.name(Series("container", container_id=container_id(8))).pod_name == "cart"
        )

    assert [request.is_watch for request in follower.server.requests] == [False, True]
    assert follower.pods.requests == 2


async def test_the_index_gets_facts_that_arrive_before_or_after_the_container(tmp_path: Path) -> None:
    async with following(tmp_path) as follower:
        await follower.server.watched()
        follower.see(APP)
        assert (follower.facts(7)["pod_name"], follower.facts(7)["labels"]) == ("cart", {"app": "cart"})
        follower.see()  # it has gone, and only then the kubelet says why
        await follower.server.put(pod_json("cart", 1, running("app", 8, restarts=1, lastState=terminated(7))))
        await follower.until(
            lambda: follower.name(Series("container", container_id=container_id(8))).pod_name == "cart"
        )

    ended = {"reason": "OOMKilled", "exit_code": 137, "finished_at": "2025-12-30T16:00:07Z"}
    assert (follower.facts(7)["ended"], follower.facts(7)["restart_count"]) == (ended, 0)
    (exited,) = follower.exits
    assert (exited.container_id, exited.reason) == (container_id(7), "OOMKilled")


async def test_without_the_right_to_watch_names_come_from_lists_at_a_limited_rate(tmp_path: Path) -> None:
    async with following(tmp_path, "no watch") as follower:
        await follower.until(lambda: follower.name(APP).container_name == "app")
        follower.server.keep(pod_json("next", 2))
        for _ in range(40):
            await follower.clock.settle(1)
            await follower.clock.advance(10)
            await follower.server.until(lambda server: server.requests[-1].is_watch)
            if follower.name(Series("pod", pod_uid=pod_uid(2))).pod_name == "next":
                break

        assert follower.name(Series("pod", pod_uid=pod_uid(2))).pod_name == "next"


async def test_without_the_right_to_list_there_are_no_names_and_the_reason_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with following(tmp_path, "no list") as follower:
        await follower.server.until(lambda server: bool(server.requests))
        await follower.clock.settle(1)

        assert follower.name(APP).container_name is None
    assert "cannot list" in " ".join(str(getattr(record, "fields", "")) for record in caplog.records)


async def test_a_deleted_pods_container_keeps_its_name(tmp_path: Path) -> None:
    async with following(tmp_path) as follower:
        await follower.server.watched()
        await follower.server.delete(CART)
        await follower.server.put(pod_json("next", 2))
        await follower.until(lambda: follower.name(Series("pod", pod_uid=pod_uid(2))).pod_name == "next")

        assert follower.name(APP).container_name == "app"


async def test_a_broken_stream_continues_from_the_last_bookmark_without_another_list(tmp_path: Path) -> None:
    async with following(tmp_path) as follower:
        server, clock = follower.server, follower.clock
        await server.watched()
        await server.bookmark()
        await server.put(pod_json("next", 2))
        await follower.until(lambda: follower.name(Series("pod", pod_uid=pod_uid(2))).pod_name == "next")
        clock.stall(300)
        await server.cut()
        await server.until(lambda server: len(server.requests) == 3)

    assert [request.is_watch for request in server.requests] == [False, True, True]
    assert server.requests[-1].query["resourceVersion"] == str(server.version)


async def test_hours_without_events_need_one_request_every_few_minutes(tmp_path: Path) -> None:
    async with following(tmp_path) as follower:
        server, clock = follower.server, follower.clock
        for count in range(1, 40):
            await server.watched()
            clock.stall(int(server.requests[-1].query["timeoutSeconds"]))
            await server.cut()
            await server.until(lambda server, count=count: len(server.requests) == count + 2)  # type: ignore[misc]  # a default binds it

    assert clock.monotonic() > 3 * 3600
    assert [request.is_watch for request in server.requests].count(False) == 1


@pytest.mark.parametrize("mood", ["empty", "expired", "error-event", "garbage", "refusing"])
async def test_a_failing_api_gets_few_requests_and_names_are_kept(tmp_path: Path, mood: Mood) -> None:
    async with following(tmp_path) as follower:
        server, clock = follower.server, follower.clock
        await server.watched()
        server.mood = mood
        clock.stall(100)
        await server.cut()
        await clock.settle()
        await clock.advance(1800)
        assert follower.name(APP).container_name == "app"
        requested_at = [request.at for request in server.requests if request.at >= 100]
        await follower.recover()
        follower.see(APP)
        assert follower.facts(7)["pod_name"] == "cart"

    most = max(sum(at <= other < at + 60 for other in requested_at) for at in requested_at)
    assert most <= 14
    assert len(requested_at) <= 14 + 30 * 4
    assert follower.pods.requests == len(server.requests)


async def test_after_a_restore_of_etcd_the_pods_are_listed_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The API accepts a watch from a version that it has not reached yet, and then sends nothing."""
    async with following(tmp_path, patience=Timeouts(silence_s=0.2)) as follower:
        server, clock = follower.server, follower.clock
        await server.watched()
        clock.stall(100)
        server.version = 500
        server.keep(pod_json("next", 2))
        await server.cut()
        await server.watched()
        await server.put(pod_json("late", 3))
        clock.stall(120)
        await follower.until(lambda: follower.name(Series("pod", pod_uid=pod_uid(3))).pod_name == "late")

        assert follower.name(APP).container_name == "app"
    (warning,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert warning.message.startswith("the Kubernetes API has gone back to an older version")
    assert getattr(warning, "fields", {}) == {"version": "502", "before": "1001"}


async def test_hours_of_silence_in_a_quiet_cluster_are_no_failure_and_need_few_requests(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with following(tmp_path, patience=Timeouts(silence_s=0.05)) as follower:
        for count in range(1, 40):
            await follower.server.until(lambda server, count=count: len(server.requests) >= 2 * count)  # type: ignore[misc]  # a default binds it
            follower.clock.stall(120)

        assert [request.is_watch for request in follower.server.requests][:8] == [False, True] * 4
        assert follower.name(APP).container_name == "app"
    assert caplog.records == []


async def test_a_request_that_hangs_is_given_up_and_repeated(tmp_path: Path) -> None:
    async with following(tmp_path, "hanging", Timeouts(5, 0.05, 0.05)) as follower:
        await follower.clock.settle()
        await follower.recover()
        assert follower.name(APP).container_name == "app"


async def test_a_rotated_token_costs_one_refused_request(tmp_path: Path) -> None:
    await to_thread.run_sync((tmp_path / "token").write_text, "first")
    async with following(tmp_path, token="first") as follower:
        server, clock = follower.server, follower.clock
        await server.watched()
        server.token = "second"
        await to_thread.run_sync((tmp_path / "token").write_text, "second")
        clock.stall(40)  # the token was read less than a minute ago
        await server.cut()
        await follower.recover()

    assert [request.headers["Authorization"][7:] for request in server.requests] == [
        "first",
        "first",
        "first",
        "second",
    ]


async def test_names_survive_a_restart_while_the_api_is_unreachable(tmp_path: Path) -> None:
    async with following(tmp_path) as follower:
        await follower.server.watched()
        follower.see(APP, Series("pod", pod_uid=pod_uid(1)))
        await follower.index.write()
    async with following(tmp_path, "refusing") as follower:
        await follower.clock.settle()

        assert follower.name(APP).container_name == "app"
        assert follower.name(Series("pod", pod_uid=pod_uid(1))).pod_name == "cart"


async def test_sandboxes_cause_no_requests_and_are_removed_from_the_index(tmp_path: Path) -> None:
    async with following(tmp_path) as follower:
        server, clock = follower.server, follower.clock
        pause = Series("container", container_id=container_id(6), pod_uid=pod_uid(1))
        await server.watched()
        follower.see(APP, pause)
        assert container_id(6) in follower.index.index.keys
        clock.stall(61)
        await server.bookmark()
        await follower.until(lambda: follower.name(pause).scope == "sandbox")
        follower.see(APP, pause)

    assert list(follower.index.index.keys) == [container_id(7)]
    assert len(server.requests) == 2


async def test_a_container_does_not_become_a_sandbox_because_the_clock_was_set_forward(tmp_path: Path) -> None:
    async with following(tmp_path) as follower:
        clock = follower.clock
        new = Series("container", container_id=container_id(5), pod_uid=pod_uid(1))
        await follower.server.watched()
        follower.see(APP, new)
        clock.stall(11)
        clock.step_wall(7200)
        follower.pods.step_clock(7_200_000)
        follower.pods._publish(())
        assert follower.name(new).scope == "container"
        clock.step_wall(-7200)
        follower.pods.step_clock(-7_200_000)
        clock.stall(50)
        follower.pods._publish(())
        assert follower.name(new).scope == "sandbox"


async def test_pods_that_the_stream_did_not_have_are_listed_once(tmp_path: Path) -> None:
    """So it is if etcd was restored, and the API reaches the old version before the stream is silent for long."""
    lost, unknown = (Series("container", container_id=container_id(n), pod_uid=pod_uid(n)) for n in (2, 3))
    async with following(tmp_path) as follower:
        server, clock = follower.server, follower.clock
        await server.watched()
        server.keep(pod_json("lost", 2, running("app", 2)))
        follower.see(APP, lost, unknown)
        await server.bookmark()
        clock.stall(61)
        await server.bookmark()
        await follower.until(lambda: follower.name(lost).pod_name == "lost")
        follower.see(APP, lost, unknown)
        await server.until(lambda server: len(server.requests) == 4)
        await server.watched()
        clock.stall(61)
        await server.bookmark()
        await server.put(pod_json("next", 4))
        await follower.until(lambda: follower.name(Series("pod", pod_uid=pod_uid(4))).pod_name == "next")

    assert [request.is_watch for request in server.requests] == [False, True, False, True]


async def test_stopping_does_not_wait_for_a_request(tmp_path: Path) -> None:
    for mood in ("hanging", "good"):
        with anyio.fail_after(5):
            async with following(tmp_path, mood) as follower:
                await follower.server.until(lambda server: bool(server.requests))
                stopped_at = anyio.current_time()

            assert anyio.current_time() - stopped_at < 2


async def test_a_stream_with_too_many_pods_is_given_up(tmp_path: Path) -> None:
    async with following(tmp_path) as follower:
        await follower.server.watched()
        pods = ({"type": "ADDED", "object": pod_json("pod", number)} for number in range(2, MAX_PODS + 2))
        await follower.server.send(b"".join(json.dumps(pod).encode() + b"\n" for pod in pods))
        await follower.clock.settle()  # it has given up, and will ask again

        assert follower.name(APP).container_name == "app"


async def test_an_outage_and_its_end_are_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with following(tmp_path, "refusing") as follower:
        await follower.clock.settle()
        await follower.clock.advance(300)
        await follower.recover()  # the stream is open, and has no event

    messages = [record.message.split(";")[0] for record in caplog.records]
    assert [message for message, _ in itertools.groupby(messages)] == messages
    assert messages == ["cannot follow the Kubernetes API", "following the Kubernetes API again"]
