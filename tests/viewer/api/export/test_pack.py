"""GET /api/export: a pack of a real recording has what the viewer answers, exactly."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anyio import Path as AsyncPath
from anyio import to_thread

from fgm.cli import main
from fgm.store.samples.series import Series
from fgm.viewer.packs.opening.unpacking import unpack
from fgm.viewer.packs.pack_reader import Pack
from tests.support.packs import decode_samples
from tests.support.recorded_incidents import truth, unpacked
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.asgi_client import converse, get
from tests.support.viewer.data_directory import MEMORY, NODE, T0, USAGE, DataDirectory, chunk, container

RECORDING = "incidents"
METRICS = ("total_cpu_usage_millicores", "memory_working_set", "io_bytes_per_s", "cpu_limit_millicores")
FOLDERS = [Path("/dev/shm")]
LATENESS = 2e-5
"""Maximum relative difference of rates of a recording of format version 3: its lateness is stored to 10 us now."""
TICK_MS = 1000
Json = dict[str, Any]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(RECORDING, tmp_path_factory.mktemp("recording"))


@pytest.fixture
async def client(data_dir: Path) -> ApiClient:
    client = await to_thread.run_sync(ApiClient, data_dir, truth(RECORDING)["ended_ms"] + 60_000)
    await client.ready()
    return client


def as_numbers(values: list[float | None]) -> list[float]:
    """Return values with NaN for null."""
    return [float("nan") if value is None else value for value in values]


def rounded(values: list[float | None]) -> list[float | None]:
    """Return values as JSON answers have them."""
    return [None if value is None else round(value, 6) for value in values]


def span(margin_ms: int = 0) -> str:
    """Return the range of the pack. `margin_ms`: how much it is longer at both ends, as its samples are."""
    facts = truth(RECORDING)
    return f"from={facts['began_ms'] + 20_000 - margin_ms}&to={facts['ended_ms'] - 5_000 + margin_ms}"


async def pack_of(client: ApiClient, query: str = "") -> Pack:
    answer = await client.get(f"/api/export?{span()}{query}")
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Pack(answer.body)


async def test_samples_are_those_that_the_viewer_answers(client: ApiClient) -> None:
    pack = await pack_of(client)
    passed = pack.part("passed")

    for metric in METRICS:
        stored = decode_samples(pack.part(f"samples/{metric}"), passed)
        lines = await client.series(
            f"/api/timeseries?metric={metric}&containers={','.join(stored)}&{span(TICK_MS)}&raw=1"
        )
        assert {line["id"] for line in lines} == stored.keys()
        for line in lines:
            times, values = stored[line["id"]]
            assert times == line["t_ms"]
            assert as_numbers(values) == pytest.approx(as_numbers(line["value"]), rel=LATENESS, nan_ok=True)
        assert any(value is not None for line in lines for value in line["value"]) or "limit" in metric


@pytest.mark.parametrize("is_live", [False, True])
async def test_samples_are_exact(tmp_path: Path, *, is_live: bool) -> None:
    numbers, data = np.random.default_rng(3), DataDirectory(tmp_path)
    for window in range(3):
        chunks = []
        for series in (NODE, container(1), container(2)):
            usage = 1e9 * (1 + window) + np.cumsum(numbers.integers(0, 2_000_000, 90)).astype(float)
            late_ms = np.round(numbers.uniform(0.5, 9, 90), 2)
            chunks.append(chunk(series, T0 + 90_000 * window, {USAGE: usage.tolist()}, late_ms=late_ms))
        if is_live and window == 2:
            data.journal(*chunks)
        else:
            data.parquet(*chunks)
    client = await to_thread.run_sync(ApiClient, tmp_path, T0 + 300_000)
    await client.ready()
    asked = f"from={T0 + 4000}&to={T0 + 201_000}&metric=total_cpu_usage_millicores"

    within = f"from={T0 + 5000}&to={T0 + 200_000}&metric=total_cpu_usage_millicores"
    pack = Pack((await client.get(f"/api/export?{within}")).body)

    part = pack.part("samples/total_cpu_usage_millicores")
    stored, lines = decode_samples(part, pack.part("passed")), await client.series(f"/api/timeseries?{asked}")
    assert b'"as":"rate"' in part
    assert {name: (times, rounded(values)) for name, (times, values) in stored.items()} == {
        line["id"]: (line["t_ms"], line["value"]) for line in lines
    }


async def test_answers_are_those_of_the_viewer(client: ApiClient) -> None:
    pack = await pack_of(client)
    answers: Json = json.loads(pack.part("answers"))

    events = (await client.get(f"/api/events?{span()}&limit=5000")).json
    found = (await client.get(f"/api/findings?{span()}&limit=200")).json
    assert answers["/api/events"] == {**events, "derived": False}
    assert answers["/api/findings"] == found
    assert found["findings"]
    assert answers["/api/health"]["state"] == "ready"
    assert answers["/api/health"]["data_dir"] == ""


async def test_metrics_and_series_can_be_chosen(client: ApiClient) -> None:
    listed = (await client.get("/api/containers?scope=container")).json["containers"]
    chosen = listed[0]["id"]

    pack = await pack_of(client, f"&containers={chosen}&metric=memory.current&view=lanes%3Dcpu")

    assert pack.manifest.metrics == ["memory.current"]
    assert pack.manifest.view == "lanes=cpu"
    ids = set(decode_samples(pack.part("samples/memory.current")))
    assert {chosen, "node"} <= ids
    assert len(ids) <= 3
    assert [name for name in pack.names if name.startswith("samples/")] == ["samples/memory.current"]


async def test_a_preview_has_the_size_and_saves_nothing(client: ApiClient) -> None:
    facts = (await client.get(f"/api/export?{span()}&preview=1")).json
    whole = await client.get(f"/api/export?{span()}")

    assert abs(facts["bytes"] - len(whole.body)) < 0.2 * len(whole.body)
    assert facts["warnings"] == []
    assert "total_cpu_usage_millicores" in facts["metrics"]


@pytest.mark.parametrize(
    ("query", "status", "detail"),
    [
        ("range=7h", 400, "too long for a pack"),
        (f"{span()}&containers=ffffffffffff", 404, "there is no series"),
        (f"{span()}&namespace=nowhere", 404, "no such series"),
        (f"{span()}&metric=nothing", 404, "there is no metric"),
        (f"{span()}&format=csv", 400, "not allowed"),
        (f"{span()}&view={'x' * 30_001}", 400, "at most|30001 characters"),
    ],
)
async def test_a_wrong_request_is_refused_with_a_reason(
    client: ApiClient, query: str, status: int, detail: str
) -> None:
    answer = await client.get(f"/api/export?{query}")

    assert answer.status == status
    assert any(text in answer.json["detail"] for text in detail.split("|"))


async def test_the_notes_of_the_view_are_in_the_manifest(client: ApiClient) -> None:
    pack = await pack_of(client, "&view=notes%3D2026-11-26T18%3A00%3A00Z%3Athe%2520deploy&metric=memory.current")

    assert pack.manifest.notes == [{"from_ms": 1_795_716_000_000, "to_ms": None, "text": "the deploy"}]


@pytest.mark.parametrize("leaves", [False, True])
async def test_nothing_is_left_behind(client: ApiClient, *, leaves: bool) -> None:
    await converse(client.app, f"/api/export?{span()}", leaves=leaves)

    assert [path.name async for path in AsyncPath(FOLDERS[0]).glob(f"fgm-pack-{os.getpid()}-*")] == []


async def test_a_head_request_leaves_no_folder_behind(client: ApiClient) -> None:
    answer = await get(client.app, f"/api/export?{span()}", method="HEAD")

    assert (answer.status, answer.body) == (200, b"")
    assert [path.name async for path in AsyncPath(FOLDERS[0]).glob(f"fgm-pack-{os.getpid()}-*")] == []


async def test_redacted_names_are_in_no_part_and_values_stay(client: ApiClient) -> None:
    listed = (await client.get("/api/containers")).json["containers"]
    secrets = {each[name] for each in listed for name in ("container_id", "pod_uid", "node_name") if each[name]}
    secrets |= {each["id"] for each in listed if each["scope"] == "container"}
    assert len(secrets) > 20

    pack, whole = await pack_of(client, "&redact=all&view=show%3D" + listed[0]["id"]), await pack_of(client)

    content = b"".join(pack.part(name) for name in pack.names if name != "page").decode("latin-1")
    content += json.dumps(pack.manifest.to_json())
    assert {secret for secret in secrets if secret in content} == set()
    assert pack.manifest.redacted == ["all"]
    for metric in METRICS:
        stored, expected = (
            sorted(map(str, decode_samples(each.part(f"samples/{metric}"), each.part("passed")).values()))
            for each in (pack, whole)
        )
        assert stored == expected


async def test_a_preview_says_what_names_become(client: ApiClient) -> None:
    facts = (await client.get(f"/api/export?{span()}&preview=1&redact=node,pod%3Dnowhere")).json

    assert {"kind": "node", "from": (await client.get("/api/instance")).json["node_name"], "to": "node-1"} in facts[
        "redacted"
    ]
    assert facts["warnings"] == ["there is no pod nowhere, so nothing was left out for it"]
    refused = await client.get(f"/api/export?{span()}&redact=everything")
    assert (refused.status, "is not a rule" in refused.json["detail"]) == (400, True)


QUERIES = (
    "/api/timeseries?metric=memory_working_set&{span}&raw=1",
    "/api/timeseries?metric=memory.current,cpu_limit_millicores&{span}&format=binary",
    "/api/timeseries?metric=memory_working_set&{span}&points=40&reduce=mean",
    "/api/top?metric=memory_working_set&{span}&parts=20",
    "/api/wall?metric=memory_working_set&{span}&columns=60",
    "/api/wall?metric=memory_working_set&{span}&columns=60&by=workload&format=binary",
    "/api/events?{span}&limit=5000",
    "/api/processes?id={culprit}&{span}&by=memory",
    "/api/processes?id={culprit}&at={at}",
    "/api/processes?id=node&{span}&by=cpu",
    "/api/labelled?metric=io.stat.wbytes&containers={culprit},node&{span}",
    "/api/labelled?metric=io.stat.wbytes&at={at}",
)


@pytest.mark.parametrize("query", QUERIES)
async def test_a_viewer_of_the_pack_answers_as_the_one_that_saved_it(
    client: ApiClient, tmp_path: Path, query: str
) -> None:
    pack = await pack_of(client, "&metric=memory_working_set,memory.current,cpu_limit_millicores")
    await to_thread.run_sync(unpack, pack, str(tmp_path))
    opened = await to_thread.run_sync(ApiClient, tmp_path, client.now_ms)
    await opened.ready()
    facts = truth(RECORDING)
    target = query.format(span=span(), culprit=facts["noisy_neighbour"]["id"], at=facts["ended_ms"] - 60_000)

    expected, answer = await client.get(target), await opened.get(target)

    assert expected.status == answer.status == 200
    assert answer.body == expected.body


async def test_series_that_ended_in_an_earlier_hour_are_in_a_pack(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    pod = Series("pod", pod_uid="u", pod_name="web", cgroup="/pods/u")
    begin = T0 - 600_000  # in the hour before T0
    data.parquet(chunk(NODE, begin, {MEMORY: [5.0] * 90}), chunk(pod, begin, {MEMORY: [7.0] * 90}))
    for window in range(60):
        data.parquet(chunk(NODE, T0 + 90_000 * window, {MEMORY: [5.0] * 90}))
    client = await to_thread.run_sync(ApiClient, tmp_path / "data", T0 + 90_000 * 60)
    await client.ready()

    answer = await client.get(f"/api/export?from={begin}&to={T0 + 300_000}&metric=memory.current")
    (tmp_path / "unpacked").mkdir()
    await to_thread.run_sync(unpack, Pack(answer.body), str(tmp_path / "unpacked"))
    opened = await to_thread.run_sync(ApiClient, tmp_path / "unpacked", client.now_ms)
    await opened.ready()

    assert "pod:u" in decode_samples(Pack(answer.body).part("samples/memory.current"))
    assert "pod:u" in [each["id"] for each in (await opened.get("/api/containers")).json["containers"]]


async def test_events_are_there_once_if_a_pack_has_several_writers(tmp_path: Path) -> None:
    """A new pod of the collector writes to a folder of its own."""
    folder, begin, web = tmp_path / "data", T0 - 360_000, container(1, "web", "web-0")
    first, second = (DataDirectory(folder, identifier=name) for name in ("before", "after"))
    for data, from_ms in ((first, begin), (first, T0 - 180_000), (second, T0), (second, T0 + 180_000)):
        data.parquet(*(chunk(each, from_ms, {MEMORY: [5.0] * 90}) for each in (NODE, web)))
    client = await to_thread.run_sync(ApiClient, folder, T0 + 900_000)
    await client.ready()
    span = f"from={begin}&to={T0 + 270_000}"

    pack = Pack((await client.get(f"/api/export?{span}&metric=memory.current")).body)
    (tmp_path / "unpacked").mkdir()
    await to_thread.run_sync(unpack, pack, str(tmp_path / "unpacked"))
    opened = await to_thread.run_sync(ApiClient, tmp_path / "unpacked", client.now_ms)
    await opened.ready()

    expected, answer = [(await each.get(f"/api/events?{span}")).json["events"] for each in (client, opened)]
    assert len([event for event in expected if event["kind"] == "gap"]) == 3
    assert answer == json.loads(pack.part("answers"))["/api/events"]["events"] == expected


async def test_a_pack_says_that_its_events_were_derived(tmp_path: Path) -> None:
    """Also if it is opened, and saved once more."""
    data = DataDirectory(tmp_path / "data")
    data.parquet(
        chunk(NODE, T0 - 360_000, {MEMORY: [5.0] * 90}), chunk(container(1), T0 - 360_000, {MEMORY: [5.0] * 90})
    )
    data.parquet(chunk(NODE, T0, {MEMORY: [5.0] * 90}))
    client = await to_thread.run_sync(ApiClient, tmp_path / "data", T0 + 900_000)
    await client.ready()
    path, again = tmp_path / "incident.html", tmp_path / "again.html"

    answer = await client.get(f"/api/export?from={T0 - 360_000}&to={T0 + 90_000}&metric=memory.current")
    path.write_bytes(answer.body)
    assert await to_thread.run_sync(main, ["save", str(path), "-o", str(again)]) == 0

    for each in (path, again):
        events = json.loads(Pack(each.read_bytes()).part("answers"))["/api/events"]
        assert ("gap" in {event["kind"] for event in events["events"]}, events["derived"]) == (True, True)
