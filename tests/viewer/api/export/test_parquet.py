"""Parquet exports have what the page shows: the recorded rows, and the values of derived metrics."""

import io
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from anyio import to_thread

from fgm.metrics.catalogue import BY_NAME, COLUMN_TYPES, COLUMNS
from fgm.metrics.derived import DERIVED
from fgm.store.index.index_file import Facts
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.series import IDENTITY_COLUMNS
from tests.support import incidents
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.asgi_client import get
from tests.support.viewer.data_directory import MEMORY, NODE, T0, USAGE, DataDirectory, container, counting, id_of

MILLICORES = "total_cpu_usage_millicores"
RANGE = f"from={T0}&to={T0 + 100_000}"


def record(root: Path) -> None:
    data = DataDirectory(root)
    data.parquet(*(counting(series, T0 - 90_000, 180) for series in (NODE, container(1), container(2))))
    data.journal(counting(NODE, T0 + 90_000, 10), counting(container(1), T0 + 90_000, 10))
    seen = [(container(1), T0 - 90_000, T0 + 100_000), (container(2), T0 - 90_000, T0 + 90_000)]
    data.write_index(*seen, more=Facts(labels={"team": "blue"}))


async def client_of(root: Path) -> ApiClient:
    await to_thread.run_sync(record, root)
    client = await to_thread.run_sync(ApiClient, root)
    await client.ready()
    return client


async def exported(client: ApiClient, query: str) -> pa.Table:
    answer = await client.get(f"/api/export?format=parquet&{query}")
    assert answer.status == 200, answer.body
    return pq.read_table(io.BytesIO(answer.body))


async def test_a_range_is_exported_from_windows_and_the_journal(tmp_path: Path) -> None:
    client = await client_of(tmp_path)

    answer = await client.get(f"/api/export?format=parquet&{RANGE}&metric={MEMORY},{MILLICORES}")

    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert answer.headers["content-disposition"] == 'attachment; filename="fgm-node-1-20251230T160000Z.parquet"'
    file = pq.ParquetFile(io.BytesIO(answer.body))
    table = file.read()
    assert table.column_names[:2] == ["time", "scope"]
    assert table.column_names[-2:] == [MEMORY, MILLICORES]
    assert "late_us" not in table.column_names
    assert table.schema.field("time").type == pa.timestamp("ms", tz="UTC")
    scopes = table.column("scope").to_pylist()
    assert {scope: scopes.count(scope) for scope in scopes} == {"container": 190, "node": 100}
    assert table.column(MILLICORES).null_count == 0, "the first rate is computed from a row before the range"
    assert set(table.column(MILLICORES).to_pylist()) == {1.0}
    facts = json.loads(file.schema_arrow.metadata[b"fgm.export"])
    assert (facts["from_ms"], facts["to_ms"], facts["rows"], facts["skipped_files"]) == (T0, T0 + 100_000, 290, 0)
    assert facts["columns"][MILLICORES] == {"title": "CPU", "kind": "derived", "unit": "millicores"}


async def test_recorded_counters_are_raw_and_have_the_lateness_of_their_rows(tmp_path: Path) -> None:
    client = await client_of(tmp_path)

    table = await exported(client, f"{RANGE}&metric={USAGE}&containers={id_of(1)}")

    assert table.column(USAGE).to_pylist() == [5_000_000 + 1000 * tick for tick in range(100)]
    assert table.column("late_us").to_pylist() == [0] * 100
    assert table.schema.field(USAGE).type == pa.int64()


@pytest.mark.parametrize(
    ("chosen", "containers"),
    [
        ("labels=team:blue", {1, 2}),
        ("search=name-2", {2}),
        ("scope=container&namespace=default", {1, 2}),
        (f"containers={id_of(2)}", {2}),
    ],
)
async def test_only_chosen_series_are_exported(tmp_path: Path, chosen: str, containers: set[int]) -> None:
    client = await client_of(tmp_path)

    table = await exported(client, f"{RANGE}&{chosen}")

    assert set(table.column("container_id").to_pylist()) == {container(number).container_id for number in containers}


@pytest.mark.parametrize(
    ("query", "status", "detail"),
    [
        (RANGE + "&containers=nothing", 404, "there is no series 'nothing'"),
        (RANGE + f"&containers={id_of(1)},nothing", 404, "there is no series 'nothing'"),
        (RANGE + "&metric=nothing", 404, "there is no metric 'nothing'"),
        (f"from={T0 - 900_000}&to={T0 - 800_000}", 404, "there are no samples of these series in this range"),
        (RANGE + "&format=csv", 400, "'csv' is not allowed"),
        (RANGE + "&labels=team:blue&containers=node", 400, "the request chooses series by id and by a filter"),
    ],
)
async def test_errors_are_reported_before_the_file_begins(tmp_path: Path, query: str, status: int, detail: str) -> None:
    client = await client_of(tmp_path)

    answer = await client.get(f"/api/export?{'' if 'format' in query else 'format=parquet&'}{query}")

    assert answer.status == status
    assert answer.json["detail"] == detail


async def test_names_are_left_out_of_every_column_and_of_the_name_of_the_file(tmp_path: Path) -> None:
    def record_names() -> None:
        named = container(1, "checkout", "checkout-7f9"), container(2, "ledger", "ledger-0")
        data = DataDirectory(tmp_path)
        data.header = replace(data.header, node_name="worker-17")
        node = replace(NODE, node_name="worker-17")
        data.parquet(*(counting(replace(s, node_name="worker-17"), T0, 90) for s in (node, *named)))

    await to_thread.run_sync(record_names)
    client = await to_thread.run_sync(ApiClient, tmp_path)
    await client.ready()
    whole = await exported(client, f"{RANGE}&metric={MEMORY}")
    answer = await client.get(f"/api/export?format=parquet&{RANGE}&metric={MEMORY}&redact=all")

    table = pq.read_table(io.BytesIO(answer.body))
    assert table.column(MEMORY).to_pylist() == whole.column(MEMORY).to_pylist(), "the same order and values"
    texts = {text for name in IDENTITY_COLUMNS for text in table.column(name).to_pylist()}
    assert {"ctr-1", "ctr-2"} <= texts
    left_out = {text for name in IDENTITY_COLUMNS[1:] for text in whole.column(name).to_pylist()}
    assert not texts & (left_out - {None, "Burstable", "containerd"})
    assert "worker-17" not in answer.headers["content-disposition"]


async def test_a_preview_has_the_names_that_are_replaced(tmp_path: Path) -> None:
    client = await client_of(tmp_path)

    preview = (await client.get(f"/api/export?format=parquet&{RANGE}&redact=containers&preview=1")).json

    assert {"kind": "container", "from": "name-1", "to": "ctr-1"} in preview["redacted"]


async def test_a_damaged_file_is_counted_in_the_footer(tmp_path: Path) -> None:
    client = await client_of(tmp_path)

    def damage() -> None:
        path = max(tmp_path.rglob("metrics-*.parquet"))
        file = WindowFile.open(str(path))
        page = file.block.columns[MEMORY].pages[-1]
        file.close()
        content = bytearray(path.read_bytes())
        content[page.offset + page.size - 1] ^= 1
        path.write_bytes(content)

    await to_thread.run_sync(damage)
    table = await exported(client, f"{RANGE}&metric={MEMORY},{USAGE}&containers={id_of(1)}")

    assert table.column(MEMORY).null_count == 90
    assert table.column(USAGE).null_count == 0
    assert json.loads(table.schema.metadata[b"fgm.export"])["skipped_files"] == 1


async def test_every_metric_of_a_real_recording_has_the_numbers_of_the_page(tmp_path: Path) -> None:
    """The timeseries of the page with every sample, for all metrics that have values, of all leaves and the node."""
    folder = await to_thread.run_sync(incidents.unpacked, tmp_path)
    began_ms = incidents.PLANTED["began_ms"]
    client = await to_thread.run_sync(ApiClient, folder, began_ms + 600_000)
    await client.ready()
    span = f"from={began_ms + 45_000}&to={began_ms + 150_000}"
    names = [metric.name for metric in DERIVED] + [name for name in COLUMNS if BY_NAME[name].kind != "counter"]
    table = await exported(client, f"{span}&metric={','.join(names)}")

    keys, compared = np.array([*keys_of(table)]), 0
    columns = {name: table.column(name).to_numpy().astype(float) for name in names}
    for first in range(0, len(names), 12):
        chosen = ",".join(names[first : first + 12])
        answer = await client.get(f"/api/timeseries?metric={chosen}&{span}&raw=1&format=binary")
        for line_id, metric, times, values in lines_of(answer.body):
            registered = client.services.scanner.holdings().series.find(line_id)
            assert registered is not None
            rows = keys == registered.series.key
            np.testing.assert_array_equal(table.column("time").cast(pa.int64()).to_numpy()[rows], times)
            # An earlier version recorded the incidents, whose whole numbers had fractions.
            expected = np.rint(values) if COLUMN_TYPES.get(metric) == "integer" else values
            np.testing.assert_array_equal(columns[metric][rows], expected, f"{metric} of {line_id}")
            compared += int((~np.isnan(values)).sum())
    assert compared > 50_000


def lines_of(body: bytes) -> Iterator[tuple[str, str, Any, Any]]:
    """Yield the id, the metric, the times and the values of each line of a binary answer, as the page reads it."""
    size = int.from_bytes(body[:4], "little")
    start = (4 + size + 7) // 8 * 8
    for line in json.loads(body[4 : 4 + size])["series"]:
        columns = [np.frombuffer(body, "<f8", line["count"], start + line[at]) for at in ("t_ms", "value")]
        yield line["id"], line["metric"], *columns


def keys_of(table: pa.Table) -> Iterator[str]:
    columns = [table.column(name).to_pylist() for name in ("scope", "container_id", "pod_uid", "cgroup")]
    for scope, container_id, pod_uid, cgroup in zip(*columns, strict=True):
        if scope in {"node", "outside"}:
            yield scope
        elif scope == "pod":
            yield f"pod:{pod_uid}"
        else:
            yield container_id or f"cgroup:{cgroup}"


async def test_a_preview_says_what_an_export_contains_and_how_large_it_is(tmp_path: Path) -> None:
    client = await client_of(tmp_path)
    query = f"/api/export?format=parquet&{RANGE}&metric={MEMORY},{MILLICORES}"

    whole, preview = await client.get(query), await client.get(f"{query}&preview=1")

    assert json.loads(preview.body) == {
        "from_ms": T0,
        "to_ms": T0 + 100_000,
        "series": 3,
        "ticks": 100,
        "metrics": [MEMORY, MILLICORES],
        "bytes": len(whole.body),
        "redacted": [],
        "warnings": [],
    }


async def test_a_head_request_leaves_no_file_open(tmp_path: Path) -> None:
    client = await client_of(tmp_path)

    answer = await get(client.app, f"/api/export?format=parquet&{RANGE}", method="HEAD")

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"

    def open_files() -> list[str]:
        return [os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")]

    opened = await to_thread.run_sync(open_files)
    assert not [path for path in opened if path.startswith(str(tmp_path)) and path.endswith(".parquet")]


async def test_a_long_table_has_containers_only_and_replaces_their_names(tmp_path: Path) -> None:
    client = await client_of(tmp_path)

    answer = await client.get(f"/api/export?format=parquet-long&{RANGE}&metric={MEMORY},{MILLICORES}&redact=all")

    table = pq.read_table(io.BytesIO(answer.body))
    assert table.num_rows == 2 * 190
    ids = set(table.column("l_container_id").to_pylist())
    assert len({id_[:12] for id_ in ids}) == 2, "the viewer that reads it tells containers apart by twelve characters"
    assert not ids & {container(1).container_id, container(2).container_id}
    preview = await client.get(f"/api/export?format=parquet-long&{RANGE}&metric={MEMORY}&preview=1")
    assert preview.json["series"] == 2
    node = await client.get(f"/api/export?format=parquet-long&{RANGE}&containers=node")
    assert (node.status, node.json["detail"]) == (404, "there are no samples of these series in this range")


async def test_half_of_a_character_in_a_name_becomes_a_question_mark(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    unnamed = replace(container(1), pod_name=None)
    data.parquet(counting(unnamed, T0, 90))
    data.write_index((unnamed, T0, T0 + 90_000), more=Facts(pod_name="web-\ud800"))
    client = await to_thread.run_sync(ApiClient, tmp_path)
    await client.ready()

    table = await exported(client, f"{RANGE}&metric={MEMORY}")

    assert set(table.column("pod_name").to_pylist()) == {"web-?"}
