"""The whole collector next to an API: names are in all its files, and the API never delays it."""

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from fgm.store.check.directory_check import check
from fgm.store.index.index_file import IndexEntry, load
from fgm.store.journal.journal_reader import JournalReader
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.series import Series
from tests.support.captured_host import CONTAINERS
from tests.support.collector.api_server import ApiServer, Mood
from tests.support.collector.host import Host
from tests.support.collector.pods import pod_json, running
from tests.support.processes import LOOK_AGAIN_S
from tests.support.recorded_files import instants, journals, parquet_files

DAY_NS = 86_400 * 10**9
(DB,) = (container for container in CONTAINERS if container["name"] == "db")
(CACHE,) = (container for container in CONTAINERS if container["name"] == "cache")


def pod_of(container: dict[str, Any], **more: Any) -> dict[str, Any]:
    status = running(container["name"], 0) | {"containerID": f"cri-o://{container['id']}"}
    pod = pod_json(f"{container['name']}-0", 0, status, **more)
    pod["metadata"]["uid"] = container["uid"]
    return pod


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    host.settings = replace(host.settings, rotation_seconds=86_400)
    host.clock.step_ns = DAY_NS // 2 - host.clock.wall_ns() % DAY_NS  # noon: a window ends at midnight
    return host


def indexed(host: Host, container: dict[str, Any]) -> IndexEntry:
    index = load(str(host.data_dir / "index.json"))
    return index.entries[index.keys[container["id"]]]


def series_of(path: Path) -> dict[str, Series]:
    file = WindowFile.open(str(path))
    series = {chunk.series.key: chunk.series for chunk in file.chunks(())}
    file.close()
    return series


def is_named(host: Host, container: dict[str, Any]) -> bool:
    """Return whether the name is in the journal now."""
    for path in journals(host.data_dir):
        reader = JournalReader(str(path))
        named = {series.key for series in reader.series if series.container_name is not None}
        reader.close()
        return container["id"] in named
    return False


@pytest.mark.dates
async def test_late_names_are_in_every_row_of_the_window_and_in_the_index(host: Host) -> None:
    async with ApiServer().running() as server:
        server.keep(pod_of(CACHE, resources={"cache": {"limits": {"memory": "96Mi"}}}))
        host.settings = replace(host.settings, kubernetes_url=server.url)
        daemon = await host.daemon()
        with anyio.fail_after(15):
            async with anyio.create_task_group() as group:
                await group.start(daemon.run)
                await server.watched()
                await server.put(pod_of(DB))
                while not await to_thread.run_sync(is_named, host, DB):
                    await anyio.sleep(LOOK_AGAIN_S)
                daemon.stop()

    def check_files() -> None:
        (path,) = parquet_files(host.data_dir)
        series = series_of(path)
        for container in (DB, CACHE):
            name, pod = container["name"], f"{container['name']}-0"
            named = series[container["id"]]
            assert (named.container_name, named.pod_name, named.namespace) == (
                name,
                pod,
                "shop",
            )
            assert len(instants(path, container["id"])) == len(instants(path))
            assert (series[f"pod:{container['uid']}"].pod_name, series[f"pod:{container['uid']}"].namespace) == (
                pod,
                "shop",
            )
        assert (series[CACHE["pause"]].scope, series[CACHE["pause"]].container_name) == ("sandbox", "POD")
        facts = indexed(host, CACHE).facts
        assert (facts["pod_name"], facts["container_name"]) == ("cache-0", "cache")
        assert (facts["limits"], facts["labels"]) == ({"memory_bytes": 96 << 20}, {"app": "cache-0"})
        assert check(str(host.data_dir)).problems == []

    await to_thread.run_sync(check_files)


async def test_a_run_without_the_api_has_names_from_its_first_tick(host: Host) -> None:
    async with ApiServer().running() as server:
        server.keep(pod_of(DB))
        host.settings = replace(host.settings, kubernetes_url=server.url)
        await host.run_until(lambda: is_named(host, DB))
    (path,) = await to_thread.run_sync(parquet_files, host.data_dir)
    await to_thread.run_sync(path.unlink)
    await host.run_until(lambda: is_named(host, DB))  # no server listens any more

    def check_files() -> None:
        (path,) = parquet_files(host.data_dir)
        series = series_of(path)
        assert series[DB["id"]].container_name == "db"
        assert series[f"pod:{DB['uid']}"].pod_name == "db-0"
        assert indexed(host, DB).facts["image"] == "db:v1"

    await to_thread.run_sync(check_files)


async def test_a_pause_process_is_a_container_if_the_api_lists_it(host: Host) -> None:
    placeholder = CACHE | {"id": CACHE["pause"], "name": "placeholder"}
    async with ApiServer().running() as server:
        server.keep(pod_of(placeholder))
        host.settings = replace(host.settings, kubernetes_url=server.url)

        def is_known() -> bool:
            path = host.data_dir / "index.json"
            return path.exists() and CACHE["pause"] in load(str(path)).keys

        await host.run_until(is_known)

    def check_files() -> None:
        (path,) = parquet_files(host.data_dir)
        assert series_of(path)[CACHE["pause"]].scope == "container"

    await to_thread.run_sync(check_files)


@pytest.mark.parametrize("mood", ["hanging", "garbage", "empty", "refusing", "pouring"])
async def test_ticks_continue_whatever_the_api_does(host: Host, mood: Mood) -> None:
    async with ApiServer(mood=mood).running() as server:
        for number in range(20):
            server.keep(pod_json("pod", number, running("app", number)))
        host.settings = replace(host.settings, kubernetes_url=server.url)
        began_ms = host.clock.wall_ns() // 1_000_000
        await host.run_until(lambda: host.clock.wall_ns() // 1_000_000 > began_ms + 2500)
        assert server.requests

    (path,) = await to_thread.run_sync(parquet_files, host.data_dir)
    times = await to_thread.run_sync(instants, path)
    assert len(times) >= 10
    assert max(later - earlier for earlier, later in itertools.pairwise(times)) <= 1000
