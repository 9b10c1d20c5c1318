"""The paths of the API, with real data directories."""

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
from fgm.viewer.api.routes import create_app
from fgm.viewer.api.services import Services
from fgm.viewer.web.asgi import App
from tests.support.viewer.api_client import NOW_MS, ApiClient, client_of_two_minutes
from tests.support.viewer.asgi_client import Answer, converse
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, container, counting, id_of


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    return DataDirectory(tmp_path)


@pytest.fixture
def client(data: DataDirectory) -> ApiClient:
    return client_of_two_minutes(data)


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
