"""Other programs find in an export the numbers that the page shows, also if it has many row groups."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anyio import to_thread

from fgm.viewer.api.export import parquet_question
from fgm.viewer.exports import long_export
from tests.support import incidents
from tests.support.readers.programs import READERS, plain
from tests.support.viewer.api_client import ApiClient

METRICS = ("total_cpu_usage_millicores", "memory_working_set", "memory.current", "psi_memory_some_ratio", "memory.max")
LONG = "long.parquet"
"""Name of the long table next to an export."""
Shown = dict[tuple[str, str], dict[int, float]]
"""The values of a line of the page that are not null, by id of the series and metric."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return incidents.unpacked(tmp_path_factory.mktemp("recording"))


@pytest.fixture
async def exported(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Shown]:
    """Return an export with many row groups, and what the page shows of the same."""
    monkeypatch.setattr(parquet_question, "MAX_ROWS", 700)
    monkeypatch.setattr(long_export, "MAX_VALUES", 700)
    began_ms = incidents.PLANTED["began_ms"]
    client = await to_thread.run_sync(ApiClient, folder, began_ms + 600_000)
    await client.ready()
    query = f"metric={','.join(METRICS)}&from={began_ms + 45_000}&to={began_ms + 150_000}"
    export = await client.get(f"/api/export?format=parquet&{query}")
    long_table = await client.get(f"/api/export?format=parquet-long&{query}")
    answer = await client.get(f"/api/timeseries?{query}&raw=1&format=binary")
    shown = {}
    for id_, metric, times, values in lines_of(answer.body):
        registered = client.services.scanner.holdings().series.find(id_)
        assert registered is not None
        known = ~np.isnan(values)
        key = registered.series.container_id or registered.series.cgroup or registered.series.scope
        shown[key, metric] = dict(zip(times[known].astype(int).tolist(), values[known].tolist(), strict=True))
    path = tmp_path / "export.parquet"
    await to_thread.run_sync(path.write_bytes, export.body)
    await to_thread.run_sync(path.with_name(LONG).write_bytes, long_table.body)
    return path, shown


def lines_of(body: bytes) -> Iterator[tuple[str, str, Any, Any]]:
    size = int.from_bytes(body[:4], "little")
    start = (4 + size + 7) // 8 * 8
    for line in json.loads(body[4 : 4 + size])["series"]:
        columns = [np.frombuffer(body, "<f8", line["count"], start + line[at]) for at in ("t_ms", "value")]
        yield line["id"], line["metric"], *columns


@pytest.mark.parametrize("reader", READERS)
async def test_a_reader_finds_the_numbers_of_the_page(reader: str, exported: tuple[Path, Shown]) -> None:
    path, shown = exported
    names = ("time", "scope", "container_id", "cgroup", *METRICS)

    columns = await to_thread.run_sync(lambda: READERS[reader](path, names))

    found: Shown = {key: {} for key in shown}
    for time, scope, container_id, cgroup, *values in zip(*(columns[name] for name in names), strict=True):
        for metric, value in zip(METRICS, values, strict=True):
            if value is not None and value == value:  # noqa: PLR0124 - fastparquet has NaN for null
                found[container_id or cgroup or scope, metric][plain(time)] = value
    assert found == shown
    assert sum(map(len, found.values())) > 4000


async def test_the_query_of_the_loader_of_the_original_finds_the_numbers_of_the_page(
    exported: tuple[Path, Shown],
) -> None:
    """DataFusion reads with the Arrow and Parquet crates that the loader uses, and filters rows while it reads them."""
    datafusion = pytest.importorskip("datafusion", reason="not installed: make readers")
    path, shown = exported
    config = (
        datafusion.SessionConfig()
        .set("datafusion.execution.parquet.pushdown_filters", "true")
        .set("datafusion.execution.parquet.schema_force_view_types", "false")  # as the crates read it: Utf8
    )
    context = datafusion.SessionContext(config)
    context.register_parquet("samples", str(path.with_name(LONG)))
    names = {"memory.current": "cgroup.v2.memory.current", "memory.max": "cgroup.v2.memory.max"}
    types = {field.name: str(field.type) for field in context.table("samples").schema()}
    assert [types[name] for name in ("time", "metric_name", "value_int", "value_float", "l_container_id")] == [
        "timestamp[ms, tz=UTC]",
        "string",
        "uint64",
        "double",
        "string",
    ]

    of_containers = {key: values for key, values in shown.items() if len(key[0]) == 64 and values}
    found: Shown = {}
    for container_id, metric in of_containers:
        rows = context.sql(
            "SELECT time, value_int, value_float FROM samples"
            f" WHERE metric_name = '{names.get(metric, metric)}' AND l_container_id = '{container_id}'"
        ).to_pylist()
        found[container_id, metric] = {
            plain(row["time"]): row["value_int"] if row["value_float"] is None else row["value_float"] for row in rows
        }
    assert found == of_containers
    assert sum(map(len, found.values())) > 1000
