"""Responses about ranges that are read from minutes: they say so, and series that only minutes have are in them."""

from pathlib import Path

import pytest
from anyio import to_thread

from fgm.store.directory.layout import DAY_MS, HOUR_MS
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import MEMORY, NODE, T0, DataDirectory, chunk, container, id_of
from tests.support.viewer.merged_hours import merge_day, merge_hour, remove_samples

HOURS = 4
INACTIVE = "memory.stat.inactive_file"
RANGE = f"from={T0}&to={T0 + HOURS * HOUR_MS}"
SERIES = f"/api/timeseries?metric={MEMORY}&{RANGE}&containers={id_of(1)}"


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    data = DataDirectory(tmp_path, rotation_s=900)
    memory = [1000.0] * 3600 * HOURS
    memory[7000] = 5000.0
    data.parquet(
        chunk(NODE, T0, {MEMORY: memory}),
        chunk(container(1), T0, {MEMORY: memory, INACTIVE: [0.0] * len(memory)}),
        chunk(container(2), T0, {MEMORY: memory[:1000]}),
    )
    data.write_index((container(1), T0, T0 + HOURS * HOUR_MS), latest_ms=T0 + HOURS * HOUR_MS)
    return data


@pytest.fixture
def client(data: DataDirectory) -> ApiClient:
    for hour in range(HOURS - 1):
        merge_hour(data, T0 + hour * HOUR_MS)
    return ApiClient(data.root, now_ms=T0 + HOURS * HOUR_MS + 60_000)


@pytest.mark.parametrize(
    ("query", "resolution"),
    [
        ("&points=240", "minutes"),
        ("&points=240&format=json&within_ms=60000", "minutes"),
        ("&points=241", "m4"),
        ("&points=240&raw=1", "raw"),
    ],
)
async def test_samples_come_from_minutes_if_a_pixel_column_is_a_minute_or_longer(
    client: ApiClient, query: str, resolution: str
) -> None:
    await client.ready()
    answer = (await client.get(SERIES + query)).json
    assert answer["resolution"] == resolution
    assert answer["interval_ms"] == 1000
    assert answer["complete_from_ms"] == T0
    (line,) = answer["series"]
    assert [t for t, value in zip(line["t_ms"], line["value"], strict=True) if value == 5000] == [T0 + 7_000_000]


async def test_means_of_pixel_columns(client: ApiClient) -> None:
    await client.ready()
    answer = (await client.get(f"{SERIES}&points=240&reduce=mean")).json
    assert answer["resolution"] == "mean"
    (line,) = answer["series"]
    assert len(line["value"]) == 240
    assert line["t_ms"][:2] == [T0 + 30_000, T0 + 90_000]
    assert line["value"][7000 // 60] == pytest.approx(1000 + 4000 / 60, rel=2e-3)
    assert line["value"][0] == 1000
    refused = await client.get(f"{SERIES}&reduce=mean&within_ms=700")
    assert (refused.status, refused.json["parameter"]) == (400, "reduce")


async def test_every_sample_is_asked_for_and_minutes_are_all_there_is(client: ApiClient, data: DataDirectory) -> None:
    remove_samples(data, T0)
    await client.ready()
    answer = (await client.get(f"/api/timeseries?metric={MEMORY}&from={T0}&to={T0 + 900_000}&raw=1")).json
    assert answer["resolution"] == "minutes"
    assert {len(line["t_ms"]) for line in answer["series"]} == {15}


async def test_a_response_from_minutes_has_an_entity_tag_that_changes_with_them(
    client: ApiClient, data: DataDirectory
) -> None:
    await client.ready()
    target = f"/api/timeseries?metric={MEMORY}&from={T0}&to={T0 + 3 * HOUR_MS}&points=180&containers={id_of(1)}"
    merged = await client.get(target)
    tag = merged.headers["etag"]
    again = await client.get(target, If_None_Match=tag)
    assert again.status == 304
    remove_samples(data, T0)  # nothing of the response was read from them
    await to_thread.run_sync(merge_day, data, T0 - T0 % DAY_MS)
    client.clock.stall(3)
    changed = await client.get(target)
    assert changed.headers["etag"] != tag
    assert changed.json["series"] == merged.json["series"]


async def test_the_ranking_of_a_long_range_is_computed_from_minutes(client: ApiClient) -> None:
    await client.ready()
    answer = (await client.get(f"/api/top?metric={MEMORY}&{RANGE}&by=max&parts=48")).json
    assert answer["resolution"] == "minutes"
    assert [(each["id"], each["max"], each["max_ms"], each["samples"]) for each in answer["series"]] == [
        (id_of(1), 5000, T0 + 7_000_000, 3600 * HOURS),
        (id_of(2), 1000, T0, 1000),
    ]
    short = (await client.get(f"/api/top?metric={MEMORY}&from={T0}&to={T0 + 600_000}")).json
    assert short["resolution"] == "raw"


@pytest.fixture
def client_of_minutes(data: DataDirectory) -> ApiClient:
    for hour in range(HOURS):
        merge_hour(data, T0 + hour * HOUR_MS)
        remove_samples(data, T0 + hour * HOUR_MS)
    return ApiClient(data.root, now_ms=T0 + HOURS * HOUR_MS + 60_000)


async def test_a_container_that_only_minutes_have_is_listed_for_its_time(client_of_minutes: ApiClient) -> None:
    client = client_of_minutes
    await client.ready()
    for range_, expected in ((f"from={T0}&to={T0 + HOUR_MS}", {id_of(1), id_of(2), "node"}), ("", {id_of(1)})):
        listed = (await client.get(f"/api/containers?{range_}")).json["containers"]
        assert {each["id"] for each in listed} == expected
    found = (await client.get(f"/api/containers?search=name-2&from={T0}&to={T0 + DAY_MS}")).json["containers"]
    assert [(each["name"], each["first_seen_ms"], each["alive"]) for each in found] == [("name-2", T0, False)]
    assert client.services.scanner.holdings().oldest_ms == T0


async def test_an_instant_whose_samples_were_removed_is_described_by_its_minutes(client_of_minutes: ApiClient) -> None:
    await client_of_minutes.ready()
    text = (await client_of_minutes.get(f"/at/{T0 + 7_010_000}")).body.decode()
    assert "The samples of that time were removed. Values are the lowest and highest of its minutes." in text
    assert "name-1" in text
