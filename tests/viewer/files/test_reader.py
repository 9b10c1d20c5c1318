"""Every path of the API that reads files counts the same files as skipped."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, container, counting

RANGE = f"from={T0 - 180_000}&to={T0 + 90_000}"
PATHS = [
    f"/api/timeseries?metric=memory.current&{RANGE}",
    f"/api/top?metric=memory.current&{RANGE}",
    f"/api/changes?from={T0}&to={T0 + 90_000}",
    f"/api/events?{RANGE}",
]


async def client_of(root: Path, record: Callable[[], None]) -> ApiClient:
    await to_thread.run_sync(record)
    client = await to_thread.run_sync(ApiClient, root)
    await client.ready()
    return client


async def answer(client: ApiClient, path: str) -> dict[str, Any]:
    response = await client.get(path)
    assert response.status == 200, response.body
    return dict(json.loads(response.body.splitlines()[-1]))


@pytest.mark.parametrize("path", PATHS)
async def test_a_file_of_another_node_is_not_skipped(tmp_path: Path, path: str) -> None:
    """It is in the folder of the shown node, and so is not excluded with a folder."""
    other = DataDirectory(tmp_path)
    other.header = replace(other.header, node_name="node-2")

    def record() -> None:
        other.parquet(counting(NODE, T0 - 90_000, 90), counting(container(2), T0 - 90_000, 90))
        DataDirectory(tmp_path).parquet(counting(NODE, T0, 90), counting(container(1), T0, 90))
        other.journal(counting(NODE, T0 - 180_000, 90), counting(container(2), T0 - 180_000, 90))

    client = await client_of(tmp_path, record)

    assert (await answer(client, path))["skipped_files"] == 0
    assert client.services.skipped.newest() == []


@pytest.mark.parametrize("path", PATHS)
async def test_a_file_that_can_be_read_again_is_taken_off_the_list(tmp_path: Path, path: str) -> None:
    def record() -> None:
        DataDirectory(tmp_path).parquet(counting(NODE, T0 - 90_000, 180), counting(container(1), T0 - 90_000, 180))

    client = await client_of(tmp_path, record)
    window = await to_thread.run_sync(lambda: min(tmp_path.rglob("*.parquet")))
    content = await to_thread.run_sync(window.read_bytes)
    await to_thread.run_sync(window.write_bytes, content[:-100])

    assert (await answer(client, path))["skipped_files"] == 1
    assert len(client.services.skipped) == 1

    await to_thread.run_sync(window.write_bytes, content)

    assert (await answer(client, path))["skipped_files"] == 0
    assert len(client.services.skipped) == 0


async def test_rows_of_a_window_that_is_recorded_again_are_not_mixed(tmp_path: Path) -> None:
    """The clock was set back by 30 s within a window, whose first part was closed already."""

    def record() -> None:
        data = DataDirectory(tmp_path)
        data.parquet(counting(NODE, T0 + 90_000, 40), counting(container(1), T0 + 90_000, 40))
        data.journal(counting(NODE, T0 + 103_000, 17), supersedes=True)

    client = await client_of(tmp_path, record)
    request = f"/api/timeseries?metric=memory.current&from={T0 + 90_000}&to={T0 + 120_000}"

    (node,) = (await answer(client, request))["series"]
    assert node["id"] == "node"
    assert node["t_ms"] == [T0 + 103_000 + 1000 * second for second in range(17)]
