"""GET /api/labelled: values by disk, file system and resource at an instant and over a range."""

from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread

from fgm.metrics.labelled import LABELLED
from fgm.store.samples.series import Series
from fgm.store.tables.table_rows import LabelledRow
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, container, counting, id_of

POD = Series("pod", pod_uid="12345678-1234-1234-1234-123456789abc", pod_name="pod-1", node_name="node-1")
SERVICE = Series("cgroup", cgroup="/system.slice/sshd.service", node_name="node-1")
WRITTEN, FREE = "io.stat.wbytes", "filesystem.available_bytes"


def rows(series: Series, metric: str, label: str, *readings: tuple[int, float]) -> list[LabelledRow]:
    names = (series.container_id, series.container_name, series.pod_name, series.namespace, series.pod_uid)
    return [
        LabelledRow(T0 + second * 1000, series.scope, *names, series.cgroup, metric, label, value)
        for second, value in readings
    ]


@pytest.fixture
def data(tmp_path: Path) -> DataDirectory:
    """A window of 90 s and the beginning of the next one, which is being recorded."""
    data = DataDirectory(tmp_path)
    data.parquet(*(counting(series, T0, 90) for series in (NODE, container(1), POD, SERVICE)))
    data.table(
        "labelled",
        0,
        [
            *rows(container(1), WRITTEN, "nvme0n1", (10, 1000), (20, 21_000), (30, 21_000)),
            *rows(container(1), WRITTEN, "sdb", (10, 0), (20, 500)),
            *rows(container(1), "io.stat.rbytes", "sdb", (10, 0), (20, 9e9)),
            *rows(POD, WRITTEN, "nvme0n1", (10, 0), (20, 70)),
            *rows(SERVICE, WRITTEN, "sdb", (10, 0), (20, 10)),
            *rows(NODE, WRITTEN, "nvme0n1", (10, 0), (20, 1_000_000)),
            *rows(NODE, FREE, "/", (10, 900), (20, 700)),
        ],
    )
    data.journal(counting(NODE, T0 + 90_000, 20), counting(container(1), T0 + 90_000, 20))
    data.open_table(
        "labelled",
        90,
        [
            *rows(container(1), WRITTEN, "sdb", (95, 900), (105, 1900)),
            *rows(NODE, FREE, "/", (95, 500), (105, 400)),
        ],
    )
    return data


async def get(client: ApiClient, query: str) -> dict[str, Any]:
    await client.ready()
    answer = await client.get(f"/api/labelled?{query}")
    assert answer.status == 200, answer.body
    return dict(answer.json)


def listed(answer: dict[str, Any], *names: str) -> list[list[Any]]:
    return [[line[name] for name in names] for line in answer["series"]]


async def test_a_range_has_a_rate_of_each_disk_highest_first(data: DataDirectory) -> None:
    client = await to_thread.run_sync(ApiClient, data.root)
    answer = await get(client, f"metric={WRITTEN}&containers={id_of(1)}&from={T0}&to={T0 + 120_000}")

    assert listed(answer, "id", "name", "label", "t_ms", "value") == [
        [id_of(1), "name-1", "nvme0n1", [T0 + 20_000, T0 + 30_000], [2000, 0]],
        [id_of(1), "name-1", "sdb", [T0 + 20_000, T0 + 105_000], [50, 100]],
    ]
    assert listed(answer, "last", "max", "last_ms") == [[0, 2000, T0 + 30_000], [100, 100, T0 + 105_000]]
    assert (answer["unit"], answer["label"], answer["kind"]) == ("bytes/s", "disk", "counter")
    assert (answer["interval_ms"], answer["skipped_files"], answer["at_ms"]) == (10_000, 0, None)


async def test_a_rate_at_the_begin_of_a_range_is_computed_from_the_reading_before(data: DataDirectory) -> None:
    client = await to_thread.run_sync(ApiClient, data.root)
    answer = await get(client, f"metric={WRITTEN}&containers={id_of(1)}&from={T0 + 15_000}&to={T0 + 25_000}")
    assert listed(answer, "label", "t_ms", "value") == [
        ["nvme0n1", [T0 + 20_000], [2000]],
        ["sdb", [T0 + 20_000], [50]],
    ]


async def test_an_instant_has_the_last_value_of_each_label_if_it_is_not_too_old(data: DataDirectory) -> None:
    client = await to_thread.run_sync(ApiClient, data.root)
    answer = await get(client, f"metric={WRITTEN}&containers={id_of(1)}&at={T0 + 25_000}")
    assert listed(answer, "label", "last", "last_ms", "t_ms") == [
        ["nvme0n1", 2000, T0 + 20_000, []],
        ["sdb", 50, T0 + 20_000, []],
    ]
    assert answer["at_ms"] == T0 + 25_000
    assert listed(await get(client, f"metric={WRITTEN}&containers={id_of(1)}&at={T0 + 80_000}"), "label") == []
    now = await get(client, f"metric={FREE}")
    assert listed(now, "id", "label", "last") == [["node", "/", 400]], "the open window is read"


async def test_pods_services_and_the_node_have_their_own_values_only(data: DataDirectory) -> None:
    client = await to_thread.run_sync(ApiClient, data.root)
    ids = f"pod:{POD.pod_uid},cgroup:/system.slice/sshd.service,node"
    answer = await get(client, f"metric={WRITTEN}&containers={ids}&at={T0 + 25_000}")
    assert listed(answer, "id", "label", "last") == [
        ["node", "nvme0n1", 100_000],
        [f"pod:{POD.pod_uid}", "nvme0n1", 7],
        ["cgroup:/system.slice/sshd.service", "sdb", 1],
    ]


async def test_a_counter_that_starts_over_has_no_rate_and_readings_in_two_files_count_once(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    data.parquet(counting(NODE, T0, 90))
    readings = rows(NODE, WRITTEN, "sda", (10, 0), (20, 100), (30, 10), (40, 60), (80, 9_000), (89, 9_090))
    data.table("labelled", 0, readings)
    data.open_table("labelled", 0, readings[3:])  # a kill may leave both
    client = await to_thread.run_sync(ApiClient, data.root)
    answer = await get(client, f"metric={WRITTEN}&from={T0}&to={T0 + 90_000}")
    assert listed(answer, "t_ms", "value") == [[[T0 + 20_000, T0 + 40_000, T0 + 89_000], [10, 5, 10]]]


async def test_a_long_line_is_reduced_to_its_pixel_columns(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path, rotation_s=43_200)
    data.parquet(counting(NODE, T0, 90))
    data.table("labelled", 0, rows(NODE, FREE, "/", *((10 * i, float(37 * i % 101)) for i in range(1000))))
    client = await to_thread.run_sync(ApiClient, data.root, T0 + 10_000_000)
    answer = await get(client, f"metric={FREE}&from={T0}&to={T0 + 10_000_000}&points=10")
    ((times, values),) = listed(answer, "t_ms", "value")
    assert 20 <= len(times) <= 40
    assert (min(values), max(values), times[0], times[-1]) == (0, 100, T0, T0 + 9_990_000)


async def test_reads_and_writes_of_a_disk_are_added_up_and_busy_time_is_a_share(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    data.parquet(counting(NODE, T0, 90))
    data.table(
        "labelled",
        0,
        [
            *rows(NODE, WRITTEN, "sda", (10, 0), (20, 100)),
            *rows(NODE, "io.stat.rbytes", "sda", (10, 50), (20, 350)),
            *rows(NODE, WRITTEN, "md0", (10, 0), (20, 10)),  # RAID with parity: its reads are at the disks below
            *rows(NODE, "disk.busy_usec", "sda", (10, 0), (20, 2_500_000)),
        ],
    )
    client = await to_thread.run_sync(ApiClient, data.root)
    answer = await get(client, f"metric=io_bytes_per_s&at={T0 + 20_000}")
    assert listed(answer, "label", "last") == [["sda", 40], ["md0", 1]]
    busy = await get(client, f"metric=disk_busy_ratio&at={T0 + 20_000}")
    assert (listed(busy, "label", "last"), busy["unit"]) == ([["sda", 0.25]], "ratio")


async def test_a_damaged_table_is_skipped_and_counted(data: DataDirectory) -> None:
    def damage() -> str:
        (table,) = data.root.glob("dt=*/*/labelled-*.parquet")
        content = bytearray(table.read_bytes())
        content[60] ^= 1
        table.write_bytes(content)
        return str(table.relative_to(data.root))

    damaged = await to_thread.run_sync(damage)
    client = await to_thread.run_sync(ApiClient, data.root)
    answer = await get(client, f"metric={FREE}&range=10m")
    assert (answer["skipped_files"], listed(answer, "label", "value")) == (1, [["/", [500, 400]]])
    assert [entry["file"] for entry in client.services.skipped.newest()] == [damaged]


async def test_the_metrics_are_listed_with_what_their_labels_are(data: DataDirectory) -> None:
    client = await to_thread.run_sync(ApiClient, data.root)
    await client.ready()
    metrics = {each["name"]: each for each in (await client.get("/api/metrics")).json["labelled"]}
    assert metrics.keys() == LABELLED.keys()
    assert (metrics[WRITTEN]["label"], metrics[WRITTEN]["unit"]) == ("disk", "bytes/s")
    assert (metrics[FREE]["label"], metrics[FREE]["unit"]) == ("mount point", "bytes")


async def test_wrong_requests_say_what_is_allowed(data: DataDirectory) -> None:
    client = await to_thread.run_sync(ApiClient, data.root)
    await client.ready()
    for query, status, parameter in (
        ("", 400, "metric"),
        ("metric=memory.current", 404, "metric"),
        (f"metric={FREE}&containers=nothing", 404, "containers"),
        (f"metric={FREE}&at=5&range=1m", 400, "at"),
        (f"metric={FREE}&points=1", 400, "points"),
    ):
        answer = await client.get(f"/api/labelled?{query}")
        assert (answer.status, answer.json["parameter"]) == (status, parameter), query
        assert answer.json["allowed"]
