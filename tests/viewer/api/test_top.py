"""GET /api/top ranks series; /api/filters and /api/containers choose them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from fgm.store.index.index_file import Facts
from fgm.store.samples.series import Series
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import (
    KILLS,
    MEMORY,
    NODE,
    T0,
    USAGE,
    DataDirectory,
    chunk,
    container,
    counting,
    id_of,
)

RANGE = f"from={T0}&to={T0 + 4000}"


@pytest.fixture
def client(tmp_path: Path) -> ApiClient:
    data = DataDirectory(tmp_path)
    data.parquet(
        chunk(NODE, T0, {MEMORY: [100, 100, 100, 100]}),
        chunk(container(1), T0, {MEMORY: [10, 90, 10, 10]}),
        chunk(container(2), T0, {MEMORY: [40, 40, None, 41]}),
        chunk(container(3), T0, {MEMORY: [None, 5, 50], KILLS: [0, 0, 0]}),
        counting(Series("pod", pod_uid="uid"), T0, 4),
        chunk(replace(container(4), pod_uid="uid"), T0, {MEMORY: [1, 1, 1, 1]}),
    )
    data.write_index((container(1), T0, T0 + 3000), more=Facts(labels={"app": "cart", "tier": "x"}))
    return ApiClient(tmp_path)


async def ranked(client: ApiClient, query: str) -> list[dict[str, Any]]:
    await client.ready()
    return await client.series(f"/api/top?metric=memory.current&{RANGE}{query}")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [(2, 121 / 3), (1, 30), (3, 27.5), (4, 1)]),
        ("&by=max", [(1, 90), (3, 50), (2, 41), (4, 1)]),
        ("&by=last", [(3, 50), (2, 41), (1, 10), (4, 1)]),
        ("&by=max&limit=1", [(1, 90)]),
        ("&by=max&search=name-2", [(2, 41)]),
        ("&by=max&labels=app:cart", [(1, 90)]),
        ("&by=max&namespace=other", []),
    ],
)
async def test_series_are_ranked_by_what_they_used(
    client: ApiClient, query: str, expected: list[tuple[int, float]]
) -> None:
    by = query.partition("by=")[2].partition("&")[0] or "mean"

    assert [(s["id"], s[by]) for s in await ranked(client, query)] == [
        (id_of(n), pytest.approx(value)) for n, value in expected
    ]


async def test_a_share_is_of_what_the_node_used_in_the_whole_range(client: ApiClient) -> None:
    totals = await ranked(client, "&scope=container,node&by=max")

    assert {s["id"]: s["share_of_node"] for s in totals} == {
        "node": 1,
        id_of(1): 0.3,
        id_of(2): 0.3025,
        id_of(3): 0.1375,
        id_of(4): 0.01,
    }
    total = next(s for s in totals if s["id"] == id_of(1))
    assert (total["max_ms"], total["last_ms"], total["samples"], total["name"]) == (T0 + 1000, T0 + 3000, 4, "name-1")


async def test_each_part_of_a_range_has_its_peak(client: ApiClient) -> None:
    """A part without a value is null, not 0. The parts divide the whole range, even if its end has no data."""
    totals = await ranked(client, "&by=max&parts=4")
    longer = await client.series(f"/api/top?metric=memory.current&from={T0}&to={T0 + 8000}&by=max&parts=4")

    assert {s["id"]: s["peaks"] for s in totals} == {
        id_of(1): [10, 90, 10, 10],
        id_of(2): [40, 40, None, 41],
        id_of(3): [None, 5, 50, None],
        id_of(4): [1, 1, 1, 1],
    }
    assert {s["id"]: s["peaks"] for s in longer} == {
        id_of(1): [90, 10, None, None],
        id_of(2): [40, 41, None, None],
        id_of(3): [5, 50, None, None],
        id_of(4): [1, 1, None, None],
    }


async def test_leaves_are_ranked_and_add_up_to_a_share_of_the_node(tmp_path: Path) -> None:
    """A slice and a pod with a container are no leaves. A pod whose containers are empty is one."""
    data, in_pod = DataDirectory(tmp_path), replace(container(1), pod_uid="a", cgroup="/kubepods/a/1")
    await to_thread.run_sync(
        data.parquet,
        chunk(NODE, T0, {MEMORY: [100, 100]}),
        chunk(Series("cgroup", cgroup="/system.slice"), T0, {MEMORY: [50, 50]}),
        chunk(Series("cgroup", cgroup="/system.slice/sshd.service"), T0, {MEMORY: [40, 40]}),
        chunk(Series("cgroup", cgroup="/kubepods"), T0, {MEMORY: [35, 35]}),
        chunk(Series("pod", pod_uid="a", cgroup="/kubepods/a"), T0, {MEMORY: [20, 20]}),
        chunk(in_pod, T0, {MEMORY: [20, 20]}),
        chunk(Series("pod", pod_uid="b", cgroup="/kubepods/b"), T0, {MEMORY: [15, 15]}),
        chunk(Series("sandbox", container_id="cd" * 32, pod_uid="b", cgroup="/kubepods/b/2"), T0, {MEMORY: [1, 1]}),
        chunk(Series("outside"), T0, {MEMORY: [26, 26]}),
    )
    client = await to_thread.run_sync(ApiClient, tmp_path)
    await client.ready()
    path = f"/api/top?metric=memory.current&{RANGE}"
    answer = (await client.get(path)).json
    every = (await client.get(f"{path}&scope=container,pod,cgroup,outside,node")).json

    assert [(s["name"], s["last"]) for s in answer["series"]] == [
        *(("sshd.service", 40), ("outside", 26), ("name-1", 20), ("pod b", 15))
    ]
    assert answer["leaves_share_of_node"] == every["leaves_share_of_node"] == 1.01
    assert every["total"] == 8
    assert (await client.get(f"{path}&scope=container")).json["leaves_share_of_node"] is None


async def test_what_has_no_row_of_what_is_outside_does_not_add_up_to_a_share(tmp_path: Path) -> None:
    """Limits, peaks and headroom; and everything in files of earlier versions."""
    data = DataDirectory(tmp_path)
    limit = "memory.max"
    await to_thread.run_sync(
        data.parquet,
        chunk(NODE, T0, {MEMORY: [100, 100], limit: [200, 200]}),
        chunk(container(1), T0, {MEMORY: [20, 20], limit: [50, 50]}),
        chunk(Series("outside"), T0, {MEMORY: [80, 80]}),
    )
    client = await to_thread.run_sync(ApiClient, tmp_path)
    await client.ready()

    for metric, share in ((MEMORY, 1.0), (limit, None)):
        answer = (await client.get(f"/api/top?metric={metric}&{RANGE}")).json
        assert answer["leaves_share_of_node"] == share


async def test_without_a_value_of_the_node_there_is_no_share(client: ApiClient) -> None:
    await client.ready()
    totals = await client.series(f"/api/top?metric=memory.events.oom_kill&{RANGE}")

    assert all(s["share_of_node"] is None for s in totals)


async def test_filters_lists_the_values_by_which_series_can_be_chosen(client: ApiClient) -> None:
    await client.ready()

    assert (await client.get("/api/filters")).json == {
        "scopes": ["container", "node", "pod"],
        "namespaces": ["default"],
        "qos_classes": ["Burstable"],
        "label_keys": ["app", "tier"],
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"metric=memory.events.oom_kill&{RANGE}", {id_of(3)}),
        (f"metric=memory.current&{RANGE}&scope=container", {id_of(1), id_of(2), id_of(3), id_of(4)}),
        (f"metric=memory.peak&{RANGE}", set()),
        (f"from={T0 - 9000}&to={T0}", set()),
        (f"from={T0}&to={T0 + 1000}&scope=node", {"node"}),
    ],
)
async def test_containers_with_a_metric_lists_only_series_with_a_value(
    client: ApiClient, query: str, expected: set[str]
) -> None:
    await client.ready()
    answer = await client.get(f"/api/containers?{query}")

    assert answer.status == 200, answer.body
    assert {c["id"] for c in answer.json["containers"]} == expected


async def test_several_metrics_have_the_answers_that_each_has_alone(client: ApiClient) -> None:
    await client.ready()
    names = (MEMORY, USAGE, "memory.max", KILLS)
    target = f"/api/top?metric={{}}&{RANGE}&by=max&limit=2"
    alone = [(await client.get(target.format(name))).json for name in names]

    assert (await client.get(target.format(",".join(names)))).json == {"tops": alone}
    assert [len(each["series"]) for each in alone] == [2, 1, 0, 1]


async def test_peaks_are_of_one_metric(client: ApiClient) -> None:
    await client.ready()
    answer = await client.get(f"/api/top?metric={MEMORY},{KILLS}&{RANGE}&parts=4")

    assert (answer.status, answer.json["parameter"], answer.json["allowed"]) == (400, "parts", "parts of one metric")
