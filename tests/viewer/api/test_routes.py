"""The paths of the API, with real data directories."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest
from anyio import to_thread

from fgm.store.index.index_file import Facts
from fgm.store.samples.series import Series
from fgm.viewer.api.response.memory_budget import Budget
from fgm.viewer.api.response.responses import PART_BYTES
from fgm.viewer.api.routes import create_app
from fgm.viewer.api.services import Services
from fgm.viewer.web.asgi import App
from tests.support.viewer.api_client import NOW_MS, ApiClient
from tests.support.viewer.asgi_client import Answer, converse
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, chunk, container, counting, id_of

FACTS = {
    *("from_ms", "to_ms", "complete_from_ms", "interval_ms", "resolution", "partial", "skipped_files"),
    *("unknown", "series"),
}
SERVICE = Series("cgroup", cgroup="/system.slice/a.service")


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path)


@pytest.fixture
def client(data: DataDirectory) -> ApiClient:
    """Two minutes of the node, a container and a service; the last half minute is still in the journal."""
    data.write_index((container(1), T0, T0 + 90_000))
    closed = [counting(NODE, T0, 90), counting(container(1), T0, 90), counting(SERVICE, T0, 90)]
    data.parquet(*closed)
    data.journal(counting(NODE, T0 + 90_000, 31), counting(container(1), T0 + 90_000, 10))
    return ApiClient(data.root)


async def test_before_there_is_data_the_answer_is_a_503_with_retry_after(client: ApiClient) -> None:
    for path in ("/api/instance", "/api/metrics", "/api/containers", "/api/timeseries?metric=memory.current"):
        answer = await client.get(path)

        assert answer.status == 503
        assert answer.headers["retry-after"] == "2"
        assert answer.headers["content-type"] == "application/problem+json"
        assert "/api/health" in answer.json["detail"]


async def test_instance_names_the_node_the_viewer_and_its_version(client: ApiClient) -> None:
    await client.ready()

    assert (await client.get("/api/instance")).json == {
        "node_name": "node-1",
        "identifier": "node-1",
        "cluster_name": "cluster-1",
        "pod_name": "monitor-x",
        "port": 8050,
        "now_ms": NOW_MS,
        "interval_ms": 1000,
        "version": "0.1.0",
        "packs": [],
    }


async def test_metrics_lists_those_with_a_value_and_derived_ones_first(client: ApiClient) -> None:
    await client.ready()
    listed = (await client.get("/api/metrics")).json["metrics"]

    assert [(m["name"], m["unit"], m["kind"]) for m in listed] == [
        ("total_cpu_usage_millicores", "millicores", "derived"),
        ("memory.current", "bytes", "gauge"),
        ("cpu.stat.usage_usec", "us/s", "counter"),
    ]
    assert all({"title", "source", "help"} <= m.keys() for m in listed)


async def test_containers_lists_the_facts_of_each_series(client: ApiClient) -> None:
    await client.ready()
    answer = (await client.get("/api/containers?scope=container")).json

    assert answer["total"] == 1
    assert answer["containers"] == [
        {
            "id": id_of(1),
            "scope": "container",
            "name": "name-1",
            "container_id": container(1).container_id,
            "container_name": "name-1",
            "pod_name": "pod-1",
            "namespace": "default",
            "pod_uid": None,
            "qos_class": "Burstable",
            "runtime": "containerd",
            "cgroup": None,
            "node_name": "node-1",
            "labels": None,
            "image": None,
            "restart_count": None,
            "limits": None,
            "requests": None,
            "pod_limits": None,
            "pod_requests": None,
            "ended": None,
            "first_seen_ms": T0,
            "last_seen_ms": T0 + 99_000,
            "alive": False,
        }
    ]


async def test_containers_has_the_facts_of_the_index_and_filters_by_labels(data: DataDirectory) -> None:
    facts = Facts(
        labels={"app": "cart", "app.kubernetes.io/part-of": "shop"},
        image="cart:v1",
        restart_count=2,
        limits={"memory_bytes": 1 << 20},
        requests=cast("dict[str, Any]", "nonsense"),
        ended={"reason": "OOMKilled", "exit_code": 137},
    )

    def record() -> ApiClient:
        data.parquet(counting(container(1), T0, 5), counting(container(2), T0, 5))
        data.write_index((container(1), T0, T0 + 5000), more=facts)
        return ApiClient(data.root)

    client = await to_thread.run_sync(record)
    await client.ready()

    async def containers(query: str) -> list[dict[str, Any]]:
        answer = await client.get(f"/api/containers?{query}")
        return list(answer.json["containers"])

    (entry,) = await containers("labels=app:cart,app.kubernetes.io%2Fpart-of:shop")
    assert {name: entry[name] for name in facts} == {**facts, "requests": None}
    assert await containers("labels=app:cart,app:web") == []
    assert len(await containers("")) == 2


async def test_a_series_of_the_newest_tick_is_alive_while_the_data_is_fresh(client: ApiClient) -> None:
    await client.ready()

    async def alive() -> list[str]:
        return [c["id"] for c in (await client.get("/api/containers")).json["containers"] if c["alive"]]

    assert await alive() == ["node"]

    client.clock.stall(60)

    assert await alive() == [], "the collector has stopped, so no series counts as alive"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [id_of(3), id_of(2), "pod:uid", id_of(1)]),
        ("search=NAME-2", [id_of(2)]),
        ("search=name%20pod-3", [id_of(3)]),
        (f"search={id_of(2)}", [id_of(2)]),
        ("search=nothing", []),
        ("scope=pod", ["pod:uid"]),
        ("scope=sandbox", ["f" * 12]),
        ("scope=container,pod", [id_of(3), id_of(2), "pod:uid", id_of(1)]),
        ("namespace=default", [id_of(3), id_of(2), id_of(1)]),
        ("namespace=other", []),
        ("qos_class=Burstable", [id_of(3), id_of(2), id_of(1)]),
        ("range=35s", [id_of(3)]),
    ],
)
async def test_containers_are_filtered_and_listed_newest_first(
    data: DataDirectory, query: str, expected: Sequence[str]
) -> None:
    def record() -> ApiClient:
        data.parquet(
            counting(Series("sandbox", container_id="f" * 64), T0, 5),
            counting(container(1), T0, 5),
            counting(Series("pod", pod_uid="uid"), T0 + 5000, 5),
            counting(container(2), T0 + 10_000, 5),
            counting(container(3), T0 + 80_000, 11),
        )
        return ApiClient(data.root)

    client = await to_thread.run_sync(record)
    await client.ready()
    answer = (await client.get(f"/api/containers?{query}")).json

    assert [c["id"] for c in answer["containers"]] == expected
    assert answer["total"] == len(expected)


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


async def test_lives_of_one_workload_are_numbered(data: DataDirectory) -> None:
    def record() -> ApiClient:
        data.parquet(
            counting(container(1, "web", "pod-a"), T0, 20), counting(container(2, "web", "pod-a"), T0 + 30_000, 20)
        )
        return ApiClient(data.root)

    client = await to_thread.run_sync(record)
    await client.ready()
    series = await client.series("/api/timeseries?metric=total_cpu_usage_millicores&range=all")

    assert {s["id"]: (s["life"], s["value"][0]) for s in series} == {id_of(1): (1, None), id_of(2): (2, None)}


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


@pytest.mark.parametrize(
    ("target", "status", "parameter"),
    [
        ("/api/timeseries", 400, "metric"),
        ("/api/timeseries?metric=nonsense", 404, "metric"),
        ("/api/timeseries?metric=memory.current&containers=nonsense", 404, "containers"),
        ("/api/timeseries?metric=memory.current&containers=pod:nonsense", 404, "containers"),
        (f"/api/timeseries?metric=memory.current&containers={'ab' * 32}", 404, "containers"),
        ("/api/timeseries?metric=memory.current&range=forever", 400, "range"),
        ("/api/timeseries?metric=memory.current&from=9999999999", 400, "from"),
        ("/api/containers?scope=x", 400, "scope"),
        ("/api/metrics?x=1", 400, "x"),
        ("/api/nonsense", 404, None),
        ("/nonsense", 404, None),
        ("/static/../app.py", 404, None),
    ],
)
async def test_bad_input_is_a_problem_and_never_a_stack_trace(
    client: ApiClient, target: str, status: int, parameter: str | None
) -> None:
    await client.ready()
    answer = await client.get(target)

    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json.keys() >= {"title", "status", "detail"}
    assert answer.json.get("parameter") == parameter
    assert b"Traceback" not in answer.body


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


async def test_one_of_several_nodes_in_a_directory_can_be_chosen(tmp_path: Path) -> None:
    older = DataDirectory(tmp_path, identifier="pod-a")
    older.header = replace(older.header, node_name="worker-1")
    newer = DataDirectory(tmp_path, identifier="pod-b")
    await to_thread.run_sync(older.parquet, counting(NODE, T0 - 900_000, 90), counting(container(1), T0 - 900_000, 90))
    await to_thread.run_sync(newer.parquet, counting(NODE, T0, 90), counting(container(2), T0, 90))
    await to_thread.run_sync(lambda: newer.write_index((container(2), T0, T0 + 89_000)))
    client = await to_thread.run_sync(ApiClient, tmp_path)
    client.services = await to_thread.run_sync(
        lambda: Services(str(tmp_path), client.clock, client.start_up, client.services.address, node="worker-1")
    )
    await to_thread.run_sync(client.serve)
    await client.ready()

    assert {series["id"] for series in (await client.get("/api/containers")).json["containers"]} == {"node", id_of(1)}
    series = await client.series("/api/timeseries?metric=memory.current&range=all")
    assert {(line["id"], len(line["t_ms"])) for line in series} == {("node", 90), (id_of(1), 90)}


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


async def test_parallel_queries_together_never_have_more_samples_than_the_budget(tmp_path: Path) -> None:
    """Each query fits into the budget, but four at once would need four times the memory."""

    def record() -> ApiClient:
        data = DataDirectory(tmp_path, rotation_s=7200)
        data.parquet(*(counting(container(n), T0 - 3_400_000, 3400) for n in range(20)))
        client = ApiClient(data.root)
        client.services.budget = Budget(100_000)
        client.app = create_app(client.services)  # type: ignore[assignment]
        return client

    client = await to_thread.run_sync(record)
    await client.ready()
    budget = client.services.budget
    free, answers = list[int](), list[Answer]()

    async def ask() -> None:
        answers.append(await client.get("/api/timeseries?metric=memory.current&range=1h"))

    async def watch() -> None:
        while len(answers) < 4:
            free.append(budget.free)
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        for _ in range(4):
            group.start_soon(ask)

    assert [answer.status for answer in answers] == [200] * 4
    assert min(free) >= 0
    assert min(free) < 100_000 - 60_000, "a query takes what it may need"
    assert budget.free == 100_000


async def test_a_client_that_stops_reading_loses_its_answer_and_gives_its_memory_back(tmp_path: Path) -> None:
    def record() -> ApiClient:
        data = DataDirectory(tmp_path, rotation_s=7200)
        data.parquet(*(counting(container(n), T0 - 3_400_000, 3400) for n in range(20)))
        return ApiClient(data.root)

    client = await to_thread.run_sync(record)
    await client.ready()
    app = await to_thread.run_sync(lambda: cast("App", create_app(client.services, send_timeout_s=0.05)))
    with anyio.fail_after(5):
        messages = await converse(app, "/api/timeseries?metric=memory.current&range=1h", stops_reading=True)

    assert [message["type"] for message in messages] == ["http.response.start"]
    assert client.services.budget.free == client.services.budget.samples


async def test_a_cancelled_request_stops_between_files(data: DataDirectory) -> None:
    """A client that disconnects cancels its request, and the next request gets the thread."""

    def record() -> ApiClient:
        data.parquet(counting(NODE, T0 - 5_000_000, 5000))
        return ApiClient(data.root)

    client = await to_thread.run_sync(record)
    await client.ready()
    for _ in range(5):
        assert await converse(client.app, "/api/timeseries?metric=memory.current&range=all", leaves=True) == []
    with anyio.fail_after(5):
        assert len(await client.series("/api/timeseries?metric=memory.current&range=3m")) == 1


async def test_an_unexpected_failure_is_a_problem_without_its_trace(
    client: ApiClient, caplog: pytest.LogCaptureFixture
) -> None:
    await client.ready()
    del client.services.sources

    answer = await client.get("/api/timeseries?metric=memory.current")

    assert answer.status == 500
    assert json.loads(answer.body)["detail"] == "the viewer has failed to respond; its log has the reason"
    assert "AttributeError" in caplog.text
