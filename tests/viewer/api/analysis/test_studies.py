"""GET /api/studies: trends, levels and periods of recorded series."""

from pathlib import Path

import numpy as np
import pytest
from anyio import to_thread

from fgm.store.samples.chunk import Chunk
from fgm.store.samples.series import Series
from tests.support import process_recording
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import MEMORY, NODE, T0, USAGE, DataDirectory, chunk, container, id_of

TICKS = 600
RANGE = f"from={T0 - TICKS * 1000}&to={T0}"


def recorded(series: Series, cores: np.ndarray, memory: np.ndarray) -> Chunk:
    return chunk(series, T0 - TICKS * 1000, {USAGE: list(np.cumsum(1e6 * cores)), MEMORY: list(memory)})


@pytest.fixture
async def client(tmp_path: Path) -> ApiClient:
    """Ten minutes of a container that grows, and of one that beats."""
    at = np.arange(TICKS)
    grows = recorded(container(1), np.where(at < 300, 0.1, 0.4), 1e8 + 1e5 * at)
    beats = recorded(container(2), np.where(at % 20 < 2, 0.9, 0.1), np.full(TICKS, 5e7))
    node = recorded(NODE, np.full(TICKS, 1.0), np.full(TICKS, 1e9))
    await to_thread.run_sync(DataDirectory(tmp_path).parquet, grows, beats, node)
    client = await to_thread.run_sync(ApiClient, tmp_path)
    await client.ready()
    return client


async def test_a_trend_has_a_slope_with_bounds(client: ApiClient) -> None:
    ids = f"{id_of(1)},{id_of(2)}"
    answer = await client.get(f"/api/studies?study=trend&metric=memory.current&containers={ids}&{RANGE}")

    assert answer.status == 200, answer.body
    facts = answer.json
    assert (facts["study"], facts["metric"], facts["unit"]) == ("trend", "memory.current", "bytes")
    by_id = {series["id"]: series for series in facts["series"]}
    assert by_id[id_of(1)]["is_sure"]
    assert by_id[id_of(1)]["slope_per_s"] == pytest.approx(1e5)
    assert by_id[id_of(1)]["to_value"] == pytest.approx(1e8 + 1e5 * (TICKS - 1))
    assert not by_id[id_of(2)]["is_sure"]


async def test_levels_are_divided_where_the_level_changes(client: ApiClient) -> None:
    query = f"study=changepoint&metric=total_cpu_usage_millicores&containers={id_of(1)}&{RANGE}"
    (series,) = (await client.get(f"/api/studies?{query}")).json["series"]

    assert [round(level["value"]) for level in series["levels"]] == [100, 400]
    assert series["levels"][1]["from_ms"] == pytest.approx(T0 - 300_000, abs=1000)


async def test_a_period_is_the_time_between_beats(client: ApiClient) -> None:
    query = f"study=periodicity&metric=total_cpu_usage_millicores&containers={id_of(2)},node&{RANGE}"
    series = {each["id"]: each for each in (await client.get(f"/api/studies?{query}")).json["series"]}

    assert series[id_of(2)]["period_ms"] == 20_000
    assert (series["node"]["period_ms"], series["node"]["first_ms"]) == (None, None)


@pytest.mark.parametrize(
    ("query", "parameter", "status"),
    [
        (f"study=mean&metric=memory.current&containers={id_of(1)}", "study", 400),
        (f"metric=memory.current&containers={id_of(1)}", "study", 400),
        (f"study=trend&containers={id_of(1)}", "metric", 400),
        ("study=trend&metric=memory.current", "containers", 400),
        ("study=trend&metric=memory.current&containers=unknown", "containers", 404),
        (f"study=trend&metric=none&containers={id_of(1)}", "metric", 404),
        (f"study=trend&metric=memory.current&containers={id_of(1)}&range=2h", "from", 400),
    ],
)
async def test_a_wrong_parameter_is_named(client: ApiClient, query: str, parameter: str, status: int) -> None:
    answer = await client.get(f"/api/studies?{query}")

    assert (answer.status, answer.json["parameter"]) == (status, parameter)
    assert answer.json["allowed"]


async def test_a_series_with_few_values_is_left_out(client: ApiClient) -> None:
    few = f"from={T0 - 10_000}&to={T0}"
    answer = await client.get(f"/api/studies?study=trend&metric=memory.current&containers={id_of(1)}&{few}")

    assert (answer.status, answer.json["series"]) == (200, [])


async def test_a_recorded_leak_of_4_mib_a_second_has_that_trend(tmp_path: Path) -> None:
    folder, planted = await to_thread.run_sync(process_recording.unpacked, tmp_path), process_recording.PLANTED
    client = await to_thread.run_sync(ApiClient, folder, planted["began_ms"] + 55_000)
    await client.ready()
    leak, pool = planted["leak"]["id"], planted["pool"]["id"]
    query = f"study=trend&metric=memory.stat.anon&containers={leak[:12]},{pool[:12]}&range=1m"
    series = {each["id"]: each for each in (await client.get(f"/api/studies?{query}")).json["series"]}
    client.services.journals.close()

    assert series[leak[:12]]["is_sure"]
    assert series[leak[:12]]["slope_per_s"] == pytest.approx(3.75 * (1 << 20), rel=0.1)
    assert not series[pool[:12]]["is_sure"]
