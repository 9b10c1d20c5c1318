"""All paths of the API give the same answers before and after an hour is merged, and while it is being published."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from tests.support.viewer import merging_steps
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import KILLS, MEMORY, NODE, T0, USAGE, DataDirectory, chunk, container

LENGTH_S = 3600
PATHS = (
    f"/api/timeseries?metric=total_cpu_usage_millicores,memory.current&from={T0 - 60_000}&to={T0 + 3_700_000}",
    f"/api/timeseries?metric=memory.current&from={T0 + 900_000}&to={T0 + 1_700_000}",
    f"/api/top?metric=total_cpu_usage_millicores&from={T0 + 600_000}&to={T0 + 3_000_000}&parts=5",
    f"/api/changes?from={T0 + 1_800_000}&to={T0 + 3_600_000}",
    f"/api/events?from={T0}&to={T0 + 3_600_000}",
    f"/api/containers?from={T0 + 600_000}&to={T0 + 900_000}",
)


def record(root: Path) -> Path:
    """Write an hour and ten minutes of the next one; return their folder. Containers change, end, and one is killed."""
    data = DataDirectory(root)

    def samples(number: int, from_s: int, to_s: int, busy_from_s: int) -> Any:
        seconds = range(from_s, to_s)
        used = [1000.0 * s + 50_000.0 * max(0, s - busy_from_s) for s in seconds]
        columns = {
            USAGE: used,
            MEMORY: [1e6 + 100.0 * s for s in seconds],
            KILLS: [float(number == 2 and s >= 1234) for s in seconds],
        }
        return chunk(container(number), T0 + 1000 * from_s, columns)

    end_s = LENGTH_S + 600
    node = chunk(NODE, T0, {USAGE: [1e5 * s for s in range(end_s)], MEMORY: [1e9] * end_s})
    parts = [samples(1, 0, end_s, 2000), samples(2, 0, 2222, 10**6), samples(3, 1111, end_s, 3000)]
    return data.parquet(node, *parts)[0].parent


async def answers(root: Path) -> list[Any]:
    client = await to_thread.run_sync(ApiClient, root, T0 + 1000 * (LENGTH_S + 660))
    await client.ready()
    bodies = []
    for path in PATHS:
        response = await client.get(path)
        assert response.status == 200, response.body
        body = json.loads(response.body.splitlines()[-1])
        body.pop("revision", None)
        if "timeseries" in path:
            body["series"].sort(key=lambda line: (line["id"], line["metric"]))  # they are in the order first seen
        bodies.append(body)
    return bodies


def is_same(old: Any, new: Any, tolerance: float) -> bool:
    """Return whether two JSON values are the same, apart from the last digits of numbers."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(is_same(old[key], new[key], tolerance) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(is_same, old, new, [tolerance] * len(old)))
    if isinstance(old, float) and isinstance(new, float | int):
        return math.isclose(old, new, rel_tol=tolerance)
    return bool(old == new)


@pytest.mark.parametrize("removed", [17, 1000])
async def test_answers_do_not_depend_on_whether_an_hour_is_merged(tmp_path: Path, removed: int) -> None:
    folder = await to_thread.run_sync(record, tmp_path)
    before = await answers(tmp_path)
    assert any(event["kind"] == "oom_kill" for event in before[4]["events"])
    assert before[3]["series"]

    def merge() -> int:
        merging_steps.publish_hour(folder, T0)
        return merging_steps.remove_sources(folder, T0, removed)

    assert await to_thread.run_sync(merge) == min(removed, 40)

    for path, old, new in zip(PATHS, before, await answers(tmp_path), strict=True):
        # A range that begins with a file lacks its first sample in a comparison: there is no sample before it.
        assert is_same(old, new, 1e-3 if "changes" in path else 1e-9), path
