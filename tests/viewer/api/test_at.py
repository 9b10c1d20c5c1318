"""GET /at/<time>: one second as plain text."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from anyio import to_thread
from hypothesis import given
from hypothesis import strategies as st

from fgm.store.events.event import Event, encode
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.series import Series
from fgm.viewer.api.at import WIDTH, printable, sparkline
from tests.support import process_recording
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import COLUMNS, NODE, T0, DataDirectory, chunk, container, counting

pytestmark = [pytest.mark.dates]


@pytest.fixture
def client(tmp_path: Path) -> ApiClient:
    data = DataDirectory(tmp_path)
    busy = [counting(container(n, f"busy-{n:02}", "p" * 80), T0, 90, per_second=n * 1000) for n in range(1, 13)]
    data.parquet(counting(NODE, T0, 90), *busy)
    event = Event(T0 + 50_000, "oom_kill", str(container(3).container_id), "killed \x1b[2J" + "x" * 100)
    (data.folder(T0) / "events.jsonl").write_bytes(encode(event))
    return ApiClient(tmp_path)


async def test_a_second_lists_the_busiest_series_and_the_events(client: ApiClient) -> None:
    await client.ready()
    answer = await client.get("/at/2025-12-30T16:01:10Z")
    lines = answer.body.decode().splitlines()

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert lines[0] == "node-1 at 2025-12-30T16:01:10Z, and the minute before it"
    assert lines[2].split() == ["CPU", "then", "highest", "of", "limit", "60", "s"]
    assert lines[3].split()[:3] == ["the", "node", "1"]
    assert [line.split()[0] for line in lines[4:14]] == [f"busy-{n:02}" for n in range(12, 2, -1)]
    assert "12 m" in lines[4]
    assert lines[4].endswith("█" * 30)
    assert lines[14] == "  and 2 more with less"
    assert any(line.startswith("  16:00:50  oom_kill") and "busy-03" in line for line in lines)
    assert "\x1b" not in answer.body.decode()
    assert max(map(len, lines)) <= WIDTH


async def test_the_busiest_processes_are_listed_with_their_containers(tmp_path: Path) -> None:
    directory = await to_thread.run_sync(process_recording.unpacked, tmp_path)
    at_ms = process_recording.PLANTED["began_ms"] + 30_000
    client = await to_thread.run_sync(ApiClient, directory, at_ms + 60_000)
    await client.ready()
    lines = (await client.get(f"/at/{at_ms}")).body.decode().splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("Processes, at their last reading"))

    assert lines[first].split()[-3:] == ["CPU", "memory", "in"]
    assert lines[first + 1].split()[0] == "resizer"
    assert lines[first + 1].split()[-1] == process_recording.PLANTED["pool"]["id"][:12]
    assert max(map(len, lines)) <= WIDTH


async def test_a_limit_is_that_of_the_group_that_has_it(tmp_path: Path) -> None:
    """A limit of a slice, which bounds most of the node, is shown only if much of it is used."""
    mib = 1 << 20
    data = DataDirectory(tmp_path)

    def using(number: int, path: str, limit_mib: float, depth: int) -> Chunk:
        series = replace(container(number), pod_uid="p", cgroup=path)
        values = {"memory.current": 90 * mib, "memory.stat.inactive_file": 0, "effective_memory_max": limit_mib * mib}
        lines = {name: [float(value)] * 90 for name, value in (values | {"effective_memory_max_depth": depth}).items()}
        return chunk(series, T0, lines)

    def record() -> ApiClient:
        data.parquet(
            counting(NODE, T0, 90),
            using(1, "/kubepods/podp/1", 180, 3),
            using(2, "/kubepods/podp/2", 120, 2),
            using(3, "/kubepods/podp/3", 9000, 1),
            using(4, "/kubepods/podp/4", 100, 1),
            using(5, "/kubepods/podp/5", 9000, 0),
            columns=(*COLUMNS, "memory.max", "effective_memory_max", "effective_memory_max_depth"),
        )
        return ApiClient(tmp_path)

    client = await to_thread.run_sync(record)
    await client.ready()
    text = (await client.get("/at/2025-12-30T16:01:10Z")).body.decode()
    rows = [line for line in text.splitlines() if "name-" in line and "MiB" in line]
    assert {row.split()[0]: row[56:68].strip() for row in rows} == {
        "name-1": "50%",
        "name-2": "75% of pod",
        "name-3": "",
        "name-4": "90% slice",
        "name-5": "",
    }


async def test_services_pods_and_what_is_outside_are_listed_but_nothing_that_contains_them(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    slices = (Series("cgroup", cgroup=path) for path in ("/system.slice", "/system.slice/kubelet.service"))
    pods = (Series("pod", pod_uid=uid, pod_name=f"cart-{uid}", cgroup=f"/kubepods/{uid}") for uid in "ab")
    in_pod = replace(container(1), pod_uid="a", cgroup="/kubepods/a/1")
    chunks = [counting(series, T0, 90) for series in (NODE, *slices, *pods, in_pod, Series("outside"))]
    await to_thread.run_sync(data.parquet, *chunks)
    client = await to_thread.run_sync(ApiClient, tmp_path)
    await client.ready()
    lines = (await client.get("/at/now")).body.decode().splitlines()

    assert [line.split()[0] for line in lines[3:8]] == ["the", "cart-b", "kubelet.service", "name-1", "outside"]
    assert not lines[8]


async def test_a_value_of_the_tick_before_stands_for_a_second_without_one(tmp_path: Path) -> None:
    """A busy collector reads memory.stat at every second tick: of a container in one tick, of its pod in the next."""
    data = DataDirectory(tmp_path)
    inside = replace(container(1), pod_uid="p", cgroup="/kubepods/podp/1")
    gone = replace(container(2), pod_uid="q", cgroup="/kubepods/podq/2")

    def using(series: Series, is_odd: int, count: int = 90) -> Chunk:
        cache = [np.nan if i % 2 != is_odd else 0.0 for i in range(count)]
        return chunk(series, T0, {"memory.current": [float(1 << 30)] * count, "memory.stat.inactive_file": cache})

    def record() -> ApiClient:
        pods = [Series("pod", pod_uid=uid, cgroup=f"/kubepods/pod{uid}") for uid in "pq"]
        data.parquet(counting(NODE, T0, 90), using(inside, 1), using(gone, 1, 69), *(using(pod, 0) for pod in pods))
        return ApiClient(tmp_path)

    client = await to_thread.run_sync(record)
    await client.ready()
    text = (await client.get("/at/2025-12-30T16:01:10Z")).body.decode()
    rows = text.partition("Memory")[2].partition("Events")[0].splitlines()
    assert [row.split("  ")[1] for row in rows if "GiB" in row] == ["name-1 (pod-1)", "pod q"]


async def test_a_time_without_data_is_answered_with_the_extent_of_the_data(client: ApiClient) -> None:
    await client.ready()
    text = (await client.get(f"/at/{T0 // 1000 - 86_400}")).body.decode()

    assert "Nothing was recorded then: there is data from 2025-12-30T16:00:00Z to 2025-12-30T16:01:29Z." in text


async def test_now_is_the_newest_second(client: ApiClient) -> None:
    await client.ready()

    assert b"16:01:29Z" in (await client.get("/at/now")).body


@pytest.mark.parametrize("time", ["yesterday", "-1", "%00", "1e99", "2025-12-30T16:00:00Z?x=1"])
async def test_a_text_that_is_not_a_time_is_a_problem(client: ApiClient, time: str) -> None:
    await client.ready()
    answer = await client.get(f"/at/{time}")

    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"


@given(st.lists(st.one_of(st.just(np.nan), st.floats(-1e12, 1e12)), max_size=60))
def test_a_sparkline_has_thirty_characters(values: list[float]) -> None:
    """A part without a value is a space, and every other part is a bar."""
    line = sparkline(1000 * np.arange(len(values), dtype=np.int64), np.array(values), 0, 60_000)

    assert len(line) == 30
    assert [sign == " " for sign in line] == [all(np.isnan(v) for v in values[i : i + 2]) for i in range(0, 60, 2)]


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert printable("a\x1b[31m\u202e\n") == "a?[31m??"
