"""The whole collector next to Docker: the names are in all its files, and outlive the engine and the collector."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from fgm.store.check.directory_check import check
from fgm.store.index.index_file import Facts, load
from fgm.store.journal.journal_reader import JournalReader
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.series import Series
from tests.support.captured_host import CONTAINERS
from tests.support.collector.engine_server import DOCKER_CONTAINERS, EngineServer
from tests.support.collector.host import Host
from tests.support.processes import LOOK_AGAIN_S
from tests.support.recorded_files import journals, parquet_files

(APP,) = (container for container in CONTAINERS if container["name"] == "docker-app")
LABELS = {"com.docker.compose.project": "shop"}
RENAMED = {
    "Type": "container",
    "Action": "rename",
    "Actor": {"ID": APP["id"], "Attributes": {"name": "new", "oldName": "/old", "image": "shop/tools:1"}},
    "timeNano": 1,
}


def listed(name: str) -> list[dict[str, Any]]:
    """Return what Docker answers about the container."""
    return [{**DOCKER_CONTAINERS[0], "Id": APP["id"], "Names": [f"/{name}"], "Labels": LABELS}]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    host = Host(tmp_path)
    socket = str(tmp_path / "docker.sock")
    host.settings = replace(host.settings, no_engines=False, engine_socket=(socket,), rotation_seconds=3600)
    return host


def names_in_journal(host: Host) -> set[str | None]:
    """Return the names of the container in the journals now."""
    names = set()
    for path in journals(host.data_dir):
        reader = JournalReader(str(path))
        names |= {series.container_name for series in reader.series if series.container_id == APP["id"]}
        reader.close()
    return names


def indexed(host: Host) -> Facts:
    index = load(str(host.data_dir / "index.json"))
    return index.entries[index.keys[APP["id"]]].facts


def recorded(host: Host) -> Series:
    (path,) = parquet_files(host.data_dir)
    file = WindowFile.open(str(path))
    (series,) = {chunk.series for chunk in file.chunks(()) if chunk.series.container_id == APP["id"]}
    file.close()
    assert check(str(host.data_dir)).problems == []
    return series


async def test_names_are_in_the_journal_in_the_parquet_file_and_in_the_index(host: Host) -> None:
    async with EngineServer(Path(host.settings.engine_socket[0]), listed("shop-web-1")).running():
        await host.run_until(lambda: "shop-web-1" in names_in_journal(host))

    series = await to_thread.run_sync(recorded, host)
    assert (series.container_name, series.runtime, series.namespace) == ("shop-web-1", "docker", None)
    facts = await to_thread.run_sync(indexed, host)
    assert (facts["container_name"], facts["image"], facts["labels"]) == ("shop-web-1", "shop/tools:1", LABELS)


async def test_a_new_name_counts_from_then_on_also_in_the_next_run_without_the_engine(host: Host) -> None:
    server = EngineServer(Path(host.settings.engine_socket[0]), listed("old"))
    async with server.running(), anyio.create_task_group() as group:
        group.start_soon(host.run_until, lambda: "new" in names_in_journal(host))
        await server.streaming()
        while "old" not in await to_thread.run_sync(names_in_journal, host):
            await anyio.sleep(LOOK_AGAIN_S)
        await server.send(json.dumps(RENAMED).encode() + b"\n")
    assert (await to_thread.run_sync(indexed, host))["container_name"] == "new"

    await host.run_until(lambda: "new" in names_in_journal(host))
    assert (await to_thread.run_sync(indexed, host))["container_name"] == "new"
