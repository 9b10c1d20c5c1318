"""GET /api/changes: all metrics of all containers, compared with the time before."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import numpy as np
import pytest
from anyio import to_thread

from fgm.store.samples.chunk import Chunk
from fgm.store.samples.series import Series
from fgm.viewer.query.comparing.comparison import MAX_SERIES
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import (
    COLUMNS,
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

MIDDLE_MS = T0 - 300_000


async def client_of(data: DataDirectory) -> ApiClient:
    client = await to_thread.run_sync(ApiClient, data.root)
    await client.ready()
    return client


async def lines(client: ApiClient, query: str = f"?from={MIDDLE_MS}&to={T0}") -> list[dict[str, Any]]:
    answer = await client.get(f"/api/changes{query}")
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.body.splitlines()]


def busier(series: int | Series, per_second: list[float]) -> Chunk:
    """Return a series until T0 whose CPU time grows in equal parts of ten minutes by `per_second` µs each second."""
    used = np.cumsum(np.repeat(per_second, 600 // len(per_second)))
    first_ms = T0 - 600_000
    return chunk(
        container(series) if isinstance(series, int) else series, first_ms, {USAGE: used.tolist(), MEMORY: [1e6] * 600}
    )


async def test_the_container_that_used_more_is_first_with_its_means(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    steady = [counting(series, T0 - 600_000, 600) for series in (NODE, container(2), container(3))]
    await to_thread.run_sync(data.parquet, busier(1, [2e5, 2.8e6]), *steady)
    reports = await lines(await client_of(data))

    answer = reports[-1]
    assert [line["progress"] for line in reports[:-1]] == sorted(line["progress"] for line in reports[:-1])
    assert len(reports) > 1
    assert (answer["before_ms"], answer["from_ms"], answer["to_ms"]) == (T0 - 600_000, MIDDLE_MS, T0)
    assert answer["compared"]["series"] == 3
    (first,) = answer["series"]
    assert first["id"] == id_of(1)
    cpu = next(change for change in first["changes"] if change["metric"] == "total_cpu_usage_millicores")
    assert (cpu["before"], cpu["during"]) == pytest.approx((200, 2800), rel=0.02)
    assert cpu["peak"] == pytest.approx(2800)


async def test_a_change_of_the_used_share_of_a_limit_says_whose_limit_it_is(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    columns = (*COLUMNS, "memory.max", "effective_memory_max", "effective_memory_max_depth")

    def growing(number: int, path: str, depth: int, factor: float) -> Chunk:
        series = replace(container(number), pod_uid="p", cgroup=path)
        memory = np.repeat([1e8, 1e8 * factor], 300)
        values = {MEMORY: memory, "memory.stat.inactive_file": memory * 0, "memory.max": memory * 0 + 5e8}
        values |= {"effective_memory_max": memory * 0 + 5e8, "effective_memory_max_depth": memory * 0 + depth}
        return chunk(series, T0 - 600_000, {name: column.tolist() for name, column in values.items()})

    chunks = [growing(1, "/kubepods/podp/1", 2, 4), growing(2, "/kubepods/podq/2", 1, 3), growing(3, "/docker/3", 2, 2)]
    await to_thread.run_sync(lambda: data.parquet(*chunks, columns=columns))
    answer = (await lines(await client_of(data)))[-1]

    owners = {
        series["id"]: {change["limit_of"] for change in series["changes"]} - {None} for series in answer["series"]
    }
    assert owners == {id_of(1): {"pod"}, id_of(2): {"/kubepods"}, id_of(3): {"own"}}


async def test_services_are_compared_and_slices_are_not(tmp_path: Path) -> None:
    data, service = DataDirectory(tmp_path), Series("cgroup", cgroup="/system.slice/kubelet.service")
    parts = [2e5, 2.8e6]
    around = (replace(service, cgroup="/system.slice"), NODE)
    steady = counting(container(2), T0 - 600_000, 600)
    chunks = [*(busier(each, parts) for each in (service, *around)), steady]
    await to_thread.run_sync(data.parquet, *chunks)
    answer = (await lines(await client_of(data)))[-1]

    assert [(series["id"], series["scope"]) for series in answer["series"]] == [(service.key, "cgroup")]
    assert answer["compared"]["series"] == 2


@pytest.mark.parametrize("ended_s", [30, 300])
async def test_a_pod_is_not_new_when_its_container_has_exited(tmp_path: Path, ended_s: int) -> None:
    """It has exited before both ranges, but in a file of the first one; or at the end of the first one."""
    data, uid = DataDirectory(tmp_path), "0b5ab2c2-6c5e-4c83-9b8c-3f1f1c2f8d11"
    pod = Series("pod", pod_uid=uid, cgroup=f"/kubepods/pod{uid}")
    inside = replace(container(1), pod_uid=uid, cgroup=f"/kubepods/pod{uid}/1")
    ended = counting(inside, T0 - 600_000, ended_s, per_second=200_000)
    chunks = [ended, busier(pod, [2e5]), busier(2, [2e5, 2.8e6])]
    await to_thread.run_sync(data.parquet, *chunks)
    from_ms = T0 - 270_000
    answer = (await lines(await client_of(data), f"?from={from_ms}&to={T0}"))[-1]

    assert pod.key not in {series["id"] for series in answer["series"]}
    assert answer["compared"]["series"] == 2


async def test_a_new_container_has_no_value_before_and_a_replacement_is_compared_with_the_container_it_replaced(
    tmp_path: Path,
) -> None:
    data = DataDirectory(tmp_path)
    before = counting(container(1, "web", "cart"), T0 - 600_000, 300, per_second=200_000)
    after = counting(container(9, "web", "cart"), MIDDLE_MS, 300, per_second=900_000)
    new = counting(container(4), MIDDLE_MS, 300, per_second=500_000)
    await to_thread.run_sync(data.parquet, before, after, new)
    answer = (await lines(await client_of(data)))[-1]
    changes = {
        series["id"]: next(c for c in series["changes"] if c["metric"] == "total_cpu_usage_millicores")
        for series in answer["series"]
    }

    assert changes.keys() == {id_of(9), id_of(4)}
    assert changes[id_of(9)]["before"] == pytest.approx(200)
    assert changes[id_of(4)]["before"] is None


async def test_a_comparison_includes_the_open_journal_and_counts_a_damaged_file(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    paths = await to_thread.run_sync(data.parquet, counting(container(1), T0 - 180_000, 90, per_second=1e5))
    await to_thread.run_sync(data.journal, counting(container(1), T0, 90, per_second=9e5))
    await to_thread.run_sync((paths[0].parent / "metrics-20251230T155830Z.parquet").write_bytes, b"PAR1")
    answer = (await lines(await client_of(data), f"?from={T0}&to={T0 + 180_000}"))[-1]

    assert [series["id"] for series in answer["series"]] == [id_of(1)]
    assert answer["skipped_files"] == 1


async def test_a_range_that_is_too_long_to_compare_is_refused(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    await to_thread.run_sync(data.parquet, counting(NODE, T0, 90))
    answer = await (await client_of(data)).get("/api/changes?range=2h")

    assert answer.status == 400
    assert "at most 3600 s" in answer.body.decode()


async def test_without_data_before_the_range_nothing_is_compared(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    await to_thread.run_sync(data.parquet, counting(container(1), T0, 90, per_second=1e6))
    answer = (await lines(await client_of(data), f"?from={T0}&to={T0 + 90_000}"))[-1]

    assert (answer["has_before"], answer["series"]) == (False, [])


async def test_comparisons_wait_for_each_other_and_do_not_delay_other_requests(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    await to_thread.run_sync(data.parquet, *(counting(container(n), T0 - 600_000, 600) for n in range(1, 9)))
    client = await client_of(data)
    ended: list[str] = []

    async def request(name: str, target: str) -> None:
        assert (await client.get(target)).status == 200
        ended.append(name)

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(request, "changes", f"/api/changes?from={MIDDLE_MS}&to={T0}")
        await anyio.lowlevel.checkpoint()
        group.start_soon(request, "samples", f"/api/timeseries?metric=memory.current&from={MIDDLE_MS}&to={T0}")

    assert len(ended) == 5
    assert ended.index("samples") < 4
    assert client.services.budget.free == client.services.budget.samples


async def test_a_client_that_leaves_during_a_comparison_gives_its_memory_back(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    await to_thread.run_sync(data.parquet, *(counting(container(n), T0 - 600_000, 600) for n in range(1, 9)))
    client = await client_of(data)
    for _ in range(5):
        with anyio.move_on_after(0.02):
            await client.get(f"/api/changes?from={MIDDLE_MS}&to={T0}")

    assert len((await lines(client))[-1]["series"]) == 0
    assert client.services.budget.free == client.services.budget.samples


async def test_a_change_in_the_first_tick_of_a_window_counts(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    first_ms = T0 - 540_000
    kills = [0.0] * 360 + [7.0] * 180  # the 361st tick is the first of a window
    victim = chunk(container(1), first_ms, {"memory.events.oom_kill": kills})
    others = [chunk(container(n), first_ms, {"memory.events.oom_kill": [0.0] * 540}) for n in (2, 3)]
    await to_thread.run_sync(data.parquet, victim, *others)
    answer = (await lines(await client_of(data), f"?from={T0 - 270_000}&to={T0}"))[-1]

    assert [series["id"] for series in answer["series"]] == [id_of(1)]


async def test_if_there_are_too_many_containers_those_of_the_range_are_compared(
    tmp_path: Path,
) -> None:
    data = DataDirectory(tmp_path)
    jobs = [counting(container(100 + n), T0 - 600_000 + 30_000 * (n % 9), 20) for n in range(MAX_SERIES)]
    busiest = busier(1, [2e5, 2.8e6])
    await to_thread.run_sync(data.parquet, *[*jobs, busiest])
    answer = (await lines(await client_of(data)))[-1]

    assert answer["partial"]
    assert answer["series"][0]["id"] == id_of(1)


async def test_a_stall_and_a_range_without_a_time_before_are_seen(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    numbers = np.random.default_rng(7)

    def steady() -> Any:
        return numbers.normal(5e5, 4e4, 900)

    stalled = steady()
    stalled[500:512] = 0
    chunks = [
        chunk(container(number), T0 - 900_000, {USAGE: np.cumsum(used).tolist(), MEMORY: [1e8] * 900})
        for number, used in ((1, stalled), (2, steady()), (3, steady()))
    ]
    await to_thread.run_sync(data.parquet, *chunks)
    client = await client_of(data)
    for from_ms, has_before in ((T0 - 600_000, True), (T0 - 900_000, False)):
        answer = (await lines(client, f"?from={from_ms}&to={T0}"))[-1]

        assert answer["has_before"] is has_before
        first = answer["series"][0]
        assert first["id"] == id_of(1)
        assert first["strength"] >= 4
        assert "stalled" in first["findings"][0]
        assert all(series["findings"] == [] for series in answer["series"][1:])


def at(level: float, seconds: int) -> list[float]:
    """Return the CPU time used in each second, in µs, with some noise that is the same in each test."""
    return [float(used) for used in np.random.default_rng(int(level)).normal(level, level / 50, seconds)]


async def test_two_ranges_with_a_gap_between_them_are_compared_both_ways(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    used = np.cumsum(at(2e5, 240) + at(9e5, 120) + at(2e6, 240))
    steady = [counting(series, T0 - 600_000, 600) for series in (NODE, container(2), container(3))]
    chunks = [chunk(container(1), T0 - 600_000, {USAGE: used.tolist(), MEMORY: [1e8] * 600}), *steady]
    await to_thread.run_sync(data.parquet, *chunks)
    client, first_ms, last_ms = await client_of(data), T0 - 600_000, T0 - 240_000
    answer = (await lines(client, f"?from={last_ms}&to={T0}&against={first_ms}"))[-1]
    back = (await lines(client, f"?from={first_ms}&to={last_ms - 120_000}&against={last_ms}"))[-1]

    times = [answer[name] for name in ("against_ms", "against_to_ms", "from_ms", "to_ms")]
    assert times == [first_ms, first_ms + 240_000, last_ms, T0]
    assert (answer["has_before"], answer["has_during"]) == (True, True)
    for of, before, during in ((answer, 200, 2000), (back, 2000, 200)):
        (series,) = of["series"]
        assert (series["id"], series["series_before"], series["series_during"]) == (id_of(1), 1, 1)
        (cpu,) = [change for change in series["changes"] if change["metric"] == "total_cpu_usage_millicores"]
        assert (cpu["before"], cpu["during"]) == pytest.approx((before, during), rel=0.02)
    assert answer["series"][0]["score"] == pytest.approx(back["series"][0]["score"], rel=0.01)
    assert "CPU 10 times as high: 200 → 1,998 millicores" in answer["series"][0]["changes"][0]["text"]


async def test_what_stood_out_in_one_of_two_ranges_only_is_a_difference(tmp_path: Path) -> None:
    data, numbers = DataDirectory(tmp_path), np.random.default_rng(7)
    stalled = numbers.normal(5e5, 4e4, 1800)
    stalled[700:712] = 0
    chunks = [
        chunk(container(number), T0 - 1_800_000, {USAGE: np.cumsum(used).tolist(), MEMORY: [1e8] * 1800})
        for number, used in ((1, stalled), (2, numbers.normal(5e5, 4e4, 1800)))
    ]
    await to_thread.run_sync(data.parquet, *chunks)
    client, first_ms, last_ms = await client_of(data), T0 - 1_200_000, T0 - 600_000
    now = (await lines(client, f"?from={first_ms}&to={last_ms}&against={last_ms}"))[-1]
    then = (await lines(client, f"?from={last_ms}&to={T0}&against={first_ms}"))[-1]

    for answer, name, other in ((now, "findings", "findings_before"), (then, "findings_before", "findings")):
        first = answer["series"][0]
        assert (first["id"], first[other]) == (id_of(1), [])
        assert "stalled" in first[name][0]
        assert first["strength"] >= 4


async def test_pods_that_a_new_version_has_replaced_are_compared_with_their_successors(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    first_ms, old, new = T0 - 600_000, "cart-6b7d9c54f5", "cart-7f9c8d6b4b"
    before = [counting(container(n, "web", f"{old}-{n}bcdf"), first_ms, 280, per_second=2e5) for n in (2, 4)]
    after = [counting(container(n, "web", f"{new}-{n}bcdf"), MIDDLE_MS, 300, per_second=8e5) for n in (5, 6, 7)]
    chunks = [*before, *after, counting(container(9), first_ms, 600)]
    await to_thread.run_sync(data.parquet, *chunks)
    answer = (await lines(await client_of(data), f"?from={MIDDLE_MS}&to={T0}&against={first_ms}"))[-1]

    (series,) = answer["series"]
    assert (series["series_before"], series["series_during"]) == (2, 3)
    (cpu,) = [change for change in series["changes"] if change["metric"] == "total_cpu_usage_millicores"]
    assert (cpu["before"], cpu["during"]) == pytest.approx((200, 800))


async def test_a_range_without_data_is_said_to_have_none(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    await to_thread.run_sync(data.parquet, counting(container(1), T0, 90, per_second=1e6))
    client, empty_ms = await client_of(data), T0 - 3_600_000
    for query, expected in (
        (f"?from={T0}&to={T0 + 90_000}&against={empty_ms}", (False, True)),
        (f"?from={empty_ms}&to={empty_ms + 90_000}&against={T0}", (True, False)),
    ):
        answer = (await lines(client, query))[-1]
        assert (answer["has_before"], answer["has_during"]) == expected


async def test_series_with_other_names_are_compared_if_a_request_pairs_them(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    chunks = [counting(container(n), T0, 90, per_second=used) for n, used in ((1, 2e5), (2, 6e5), (3, 1e5))]
    await to_thread.run_sync(data.parquet, *chunks)
    client, query = await client_of(data), f"?from={T0}&to={T0 + 90_000}&against={T0}"
    assert (await lines(client, query))[-1]["series"] == []
    (series,) = (await lines(client, f"{query}&pairs={id_of(1)}~{id_of(2)}"))[-1]["series"]

    assert series["id"] == id_of(2)
    (cpu,) = [change for change in series["changes"] if change["metric"] == "total_cpu_usage_millicores"]
    assert (cpu["before"], cpu["during"]) == pytest.approx((200, 600))
    for pairs, status in ((f"{id_of(1)}", 400), (f"{id_of(1)}~nothing", 404)):
        assert (await client.get(f"/api/changes{query}&pairs={pairs}")).status == status
    assert (await client.get(f"/api/changes?from={T0}&pairs={id_of(1)}~{id_of(2)}")).status == 400
