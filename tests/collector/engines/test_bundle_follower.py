"""The task that reads bundles: of new containers, again if they have none yet, and after renames and exits."""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest

from fgm.collector.engines.bundle_follower import RENAMED_EVERY_S, RETRIES_S, BundleFollower
from fgm.collector.engines.engine_book import EngineBook
from fgm.store.index.index_file import Index
from tests.support.collector.podman_files import PID, PodmanHost
from tests.support.collector.told import Told
from tests.support.fake_clock import FakeClock
from tests.support.processes import LOOK_AGAIN_S


class Followed:
    """A follower of the bundles of a machine with Podman."""

    def __init__(self, folder: Path) -> None:
        self.host = PodmanHost(folder)
        self.clock = FakeClock()
        self.told = Told()
        self.book = EngineBook(Index(), self.told.outputs, lambda: 7, has_kubernetes=False)
        self.app = self.host.series[self.host.id_of("app")]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with anyio.create_task_group() as group:
            group.start_soon(self.clock.sleep_until, 1e9)  # `advance` needs a sleeper
            group.start_soon(BundleFollower(self.clock, self.host.reader, self.book).run)
            yield
            group.cancel_scope.cancel()

    async def advance_until(self, condition: Callable[[], object], step_s: float) -> None:
        with anyio.fail_after(20):
            while not condition():
                await self.clock.advance(step_s)
                await anyio.sleep(LOOK_AGAIN_S)

    @property
    def name(self) -> str | None:
        return self.told.name(self.app).container_name


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path)


async def test_a_new_container_is_named_and_described(followed: Followed) -> None:
    async with followed.running():
        await anyio.wait_all_tasks_blocked()
        followed.book.update_series([followed.app])
        await followed.advance_until(lambda: followed.name, 0)

    assert followed.name == "app"
    assert followed.told.facts[str(followed.app.container_id)]["pod_name"] == "cart"


async def test_a_container_without_a_supervisor_is_read_again_a_few_times(followed: Followed) -> None:
    procs = anyio.Path(followed.host.reader.mount + str(followed.app.cgroup), "cgroup.procs")
    await procs.write_text("")
    async with followed.running():
        followed.book.update_series([followed.app])
        await anyio.wait_all_tasks_blocked()
        await followed.clock.advance(RETRIES_S[0] / 2)
        await procs.write_text(f"{PID + 2}\n")
        await followed.advance_until(lambda: followed.name, RETRIES_S[0])


async def test_a_rename_is_followed(followed: Followed) -> None:
    async with followed.running():
        followed.book.update_series([followed.app])
        await followed.advance_until(lambda: followed.name, 0)
        followed.host.rename(str(followed.app.container_id), "new")
        await followed.advance_until(lambda: followed.name == "new", RENAMED_EVERY_S)


async def test_the_exit_of_a_container_is_reported_with_its_code(followed: Followed) -> None:
    async with followed.running():
        followed.book.update_series([followed.app])
        await followed.advance_until(lambda: followed.name, 0)
        (followed.host.exits / str(followed.app.container_id)).write_text("3")
        followed.book.update_series([])
        await followed.advance_until(lambda: followed.told.exits, 0)

    assert [(each.container_id, each.exit_code) for each in followed.told.exits] == [(followed.app.container_id, 3)]


async def test_a_container_that_is_started_again_is_read_again(followed: Followed) -> None:
    """It has another supervisor, which leaves the next exit code."""
    codes, reader = followed.host.exits / str(followed.app.container_id), followed.host.reader
    exit_codes = []
    async with followed.running():
        for code in ("3", "4"):
            followed.book.update_series([followed.app])
            await followed.advance_until(lambda: reader.has_storage, 0)
            codes.write_text(code)
            followed.book.update_series([])
            await followed.advance_until(lambda: followed.told.exits, 0)
            exit_codes.append([each.exit_code for each in followed.told.exits])
            followed.told.exits.clear()

    assert exit_codes == [[3], [4]]
