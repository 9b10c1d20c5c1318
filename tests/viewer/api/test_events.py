"""GET /api/events: written events, and events that are derived from samples."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from fgm.store.events import events_file
from fgm.store.events.event import Event, Kind, encode
from fgm.store.samples.series import Series
from fgm.viewer.query.derived_events import ROWS_PER_STEP
from fgm.viewer.query.event_query import EventQuestion
from tests.support.viewer.api_client import NOW_MS, ApiClient
from tests.support.viewer.data_directory import (
    KILLS,
    MEMORY,
    NODE,
    T0,
    DataDirectory,
    chunk,
    container,
    counting,
    id_of,
)

POD = Series("pod", pod_uid="uid-1", cgroup="/kubepods/poduid-1", node_name="node-1")
KEY = str(container(1).container_id)


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    """Two minutes of the node and of two containers."""
    data = DataDirectory(tmp_path)
    data.parquet(counting(NODE, T0, 90), counting(container(1), T0, 90), counting(container(2), T0, 90))
    data.journal(counting(NODE, T0 + 90_000, 31), counting(container(1), T0 + 90_000, 31))
    return data


async def write(data: DataDirectory, *events: Event, identifier: str = "node-1") -> None:
    await to_thread.run_sync(events_file.append, str(data.root), identifier, events)


def event(second: float, kind: Kind, series: str = KEY, what: str = "something", **after: Any) -> Event:
    return Event(T0 + round(second * 1000), kind, series, what, {}, after)


async def client_of(data: DataDirectory) -> ApiClient:
    client = await to_thread.run_sync(ApiClient, data.root)
    await client.ready()
    return client


async def get(client: ApiClient, query: str = "") -> dict[str, Any]:
    answer = await client.get(f"/api/events{query}")
    assert answer.status == 200, answer.body
    return dict(answer.json)


def listed(answer: dict[str, Any]) -> list[tuple[float, str, str]]:
    return [((event["time_ms"] - T0) / 1000, event["kind"], event["series"]) for event in answer["events"]]


async def test_written_events_are_answered_the_newest_first(data: DataDirectory) -> None:
    kill = Event(T0 + 50_000, "oom_kill", KEY, "OOM kill: 1 process killed", {MEMORY: 5}, {"killed": 1})
    await write(data, kill, event(20, "gap", "node"), event(-4000, "exit"))
    answer = await get(await client_of(data))

    assert answer == {
        "from_ms": NOW_MS - NOW_MS % 1000 + 1000 - 3_600_000,
        "to_ms": NOW_MS - NOW_MS % 1000 + 1000,
        "partial": False,
        "derived": False,
        "skipped_files": 0,
        "skipped_lines": 0,
        "unknown": [],
        "events": [
            {
                "time_ms": T0 + 50_000,
                "kind": "oom_kill",
                "series": id_of(1),
                "name": "name-1",
                "what": "OOM kill: 1 process killed",
                "before": {MEMORY: 5},
                "after": {"killed": 1},
            },
            {
                "time_ms": T0 + 20_000,
                "kind": "gap",
                "series": "node",
                "name": "node-1",
                "what": "something",
                "before": {},
                "after": {},
            },
        ],
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?range=all", [(60, "start"), (50, "exit"), (40, "gap"), (30, "oom_kill")]),
        (f"?from={T0 + 40_000}&to={T0 + 60_000}", [(50, "exit"), (40, "gap")]),
        ("?kind=oom_kill,start", [(60, "start"), (30, "oom_kill")]),
        ("?containers=node", [(40, "gap")]),
        (f"?containers={id_of(1)},{id_of(2)}&kind=exit", [(50, "exit")]),
        (f"?containers={KEY}", [(50, "exit"), (30, "oom_kill")]),
        (f"?containers={'c' * 12}", [(60, "start")]),
        ("?limit=3", [(60, "start"), (50, "exit"), (40, "gap")]),
    ],
)
async def test_events_are_filtered_by_range_kind_and_series_and_limited(
    data: DataDirectory, query: str, expected: Sequence[tuple[float, str]]
) -> None:
    await write(data, event(30, "oom_kill"), event(40, "gap", "node"), event(50, "exit"), event(60, "start", "c" * 64))
    answer = await get(await client_of(data), query)

    assert [(second, kind) for second, kind, _ in listed(answer)] == expected
    assert answer["partial"] is ("limit" in query)


@pytest.mark.parametrize(
    ("query", "status", "parameter"),
    [
        ("range=1y", 400, "range"),
        ("range=1h&from=2025-12-30T16:00:00Z", 400, "range"),
        ("from=2025-12-30T16:00:00Z&to=2025-12-30T15:00:00Z", 400, "from"),
        ("from=soon", 400, "from"),
        ("kind=nonsense", 400, "kind"),
        ("limit=0", 400, "limit"),
        ("limit=5001", 400, "limit"),
        ("limit=1&limit=2", 400, "limit"),
        ("limit=1.5", 400, "limit"),
        ("containers=", 400, "containers"),
        ("containers=" + ",".join(f"c{i}" for i in range(501)), 400, "containers"),
        ("series=node", 400, "series"),
        ("containers=unknown", 404, "containers"),
    ],
)
async def test_bad_input_is_a_problem(data: DataDirectory, query: str, status: int, parameter: str) -> None:
    answer = await (await client_of(data)).get(f"/api/events?{query}")

    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["parameter"] == parameter
    assert answer.json["allowed"]


async def test_an_unknown_series_does_not_prevent_the_answer_for_the_others(data: DataDirectory) -> None:
    await write(data, event(30, "oom_kill"))

    answer = await get(await client_of(data), f"?containers={id_of(1)},unknown")
    assert (listed(answer), answer["unknown"]) == ([(30, "oom_kill", id_of(1))], ["unknown"])


async def test_a_reason_that_arrives_later_is_merged_into_the_exit(data: DataDirectory) -> None:
    await write(data, event(50, "exit", what="ended"), event(52, "start", "c" * 64))
    await write(data, event(49.5, "exit", what="ended: OOMKilled", reason="OOMKilled"), identifier="next-pod")

    answer = await get(await client_of(data), "?kind=exit")
    (exit_event,) = answer["events"]
    assert (exit_event["what"], exit_event["after"]) == ("ended: OOMKilled", {"reason": "OOMKilled"})


async def test_a_restart_between_containers_that_turn_out_to_have_other_names_is_a_start(data: DataDirectory) -> None:
    other = str(container(2).container_id)
    restart = Event(T0 + 5000, "restart", KEY, "restarted", {"container": other}, {"container": KEY})
    unnamed = Event(T0 + 6000, "restart", KEY, "restarted", {"container": "c" * 64}, {"container": KEY})
    await write(data, restart, unnamed)

    answer = await get(await client_of(data))
    assert listed(answer) == [(6, "restart", id_of(1)), (5, "start", id_of(1))]
    assert answer["events"][0]["before"] == {"container": "c" * 12}


async def test_events_of_a_sandbox_that_was_taken_for_a_container_are_not_answered(data: DataDirectory) -> None:
    sandbox = replace(container(9), scope="sandbox")
    await to_thread.run_sync(data.journal, counting(sandbox, T0 + 90_000, 31))
    await write(data, event(1, "start", sandbox.key), event(2, "start", "c" * 64))

    assert listed(await get(await client_of(data))) == [(2, "start", "c" * 12)]


async def test_invalid_lines_are_counted_and_the_rest_is_answered(data: DataDirectory) -> None:
    await write(data, event(1, "start"))
    path = anyio.Path(data.root / "dt=2025-12-30" / "identifier=node-1" / "events.jsonl")
    await path.write_bytes(b"nonsense\n" + await path.read_bytes() + b'{"time":')
    client = await client_of(data)
    answer = await get(client)

    assert listed(answer) == [(1, "start", id_of(1))]
    assert answer["skipped_lines"] == 1
    await write(data, event(2, "exit"))  # appending cuts off the torn line, and the cache is updated
    assert len(listed(await get(client))) == 2
    await path.unlink()
    await path.mkdir()
    assert (await get(client))["skipped_files"] == 1


def killed_pod(data: DataDirectory) -> Series:
    """Write a container whose cgroup disappears with an OOM kill in second 110; its pod and the node count the kill."""
    killed = replace(container(7), pod_uid="uid-1", cgroup="/kubepods/poduid-1/x")
    kills = [0.0] * 110 + [1.0] * 11
    chunks = [chunk(POD, T0, {KILLS: kills}), chunk(killed, T0, {KILLS: [0.0] * 110, MEMORY: [1e6] * 110})]
    chunks.append(chunk(NODE, T0, {KILLS: kills}))
    data.parquet(*(part(each, 0, 90) for each in chunks))
    data.journal(*(part(each, 90, 121) for each in chunks))
    return killed


def part(whole: Any, first: int, end: int) -> Any:
    values = {name: column[first:end].tolist() for name, column in whole.values.items()}
    return chunk(whole.series, int(whole.time_ms[first]), values)


async def test_without_an_events_file_events_are_derived_from_samples(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    await to_thread.run_sync(killed_pod, data)
    client = await client_of(data)
    answer = await get(client)

    assert listed(answer) == [(110, "exit", id_of(7)), (110, "oom_kill", id_of(7))]  # the newest first
    assert (answer["derived"], answer["partial"]) == (True, False)
    assert listed(await get(client, f"?from={T0 + 111_000}")) == []
    await to_thread.run_sync(lambda: events_file.append_to_day(str(data.root), "node-1", T0, ()))
    answer = await get(client)
    assert (listed(answer), answer["derived"]) == ([], False)


async def test_events_are_derived_in_short_steps_which_give_way_to_other_requests(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    await to_thread.run_sync(data.parquet, *(counting(container(i), T0, 90 - i) for i in range(1, 80)))
    client = await client_of(data)
    services, answers = client.services, list[dict[str, Any]]()

    async def ask() -> None:
        answers.append(await get(client))

    async with anyio.create_task_group() as tasks:
        with services.runner.in_foreground():
            tasks.start_soon(ask)
            assert (await client.get("/api/timeseries?metric=memory.current")).status == 200
            assert answers == []
    assert (answers[0]["derived"], len(answers[0]["events"])) == (True, 78)

    question = EventQuestion(T0, T0 + 90_000, 500)
    query, steps = await to_thread.run_sync(services.event_query, services.scanner.holdings(), question), 0
    while await to_thread.run_sync(query.step):
        steps += query.is_deriving
    assert steps > sum(90 - i for i in range(1, 80)) / (ROWS_PER_STEP + 79) > 3
    assert len(query.result().events) == 78


async def test_events_are_derived_for_the_end_of_a_long_range_only_and_the_answer_is_partial(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path, rotation_s=900)
    await to_thread.run_sync(data.parquet, counting(NODE, T0 - 3 * 3_600_000, 10), counting(NODE, T0, 120))
    answer = await get(await client_of(data), "?range=6h")

    assert listed(answer) == [(0, "gap", "node")]
    assert (answer["derived"], answer["partial"]) == (True, True)


async def test_windows_of_two_writers_are_read_in_the_order_of_their_ticks(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    newer = DataDirectory(tmp_path, identifier="a-new-pod")
    await to_thread.run_sync(data.parquet, counting(NODE, T0, 50), counting(container(1), T0, 20))
    await to_thread.run_sync(newer.parquet, counting(NODE, T0 + 50_000, 60))

    assert listed(await get(await client_of(data))) == [(20, "exit", id_of(1))]


async def test_a_damaged_window_costs_only_its_own_events(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    await to_thread.run_sync(killed_pod, data)
    (path,) = [path async for path in anyio.Path(data.root).rglob("*.parquet")]
    await path.write_bytes(b"nonsense")
    answer = await get(await client_of(data))

    assert {kind for _, kind, _ in listed(answer)} == {"oom_kill", "exit"}
    assert answer["skipped_files"] == 1


async def test_events_of_another_node_are_not_shown(data: DataDirectory) -> None:
    other = DataDirectory(data.root)
    other.header = replace(other.header, node_name="node-2", identifier="other")
    await to_thread.run_sync(other.journal, counting(NODE, T0 - 600_000, 10))
    await write(data, event(1, "start"))
    await write(data, event(2, "start", "c" * 64), identifier="other")

    assert listed(await get(await client_of(data))) == [(1, "start", id_of(1))]


async def test_before_there_is_data_the_answer_is_a_503_with_retry_after(tmp_path: Path) -> None:
    client = await to_thread.run_sync(ApiClient, tmp_path)

    assert (await client.get("/api/events")).status == 503


def test_an_answer_is_json_without_nan() -> None:
    with pytest.raises(ValueError, match="Out of range"):
        encode(event(1, "exit", number=float("nan")))
    assert json.loads(encode(event(1, "exit")))["kind"] == "exit"
