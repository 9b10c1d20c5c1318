"""The recording of three incidents: the API shows each incident in its container and at its time."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anyio import to_thread

from fgm.store.check.directory_check import check
from fgm.store.directory.listing import data_files
from tests.support.incidents import PLANTED, unpacked
from tests.support.viewer.api_client import ApiClient

pytestmark = [pytest.mark.dates]

KILL, SHORT = PLANTED["oom_kill"], PLANTED["short_life"]
THROTTLING, NOISE = PLANTED["throttling"], PLANTED["noisy_neighbour"]
LIVES = {life["id"]: life for life in PLANTED["containers"]}
EDGE_MS = 2000
"""Length of the edges of an incident that are left out, because a rate there spans both sides of the edge."""


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("incidents"))


async def client_of(data_dir: Path) -> ApiClient:
    client = await to_thread.run_sync(ApiClient, data_dir, PLANTED["ended_ms"])
    await client.ready()
    return client


async def get(data_dir: Path, path: str) -> dict[str, Any]:
    answer = await (await client_of(data_dir)).get(path)
    assert answer.status == 200, answer.body
    return dict(answer.json)


async def values(data_dir: Path, metric: str, containers: str, window: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Return the samples of a metric during an incident, without its edges and without nulls, by full id."""
    begin, end = window["began_ms"] + EDGE_MS, window["ended_ms"] - EDGE_MS
    names = f"containers={containers}&" if containers else "scope=container&"
    answer = await get(data_dir, f"/api/timeseries?metric={metric}&{names}from={begin}&to={end}")
    samples: dict[str, list[float]] = {}
    for part in answer["series"]:
        samples.setdefault(part["id"], []).extend(value for value in part["value"] if value is not None)
    return {next((id_ for id_ in LIVES if id_.startswith(short)), short): np.array(v) for short, v in samples.items()}


async def samples_of(data_dir: Path, metric: str, container: str, window: Mapping[str, int]) -> np.ndarray:
    return (await values(data_dir, metric, container[:12], window))[container]


def before(window: Mapping[str, int]) -> dict[str, int]:
    return {"began_ms": window["began_ms"] - 45_000, "ended_ms": window["began_ms"]}


async def events(data_dir: Path) -> list[dict[str, Any]]:
    window = f"from={PLANTED['began_ms']}&to={PLANTED['ended_ms']}"
    return list((await get(data_dir, f"/api/events?{window}"))["events"])


def test_the_data_directory_has_no_problem_and_no_journal(data_dir: Path) -> None:
    assert check(str(data_dir)).problems == []
    assert list(data_files(str(data_dir), "journal")) == []


async def test_all_containers_have_their_names(data_dir: Path) -> None:
    listed = (await get(data_dir, "/api/containers?scope=container&range=all"))["containers"]
    by_id = {entry["container_id"]: entry for entry in listed}

    assert by_id.keys() == LIVES.keys()
    for container, life in LIVES.items():
        entry = by_id[container]
        assert (entry["name"], entry["pod_name"], entry["namespace"]) == (life["name"], life["pod"], life["namespace"])
        assert entry["labels"] == {"app": life["name"]}
        assert entry["restart_count"] == life["restarts"]
        assert entry["limits"].get("memory_bytes") == life["memory_bytes"]
        assert entry["limits"].get("cpu_millicores") == life["cpu_millicores"]
    assert {life["namespace"] for life in LIVES.values()} == {"shop", "edge", "data", "monitoring", "kube-system"}


async def test_payments_is_oom_killed_and_restarted(data_dir: Path) -> None:
    recorded = await events(data_dir)
    (kill,) = (event for event in recorded if event["kind"] == "oom_kill")
    (restart,) = (event for event in recorded if event["kind"] == "restart")

    (ended,) = (event for event in recorded if event["kind"] == "exit" and event["series"] == kill["series"])

    assert kill["after"] == {"killed": 1}
    assert kill["time_ms"] <= ended["time_ms"]
    assert recorded.index(kill) > recorded.index(ended)  # the newest comes first
    assert ended["what"] == "ended: OOMKilled, exit code 137"
    assert LIVES[KILL["id"]]["name"] == LIVES[KILL["next_id"]]["name"] == kill["name"] == "payments"
    assert KILL["id"].startswith(kill["series"])
    assert abs(kill["time_ms"] - KILL["at_ms"]) <= 2000
    assert KILL["next_id"].startswith(restart["series"])
    assert abs(restart["time_ms"] - LIVES[KILL["next_id"]]["started_ms"]) <= 2000

    quiet = await samples_of(data_dir, "memory.current", KILL["id"], before(KILL))
    growing = await samples_of(data_dir, "memory.current", KILL["id"], {**KILL, "ended_ms": KILL["at_ms"] + EDGE_MS})
    assert quiet.max() < 0.5 * (64 << 20)
    assert (np.diff(growing) > 0).all()
    assert growing[-1] > 0.75 * (64 << 20)
    after = {"began_ms": LIVES[KILL["next_id"]]["started_ms"], "ended_ms": PLANTED["ended_ms"]}
    again = await samples_of(data_dir, "memory.current", KILL["next_id"], after)
    assert again.max() < 0.5 * (64 << 20)


async def test_the_kill_is_derived_from_the_samples_as_it_was_recorded(data_dir: Path, tmp_path: Path) -> None:
    """The kernel has counted two: the process, and the process again as its group. Its pod has the same limit."""
    await to_thread.run_sync(shutil.copytree, data_dir, tmp_path / "copy")
    (path,) = await to_thread.run_sync(lambda: list((tmp_path / "copy").rglob("events.jsonl")))
    await to_thread.run_sync(path.unlink)
    derived = [event for event in await events(tmp_path / "copy") if KILL["id"].startswith(event["series"])]
    pod, window = f"pod:{LIVES[KILL['id']]['uid']}", {**KILL, "ended_ms": KILL["at_ms"] + 5000}
    (rates,) = (await values(data_dir, "oom_kills_per_s", pod, window)).values()
    (counted,) = (await values(data_dir, "memory.events.oom_kill", pod, window)).values()

    assert [(event["kind"], event["after"]) for event in derived] == [
        ("exit", {"oom_killed": 1}),
        ("oom_kill", {"killed": 1, "limit_of": derived[1]["after"]["limit_of"], "limit_bytes": 64 << 20}),
    ]
    assert derived[1]["after"]["limit_of"].endswith(f"-pod{LIVES[KILL['id']]['uid'].replace('-', '_')}.slice")
    assert rates.sum() == pytest.approx(1, rel=0.1)
    assert counted.sum() == pytest.approx(2, rel=0.1)


async def test_a_short_job_starts_and_exits_with_code_0(data_dir: Path) -> None:
    recorded = [event for event in await events(data_dir) if SHORT["id"].startswith(event["series"])]
    (start,) = (event for event in recorded if event["kind"] == "start")
    ends = [event for event in recorded if event["kind"] == "exit"]

    assert abs(start["time_ms"] - SHORT["began_ms"]) <= 2000
    assert all(abs(end["time_ms"] - SHORT["ended_ms"]) <= 2000 for end in ends)
    assert any(end["after"].get("exit_code") == 0 for end in ends)


async def test_api_gateway_is_throttled_although_its_average_is_low(data_dir: Path) -> None:
    used = await samples_of(data_dir, "total_cpu_percentage", THROTTLING["id"], THROTTLING)
    throttled = await samples_of(data_dir, "throttle_ratio", THROTTLING["id"], THROTTLING)
    quiet = await samples_of(data_dir, "throttle_ratio", THROTTLING["id"], before(THROTTLING))

    assert used.mean() < 40
    assert np.mean(throttled >= 0.5) > 0.8
    assert quiet.mean() < 0.05
    began = [event for event in await events(data_dir) if event["kind"] == "throttling_began"]
    (event,) = (e for e in began if THROTTLING["began_ms"] <= e["time_ms"] <= THROTTLING["ended_ms"])
    assert event["name"] == "api-gateway"
    assert event["time_ms"] <= THROTTLING["began_ms"] + 10_000


async def test_batch_import_slows_down_the_disk_of_ledger_db(data_dir: Path) -> None:
    rates = {container: v.mean() for container, v in (await values(data_dir, "io_bytes_per_s", "", NOISE)).items()}
    waited = await samples_of(data_dir, "psi_io_some_ratio", NOISE["victim_id"], NOISE)
    waited_before = await samples_of(data_dir, "psi_io_some_ratio", NOISE["victim_id"], before(NOISE))
    writes = await samples_of(data_dir, "io_write_iops", NOISE["victim_id"], NOISE)
    writes_before = await samples_of(data_dir, "io_write_iops", NOISE["victim_id"], before(NOISE))

    assert LIVES[NOISE["id"]]["name"] == "batch-import"
    assert LIVES[NOISE["victim_id"]]["name"] == "ledger-db"
    assert rates[NOISE["id"]] > 100 * max(rate for container, rate in rates.items() if container != NOISE["id"])
    assert waited.mean() > 10 * waited_before.mean()
    assert waited.mean() > 0.1
    assert writes.mean() < 0.8 * writes_before.mean()


async def findings(data_dir: Path, window: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return what is found in the range of an incident with what was before and after it."""
    view = f"from={window['began_ms'] - 40_000}&to={window['ended_ms'] + 10_000}"
    return list((await get(data_dir, f"/api/findings?{view}"))["findings"])


async def test_throttling_is_the_first_finding_and_begins_with_the_incident(data_dir: Path) -> None:
    first = (await findings(data_dir, THROTTLING))[0]

    assert (first["kind"], first["name"]) == ("throttling", "api-gateway")
    assert abs(first["from_ms"] - THROTTLING["began_ms"]) <= 5000
    assert first["facts"]["mean_use_percent_of_quota"] < 40
    assert first["facts"]["quota_millicores"] == 300


async def test_the_neighbour_is_the_first_finding_with_its_victim(data_dir: Path) -> None:
    first = (await findings(data_dir, NOISE))[0]

    assert (first["kind"], first["name"]) == ("neighbour", "batch-import")
    assert [other["name"] for other in first["others"]] == ["ledger-db"]
    assert abs(first["from_ms"] - NOISE["began_ms"]) <= 5000
    assert first["facts"]["resource"] == "io"
    assert first["text"].endswith("evidence that it is the cause, not proof.")
