"""GET /api/processes: the processes of a series at an instant and over a range, from closed and open windows."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from fgm.store.samples.series import Series
from fgm.store.tables.table_rows import ProcessRow
from tests.support.incidents import unpacked
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, container, counting, id_of

MIB = 1 << 20
SERVICE = Series("cgroup", cgroup="/system.slice/sshd.service")


class Recorded(DataDirectory):
    """Processes of one container and one service. A reading is (second, pid, CPU seconds, MiB)."""

    def rows(
        self, series: Series, *readings: tuple[float, int, float, float], comm: str = "work", started_s: float = -1000
    ) -> list[ProcessRow]:
        return [
            ProcessRow(
                T0 + round(second * 1000),
                series.container_id,
                series.container_name,
                series.pod_name,
                series.namespace,
                series.pod_uid,
                pid,
                T0 + round(started_s * 1000),
                comm,
                cpu_s * 1e6,
                mib * MIB,
                2.0,
                None,
                series.cgroup,
                500.0,
            )
            for second, pid, cpu_s, mib in readings
        ]


@pytest.fixture
def data(tmp_path: Path) -> Recorded:
    data = Recorded(tmp_path)
    data.parquet(counting(NODE, T0, 90), counting(container(1), T0, 90), counting(SERVICE, T0, 90))
    busy, leak = [(10.0, 7, 5.0, 10.0), (20.0, 7, 10.0, 10.0)], [(10.0, 8, 1.0, 20.0), (20.0, 8, 1.1, 220.0)]
    rows = [*data.rows(container(1), *busy), *data.rows(container(1), *leak, comm="leak")]
    data.table("processes", 0, [*rows, *data.rows(SERVICE, (10, 99, 1, 5), (20, 99, 1.2, 5), comm="sshd")])
    data.journal(counting(NODE, T0 + 90_000, 20), counting(container(1), T0 + 90_000, 20))
    data.open_table("processes", 90, data.rows(container(1), (100, 7, 90, 10)))
    return data


async def get(client: ApiClient, query: str) -> dict[str, Any]:
    await client.ready()
    answer = await client.get(f"/api/processes?{query}")
    assert answer.status == 200, answer.body
    return dict(answer.json)


def listed(answer: dict[str, Any], *names: str) -> list[list[Any]]:
    return [[process[name] for name in names] for process in answer["processes"]]


async def test_at_an_instant_the_last_readings_before_it_are_ranked(data: Recorded) -> None:
    client = await to_thread.run_sync(ApiClient, data.root)
    by_cpu = await get(client, f"id={id_of(1)}&at={T0 + 25_000}")
    by_memory = await get(client, f"id={id_of(1)}&at={T0 + 25_000}&by=memory")

    assert listed(by_cpu, "pid", "comm", "cpu_millicores", "rss_bytes", "last_ms") == [
        [7, "work", 500, 10 * MIB, T0 + 20_000],
        [8, "leak", 10, 220 * MIB, T0 + 20_000],
    ]
    assert listed(by_memory, "pid", "rss_bytes_first", "rss_bytes_max") == [
        [8, 20 * MIB, 220 * MIB],
        [7, 10 * MIB, 10 * MIB],
    ]
    assert (by_cpu["total"], by_cpu["at_ms"], by_cpu["skipped_files"]) == (2, T0 + 25_000, 0)
    assert listed(by_cpu, "id", "name", "threads", "fds", "t_ms") == [[id_of(1), "name-1", 2, None, []]] * 2


async def test_an_instant_between_readings_uses_the_ones_before_it_only(data: Recorded) -> None:
    client = await to_thread.run_sync(ApiClient, data.root)

    assert listed(await get(client, f"id={id_of(1)}&at={T0 + 19_000}&by=memory"), "pid", "rss_bytes") == [
        [8, 20 * MIB],
        [7, 10 * MIB],
    ]
    assert listed(await get(client, f"id={id_of(1)}&at={T0 + 9_000}"), "pid") == []
    assert listed(await get(client, f"id={id_of(1)}&at={T0 + 81_000}"), "pid") == []  # the readings are too old


async def test_the_window_that_is_being_recorded_is_read(data: Recorded) -> None:
    client = await to_thread.run_sync(ApiClient, data.root)

    assert listed(await get(client, f"id={id_of(1)}"), "pid", "cpu_millicores") == [[7, 1000]]


async def test_a_range_has_a_line_of_each_process_across_windows(data: Recorded) -> None:
    client = await to_thread.run_sync(ApiClient, data.root)
    answer = await get(client, f"id={id_of(1)}&from={T0}&to={T0 + 120_000}")

    assert listed(answer, "pid", "t_ms", "value") == [
        [7, [T0 + 10_000, T0 + 20_000, T0 + 100_000], [None, 500, 1000]],
        [8, [T0 + 10_000, T0 + 20_000], [None, 10]],
    ]
    assert listed(answer, "cpu_millicores_mean", "cpu_millicores_max", "readings") == [
        [pytest.approx(85 / 90 * 1000, abs=0.01), 1000, 3],
        [10, 10, 2],
    ]


async def test_services_the_node_and_slices_have_processes(data: Recorded) -> None:
    client = await to_thread.run_sync(ApiClient, data.root)
    at = f"at={T0 + 25_000}"

    assert listed(await get(client, f"id=cgroup:/system.slice/sshd.service&{at}"), "comm", "name") == [
        ["sshd", "sshd.service"]
    ]
    assert listed(await get(client, f"id=cgroup:/system.slice&{at}"), "comm") == [["sshd"]]
    assert listed(await get(client, f"id=cgroup:/system&{at}"), "comm") == []
    assert [name for (name,) in listed(await get(client, at), "comm")] == ["work", "sshd", "leak"]


async def test_names_show_a_crowd_of_processes_that_started_in_the_range(data: Recorded) -> None:
    rows = [
        row
        for n in range(30)
        for row in data.rows(container(1), (30 + n, 500 + n, 0, 1), comm="sh", started_s=29.9 + n)
    ]
    await to_thread.run_sync(data.open_table, "processes", 0, rows)
    client = await to_thread.run_sync(ApiClient, data.root)
    answer = await get(client, f"id={id_of(1)}&at={T0 + 62_000}")

    assert answer["names"][:2] == [
        {"comm": "sh", "processes": 30, "started": 30},
        {"comm": "leak", "processes": 1, "started": 0},
    ]


async def test_a_damaged_table_is_skipped_and_counted(data: Recorded) -> None:
    def damage() -> str:
        (table,) = data.root.glob("dt=*/*/processes-*.parquet")
        content = bytearray(table.read_bytes())
        content[4] ^= 1  # in the first page, that of the time
        table.write_bytes(content)
        return str(table.relative_to(data.root))

    damaged = await to_thread.run_sync(damage)
    client = await to_thread.run_sync(ApiClient, data.root)
    answer = await get(client, f"id={id_of(1)}&range=10m")

    assert (answer["skipped_files"], listed(answer, "pid")) == (1, [[7]])
    assert [entry["file"] for entry in client.services.skipped.newest()] == [damaged]


async def test_a_damaged_journal_has_its_rows_before_the_damage(data: Recorded) -> None:
    def damage() -> str:
        journal = data.open_table("processes", 90, data.rows(container(1), (110, 7, 95, 10)))
        content = bytearray(journal.read_bytes())
        content[-20] ^= 1
        journal.write_bytes(content)
        return str(journal.relative_to(data.root))

    damaged = await to_thread.run_sync(damage)
    client = await to_thread.run_sync(ApiClient, data.root)

    assert listed(await get(client, f"id={id_of(1)}"), "pid", "last_ms") == [[7, T0 + 100_000]]
    assert [entry["file"] for entry in client.services.skipped.newest()] == [damaged]


async def test_tables_that_were_copied_into_one_folder_are_read(data: Recorded, tmp_path: Path) -> None:
    def copy() -> Path:
        flat = tmp_path / "flat"
        flat.mkdir()
        for path in data.root.glob("dt=*/*/*.parquet"):
            shutil.copy(path, flat)
        return flat

    client = await to_thread.run_sync(ApiClient, await to_thread.run_sync(copy))

    assert listed(await get(client, f"id={id_of(1)}&at={T0 + 25_000}"), "pid") == [[7], [8]]


async def test_wrong_requests_say_what_is_allowed(data: Recorded) -> None:
    client = await to_thread.run_sync(ApiClient, data.root)
    await client.ready()
    for query, status, parameter in (
        ("id=nothing", 404, "id"),
        (f"id={'a' * 65}", 404, "id"),
        ("at=5&range=1m", 400, "at"),
        ("by=threads", 400, "by"),
        ("id=", 400, "id"),
        ("points=1", 400, "points"),
    ):
        answer = await client.get(f"/api/processes?{query}")
        assert (answer.status, answer.json["parameter"]) == (status, parameter)
        assert answer.json["allowed"]


async def test_tables_of_the_first_version_are_read(tmp_path: Path) -> None:
    directory = await to_thread.run_sync(unpacked, tmp_path)
    client = await to_thread.run_sync(ApiClient, directory, 1_795_718_000_000)  # an hour after it
    answer = await get(client, "range=all&limit=200&by=memory")

    assert answer["total"] > 10
    assert all(process["rss_bytes_max"] > 0 for process in answer["processes"][:5])
