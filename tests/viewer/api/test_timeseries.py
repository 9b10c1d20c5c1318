"""/api/timeseries: lines of series over a range. The page has copies of two of its limits."""

import itertools
import re
from pathlib import Path

import pytest
from anyio import to_thread

import fgm.viewer
from fgm.store.samples.series import Series
from fgm.viewer.api.response.responses import PART_BYTES
from fgm.viewer.api.timeseries import RAW_TICKS
from fgm.viewer.query.analysis import analysed_span
from tests.support.viewer.api_client import SERVICE, ApiClient, client_of_two_minutes
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, chunk, container, counting, id_of

SERVER = Path(fgm.viewer.__file__).parent / "static" / "requests"
FACTS = {
    *("from_ms", "to_ms", "complete_from_ms", "interval_ms", "resolution", "partial", "skipped_files"),
    *("unknown", "series"),
}


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path)


@pytest.fixture
def client(data: DataDirectory) -> ApiClient:
    return client_of_two_minutes(data)


async def test_a_range_to_now_has_the_newest_tick_from_the_journal(client: ApiClient) -> None:
    await client.ready()
    answer = await client.get(f"/api/timeseries?metric=total_cpu_usage_millicores&containers={id_of(1)},node&range=1m")
    facts = answer.json

    assert facts.keys() == FACTS
    assert (facts["from_ms"], facts["to_ms"]) == (T0 + 61_000, T0 + 121_000)
    assert (facts["interval_ms"], facts["resolution"], facts["partial"]) == (1000, "raw", False)
    assert facts["skipped_files"] == 0

    node, container_line = sorted(facts["series"], key=lambda series: series["id"] != "node")

    assert node == {
        "id": "node",
        "metric": "total_cpu_usage_millicores",
        "unit": "millicores",
        "life": 1,
        "t_ms": [T0 + 1000 * s for s in range(61, 121)],
        "value": [1] * 60,
    }
    assert (container_line["id"], container_line["t_ms"][-1]) == (id_of(1), T0 + 99_000)


async def test_all_leaves_and_the_node_are_answered_if_none_is_named(client: ApiClient) -> None:
    await client.ready()
    series = await client.series("/api/timeseries?metric=memory.current,cpu.stat.usage_usec&range=5m")

    assert {(s["id"], s["metric"], s["unit"]) for s in series} == {
        ("node", "memory.current", "bytes"),
        ("node", "cpu.stat.usage_usec", "us/s"),
        (id_of(1), "memory.current", "bytes"),
        (id_of(1), "cpu.stat.usage_usec", "us/s"),
        ("cgroup:/system.slice/a.service", "memory.current", "bytes"),
        ("cgroup:/system.slice/a.service", "cpu.stat.usage_usec", "us/s"),
    }


async def test_a_missing_value_is_null_and_never_nan(data: DataDirectory) -> None:
    def record() -> ApiClient:
        data.parquet(chunk(container(1), T0, {"memory.current": [1, None, 25, 0]}))
        return ApiClient(data.root)

    client = await to_thread.run_sync(record)
    await client.ready()
    (series,) = await client.series("/api/timeseries?metric=memory.current&range=all")

    assert series["value"] == [1, None, 25, 0]


async def test_services_pods_and_full_ids_can_be_named(client: ApiClient) -> None:
    await client.ready()
    path = "/api/timeseries?metric=memory.current&range=all&containers="

    assert [s["id"] for s in await client.series(path + "cgroup:/system.slice/a.service")] == [
        f"cgroup:{SERVICE.cgroup}"
    ]
    assert [s["id"] for s in await client.series(path + str(container(1).container_id))] == [id_of(1)]


async def test_a_container_that_is_only_in_old_files_is_found_there(data: DataDirectory) -> None:
    """The index has at most 5,000 containers; older ones are still in the files of their time."""

    def record() -> ApiClient:
        data.write_index((container(1), T0, T0))
        data.parquet(counting(container(7), T0 - 7_200_000, 5), counting(NODE, T0 - 4_500_000, 50 * 90))
        return ApiClient(data.root)

    client = await to_thread.run_sync(record)
    await client.ready()
    path = f"/api/timeseries?metric=memory.current&containers={id_of(7)}"

    assert [s["id"] for s in await client.series(path + "&range=3h")] == [id_of(7)]
    assert (await client.get(path + "&range=10m")).status == 404


async def test_an_unknown_series_does_not_prevent_the_answer_for_the_others(client: ApiClient) -> None:
    await client.ready()
    path = "/api/timeseries?metric=memory.current&range=all&containers="
    answer = (await client.get(path + f"nonsense,{id_of(1)},pod:nonsense,{'a' * 12}")).json

    assert [s["id"] for s in answer["series"]] == [id_of(1)]
    assert answer["unknown"] == ["nonsense", "pod:nonsense", "a" * 12]
    assert (await client.get(path + id_of(1))).json["unknown"] == []

    refused = await client.get(path + "nonsense,pod:nonsense")

    assert (refused.status, refused.json["detail"]) == (404, "there is no series 'nonsense'")


async def test_an_encoded_comma_in_the_name_of_a_series_is_part_of_it(data: DataDirectory) -> None:
    """systemd allows it in the name of a unit."""

    def record() -> ApiClient:
        data.parquet(counting(Series("cgroup", cgroup="/system.slice/a,b.service"), T0, 5), counting(NODE, T0, 5))
        return ApiClient(data.root)

    client = await to_thread.run_sync(record)
    await client.ready()
    path = "/api/timeseries?metric=memory.current&range=all&containers=cgroup:/system.slice/a%2Cb.service,node"

    assert {s["id"] for s in await client.series(path)} == {"cgroup:/system.slice/a,b.service", "node"}


async def test_an_answer_for_more_than_an_hour_keeps_the_extremes(data: DataDirectory) -> None:
    """The amount of data decides whether samples are reduced, not the length of the range."""

    def record() -> ApiClient:
        values: list[float | None] = [100.0] * 5400
        values[2000] = 900.0
        data.parquet(chunk(NODE, T0 - 5_300_000, {"memory.current": values}))
        return ApiClient(data.root)

    client = await to_thread.run_sync(record)
    await client.ready()
    answer = (await client.get("/api/timeseries?metric=memory.current&range=2h&points=100")).json

    assert answer["resolution"] == "m4"
    assert len(answer["series"][0]["t_ms"]) <= 400
    assert max(answer["series"][0]["value"]) == 900

    raw = (await client.get("/api/timeseries?metric=memory.current&range=1h")).json

    assert raw["resolution"] == "raw"
    assert len(raw["series"][0]["t_ms"]) == 3579


async def test_a_request_for_too_many_samples_is_refused_before_a_file_is_read(data: DataDirectory) -> None:
    def record() -> ApiClient:
        data.write_index(*((container(n), T0 - 3_600_000, T0) for n in range(500)))
        return ApiClient(data.root)

    client = await to_thread.run_sync(record)
    await client.ready()
    metrics = "memory.current,memory.peak,memory.max,memory.high,memory.low,memory.min,pids.current,pids.max"
    answer = await client.get(f"/api/timeseries?metric={metrics}&range=1h")

    assert answer.status == 400
    assert "samples" in answer.json["allowed"]


async def test_an_answer_with_too_many_series_is_cut_and_marked_as_partial(data: DataDirectory) -> None:
    def record() -> ApiClient:
        data.write_index(*((container(n), T0, T0 + 1000) for n in range(505)))
        data.parquet(*(counting(container(n), T0, 1) for n in range(505)))
        return ApiClient(data.root)

    client = await to_thread.run_sync(record)
    await client.ready()
    answer = (await client.get("/api/timeseries?metric=memory.current&range=5m")).json

    assert answer["partial"] is True
    assert len({s["id"] for s in answer["series"]}) <= 500


async def test_a_damaged_file_is_counted_and_the_rest_is_served(data: DataDirectory) -> None:
    def record() -> ApiClient:
        paths = data.parquet(counting(NODE, T0, 180))
        paths[1].write_bytes(paths[1].read_bytes()[:1000])
        return ApiClient(data.root)

    client = await to_thread.run_sync(record)
    await client.ready()
    answer = (await client.get("/api/timeseries?metric=memory.current&range=all")).json

    assert answer["skipped_files"] == 1
    assert len(answer["series"][0]["t_ms"]) == 90
    assert [skipped["file"][-16:] for skipped in client.services.skipped.newest()] == ["T160130Z.parquet"]


async def test_samples_can_be_requested_by_filter(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    shop, other = container(1, "web", "cart-7f"), container(2, "job", "batch-1")
    await to_thread.run_sync(data.parquet, counting(NODE, T0, 90), counting(shop, T0, 90), counting(other, T0, 90))
    client = await to_thread.run_sync(ApiClient, tmp_path)
    await client.ready()
    path = f"/api/timeseries?metric=memory.current&from={T0}"

    async def ids(query: str) -> set[str]:
        return {series["id"] for series in await client.series(path + query)}

    assert await ids("&search=cart") == {id_of(1)}
    assert await ids("&scope=node") == {"node"}
    assert await ids("&scope=container") == {id_of(1), id_of(2)}
    assert await ids("&search=nobody") == set()
    assert (await client.get(f"{path}&search=cart&containers={id_of(1)}")).status == 400


async def test_the_parts_of_a_long_range_make_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = DataDirectory(tmp_path, rotation_s=900)
    await to_thread.run_sync(data.parquet, counting(container(1), T0 - 7 * 3_600_000, 7 * 3600))
    client = await to_thread.run_sync(ApiClient, tmp_path)
    await client.ready()
    path = f"/api/timeseries?metric=memory.current&containers={id_of(1)}&from={T0 - 7 * 3_600_000}"
    complete = (await client.get(f"{path}&to={T0}")).json
    seconds = itertools.count()
    monkeypatch.setattr(client.services.clock, "monotonic", lambda: float(next(seconds)))
    times: list[int] = []
    parts, to_ms = 0, T0
    for _ in range(4):
        answer = await client.get(f"{path}&to={to_ms}&within_ms=1")
        part = answer.json
        assert part["to_ms"] == to_ms
        assert part["partial"] is (part["complete_from_ms"] > part["from_ms"])
        assert ("etag" in answer.headers) is not part["partial"]
        times = part["series"][0]["t_ms"] + times
        parts += 1
        to_ms = part["complete_from_ms"]
        if not part["partial"]:
            break

    assert to_ms == T0 - 7 * 3_600_000
    assert parts == 3
    assert times == sorted(set(times))
    (line,) = complete["series"]
    assert (times[0], times[-1]) == (line["t_ms"][0], line["t_ms"][-1])


async def test_a_large_answer_is_sent_as_it_is_made(tmp_path: Path) -> None:
    """Only a part of the answer is in memory at any time, and the parts are one JSON document with every sample."""

    def record() -> ApiClient:
        data = DataDirectory(tmp_path, rotation_s=7200)
        data.parquet(*(counting(container(n), T0 - 3_400_000, 3400) for n in range(20)))
        return ApiClient(data.root)

    client = await to_thread.run_sync(record)
    await client.ready()
    answer = await client.get("/api/timeseries?metric=memory.current&range=1h")

    assert "content-length" not in answer.headers
    assert len(answer.body) > PART_BYTES
    assert {s["id"]: len(s["t_ms"]) for s in answer.json["series"]} == {id_of(n): 3400 for n in range(20)}


def constant(script: str, name: str) -> int:
    match = re.search(rf"const {name} = ([\d_]+);", (SERVER / script).read_text())
    assert match is not None, f"{script} has no {name}"
    return int(match[1])


def test_the_page_has_the_limit_of_ticks_that_are_answered_with_every_sample() -> None:
    assert constant("api.js", "RAW_TICKS") == RAW_TICKS


def test_the_page_has_the_limit_of_the_range_that_can_be_compared() -> None:
    assert constant("analysis/comparison.js", "LONGEST_MS") == analysed_span.MAX_MS
    assert constant("../panels/changes.js", "MAX_BEFORE_MS") == analysed_span.MAX_BEFORE_MS
