"""GET /api/wall has the highest value of many series in each pixel column."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anyio import create_task_group, to_thread

from fgm.store.directory.layout import HOUR_MS
from fgm.store.samples.series import Series
from fgm.viewer.api.response.memory_budget import Budget
from fgm.viewer.api.routes import create_app
from fgm.viewer.query.partial_query import LENGTHS
from fgm.viewer.query.wall.wall_query import CELLS_PER_SAMPLE
from tests.support.fake_clock import FakeClock
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import MEMORY, NODE, T0, DataDirectory, chunk, container, id_of
from tests.support.viewer.merged_hours import merge_hour

RANGE = f"from={T0}&to={T0 + 8000}"
POD = Series("pod", pod_uid="u", pod_name="web-7d4b9c6f5-x2x4z", namespace="shop", cgroup="/pods/u")


def replica(number: int, suffix: str) -> Series:
    """Return a container of the Deployment `web`."""
    series = container(number, "app", f"web-7d4b9c6f5-{suffix}")
    return replace(series, namespace="shop", pod_uid="u" if suffix == "x2x4z" else "v", cgroup=f"/pods/{number}")


@pytest.fixture
def client(tmp_path: Path) -> ApiClient:
    data = DataDirectory(tmp_path)
    data.parquet(
        chunk(NODE, T0, {MEMORY: [100] * 8}),
        chunk(POD, T0, {MEMORY: [30, 30]}),
        chunk(replica(1, "x2x4z"), T0, {MEMORY: [10, 90]}),
        chunk(replica(2, "x2x4z"), T0 + 4000, {MEMORY: [20, 25, None, 20]}),  # its second life
        chunk(replica(3, "bcdfg"), T0, {MEMORY: [1, 2, 3, 4, 5, 6, 7, 40]}),
        chunk(Series("cgroup", cgroup="/system.slice/sshd.service"), T0, {MEMORY: [8] * 8}),
        chunk(Series("outside"), T0, {MEMORY: [2] * 8}),
    )
    return ApiClient(tmp_path)


async def wall(client: ApiClient, query: str = "") -> dict[str, Any]:
    await client.ready()
    answer = await client.get(f"/api/wall?metric={MEMORY}&{RANGE}&columns=4{query}")
    assert answer.status == 200, answer.body
    return dict(answer.json)


def rows_of(answer: dict[str, Any]) -> dict[str, list[float | None]]:
    return {row["key"]: row["values"] for row in answer["rows"]}


async def test_each_row_has_the_highest_value_of_each_column(client: ApiClient) -> None:
    """The lives of a container share a row. The node and the pod have none, because their containers have."""
    answer = await wall(client)

    assert rows_of(answer) == {
        "shop/web-7d4b9c6f5-x2x4z/app": [90, None, 25, 20],
        "shop/web-7d4b9c6f5-bcdfg/app": [2, 4, 6, 40],
        "cgroup:/system.slice/sshd.service": [8, 8, 8, 8],
        "outside": [2, 2, 2, 2],
    }
    assert [row["use"] for row in answer["rows"]] == [165 / 8, 68 / 8, 8, 2]  # the most used first
    first = answer["rows"][0]
    assert (first["ids"], first["max"], first["max_ms"]) == ([id_of(2), id_of(1)], 90, T0 + 1000)
    assert (answer["partial"], answer["complete_from_ms"], answer["resolution"], answer["total"]) == (
        False,
        T0,
        "raw",
        4,
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("&by=pod", {"shop/web-7d4b9c6f5-x2x4z", "cgroup:/system.slice/sshd.service", "outside"}),
        ("&by=workload", {"shop/web/app", "cgroup:/system.slice/sshd.service", "outside"}),
        ("&scope=cgroup", {"cgroup:/system.slice/sshd.service"}),
        ("&search=bcdfg", {"shop/web-7d4b9c6f5-bcdfg/app"}),
        ("&containers=node", {"node"}),
        (f"&containers={id_of(2)}", {"shop/web-7d4b9c6f5-x2x4z/app"}),
        ("&limit=1", {"shop/web-7d4b9c6f5-x2x4z/app"}),
        ("&namespace=other", set()),
    ],
)
async def test_rows_are_containers_pods_or_workloads_and_may_be_chosen(
    client: ApiClient, query: str, expected: set[str]
) -> None:
    assert rows_of(await wall(client, query)).keys() == expected


async def test_a_workload_has_the_highest_value_of_any_replica(client: ApiClient) -> None:
    answer = await wall(client, "&by=workload")

    assert rows_of(answer)["shop/web/app"] == [90, 4, 25, 40]
    assert answer["rows"][0]["workload"] == "web"
    assert answer["rows"][0]["pod_name"] is None


async def test_the_binary_form_has_the_cells_of_the_json(client: ApiClient) -> None:
    expected = await wall(client)
    body = (await client.get(f"/api/wall?metric={MEMORY}&{RANGE}&columns=4&format=binary")).body
    length = int.from_bytes(body[:4], "little")
    facts = json.loads(body[4 : 4 + length])
    begin = -(-(4 + length) // 8) * 8
    cells = np.frombuffer(body, "<f4", offset=begin).reshape(len(facts["rows"]), 4)

    for row, values in zip(facts["rows"], cells.tolist(), strict=True):
        row["values"] = [None if np.isnan(value) else value for value in values]
    assert facts == expected


@pytest.mark.parametrize(
    ("query", "status", "name"),
    [
        ("columns=4", 400, "metric"),
        (f"metric={MEMORY}&columns=0", 400, "columns"),
        (f"metric={MEMORY}&by=image", 400, "by"),
        (f"metric={MEMORY}&containers={id_of(9)}", 404, "containers"),
        (f"metric={MEMORY}&containers=node&search=x", 400, "containers"),
        (f"metric={MEMORY}&{RANGE}&until={T0}", 400, "until"),
    ],
)
async def test_a_wrong_parameter_is_named(client: ApiClient, query: str, status: int, name: str) -> None:
    await client.ready()
    answer = await client.get(f"/api/wall?{query}")

    assert (answer.status, answer.json["parameter"]) == (status, name)


HOURS = 5
SPIKE = 3600 + 1234


@pytest.fixture
def long_client(tmp_path: Path) -> ApiClient:
    data = DataDirectory(tmp_path, rotation_s=900)
    memory = [1000.0] * 3600 * HOURS
    memory[SPIKE] = 5000.0
    data.parquet(*(chunk(series, T0, {MEMORY: memory}) for series in (NODE, container(1))))
    data.write_index((container(1), T0, T0 + HOURS * HOUR_MS), latest_ms=T0 + HOURS * HOUR_MS)
    for hour in range(HOURS - 1):
        merge_hour(data, T0 + hour * HOUR_MS)
    now_ms = T0 + HOURS * HOUR_MS + 60_000
    return ApiClient(tmp_path, now_ms, Slow(now_ms * 1_000_000))


class Slow(FakeClock):
    """A clock on which a second passes whenever it is read."""

    def monotonic(self) -> float:
        self.stall(1)
        return super().monotonic()


async def test_a_spike_of_a_second_is_in_its_column_at_any_resolution(long_client: ApiClient) -> None:
    """Columns of a minute or longer are read from minutes. None of them stays empty."""
    await long_client.ready()
    query = f"metric={MEMORY}&from={T0}&to={T0 + HOURS * HOUR_MS}&containers={id_of(1)}"
    for columns in (250, 299, 300, 301, 3000):
        answer = (await long_client.get(f"/api/wall?{query}&columns={columns}")).json
        (row,) = answer["rows"]
        spikes = [i for i, value in enumerate(row["values"]) if value == 5000]
        assert SPIKE * columns // (3600 * HOURS) in spikes
        assert len(spikes) <= 2
        assert {value for i, value in enumerate(row["values"]) if i not in spikes} == {1000}
        assert answer["resolution"] == ("minutes" if columns <= 300 else "raw")
        assert (row["max_ms"], row["samples"]) == (T0 + 1000 * SPIKE, 3600 * HOURS)
        assert row["use"] == pytest.approx(1000, rel=1e-2)


async def test_a_long_range_comes_in_parts_the_newest_first(long_client: ApiClient) -> None:
    """The rest is asked for with `until`. Joined, the parts are what one answer has."""
    client = long_client
    await client.ready()
    query = f"/api/wall?metric={MEMORY}&from={T0}&to={T0 + HOURS * HOUR_MS}&columns=3000&containers={id_of(1)}"
    whole = (await client.get(query)).json["rows"][0]["values"]
    cells: list[float | None] = [None] * 3000
    until, requests = "", 0
    while True:
        answer = (await client.get(f"{query}&within_ms=1{until}")).json
        (row,) = answer["rows"]
        for i, value in enumerate(row["values"], start=answer["first_column"]):
            cells[i] = value if cells[i] is None else max(value, cells[i])
        requests += 1
        if not answer["partial"] or answer["complete_from_ms"] == T0:
            break
        assert answer["complete_from_ms"] >= T0 + HOURS * HOUR_MS - 2 * requests * LENGTHS.samples_ms
        until = f"&until={answer['complete_from_ms']}"
    assert cells == whole
    assert requests > 1


async def test_values_that_are_read_every_ten_seconds_fill_the_columns_between(tmp_path: Path) -> None:
    """A gap that is longer than two and a half of these intervals stays empty."""
    name = "effective_memory_max"
    values = [float(second) if second % 10 == 0 and not 40 <= second < 70 else None for second in range(90)]
    data = DataDirectory(tmp_path)
    await to_thread.run_sync(lambda: data.parquet(chunk(container(1), T0, {name: values}), columns=(name,)))
    client = await to_thread.run_sync(ApiClient, tmp_path)
    await client.ready()
    answer = (await client.get(f"/api/wall?metric={name}&from={T0}&to={T0 + 90_000}&columns=45")).json
    (row,) = answer["rows"]

    assert row["values"][:16] == [0] * 5 + [10] * 5 + [20] * 5 + [30]
    assert row["values"][16:35] == [None] * 19
    assert row["values"][35:] == [70] * 5 + [80] + [None] * 4


async def test_several_metrics_have_the_answers_that_each_has_alone(client: ApiClient) -> None:
    await client.ready()
    target = f"/api/wall?metric={{}}&{RANGE}&columns=4"
    alone = [(await client.get(target.format(name))).json for name in (MEMORY, "memory_working_set")]
    together = (await client.get(target.format(f"{MEMORY},memory_working_set"))).json
    assert together == {"walls": alone}

    binary = (await client.get(target.format(f"{MEMORY},memory_working_set") + "&format=binary")).body
    length = int.from_bytes(binary[:4], "little")
    header = json.loads(binary[4 : 4 + length])
    cells = np.frombuffer(binary[4 + length + -(4 + length) % 8 :], "<f4").reshape(-1, 4)
    rows = [row for wall in alone for row in wall["rows"]]
    assert [row["key"] for wall in header["walls"] for row in wall["rows"]] == [row["key"] for row in rows]
    np.testing.assert_array_equal(cells, np.array([row["values"] for row in rows], float))


async def test_walls_of_several_metrics_do_not_wait_for_the_memory_of_each_other_for_ever(client: ApiClient) -> None:
    """There is memory for one request, or for the first metric of all four."""
    ids = f"{id_of(1)},{id_of(2)},{id_of(3)}"
    samples = 4 * 3 * 4000 // CELLS_PER_SAMPLE
    budget = client.services.budget = Budget(samples, max_wait_s=5)

    def limit() -> None:
        client.app = create_app(client.services)  # type: ignore[assignment]

    await to_thread.run_sync(limit)
    await client.ready()
    target = (
        f"/api/wall?metric={MEMORY},memory_working_set,memory.max,memory.high&{RANGE}&columns=4000&containers={ids}"
    )
    answers: list[Any] = []

    async def ask() -> None:
        answers.append(await client.get(target))

    async with create_task_group() as group:
        for _ in range(4):
            group.start_soon(ask)

    assert [answer.status for answer in answers] == [200] * 4
    assert budget.free == samples


async def test_a_client_that_has_the_wall_of_a_past_range_gets_no_second_one(client: ApiClient) -> None:
    await client.ready()
    target = f"/api/wall?metric={MEMORY}&{RANGE}&columns=4"
    first = await client.get(target)
    again = await client.get(target, if_none_match=first.headers["etag"])
    other = await client.get(target + "&by=pod", if_none_match=first.headers["etag"])

    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (other.status, other.headers["etag"] != first.headers["etag"]) == (200, True)
    live = await client.get(f"/api/wall?metric={MEMORY}&range=1m&columns=10")
    assert (live.status, "etag" in live.headers) == (200, False)


async def test_of_many_series_a_shorter_part_is_the_first(tmp_path: Path) -> None:
    """All parts together are the whole wall. Of few series, the first part is the whole hour."""
    data = DataDirectory(tmp_path, rotation_s=900)
    many = [container(number) for number in range(1, 251)]
    for start_ms in range(T0, T0 + HOUR_MS, 900_000):
        chunks = [chunk(each, start_ms, {MEMORY: [1.0 + n] * 15}, step_ms=60_000) for n, each in enumerate(many)]
        await to_thread.run_sync(partial(data.parquet, *chunks, columns=(MEMORY,)))
    now_ms = T0 + HOUR_MS + 60_000
    client = await to_thread.run_sync(ApiClient, tmp_path, now_ms, Slow(now_ms * 1_000_000))
    await client.ready()
    query = f"/api/wall?metric={MEMORY}&from={T0}&to={T0 + HOUR_MS}&columns=60"
    whole, first = (await client.get(query)).json, (await client.get(f"{query}&within_ms=1")).json
    rest = (await client.get(f"{query}&until={first['complete_from_ms']}")).json

    assert T0 + HOUR_MS // 4 < first["complete_from_ms"] < T0 + HOUR_MS
    assert len(first["rows"]) == len(whole["rows"]) == 250
    older, newer = ({row["key"]: row["values"] for row in part["rows"]} for part in (rest, first))
    for row in whole["rows"]:
        edge = older[row["key"]][first["first_column"] :] + newer[row["key"]][:1]  # a column that is in both parts
        joined = [*older[row["key"]][: first["first_column"]], max(filter(None, edge)), *newer[row["key"]][1:]]
        assert joined == row["values"]
    few = (await client.get(f"{query}&within_ms=1&containers={id_of(1)},{id_of(2)}")).json
    assert few["complete_from_ms"] == T0
