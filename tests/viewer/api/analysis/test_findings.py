"""GET /api/findings: what stood out, in sentences, from real incidents."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import anyio
import pytest
from anyio import to_thread

from fgm.viewer.findings.detection import Detector
from fgm.viewer.findings.finding import Finding
from fgm.viewer.findings.grid import Grid
from fgm.viewer.query.analysis.analysed_span import span_of
from fgm.viewer.query.analysis.finding_query import FindingQuery
from tests.support import incidents, leak_recording
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, container, counting

KILL = incidents.PLANTED["oom_kill"]
ENDED_MS = incidents.PLANTED["ended_ms"]

HEAVY_IMPORTS = ("numpy.ma", "fastparquet", "pandas")
QUESTIONS_OF_A_MINUTE = f"""
import sys
from pathlib import Path
import anyio
from tests.support.viewer.api_client import ApiClient

async def ask(folder, from_ms, to_ms):
    client = ApiClient(Path(folder), int(to_ms))
    await client.ready()
    for path in ("events?", "findings?", "top?metric=io_bytes_per_s&"):
        answer = await client.get(f"/api/{{path}}from={{from_ms}}&to={{to_ms}}")
        assert answer.status == 200, answer.body
    client.services.journals.close()

anyio.run(ask, *sys.argv[1:])
print([name for name in {HEAVY_IMPORTS} if name in sys.modules])
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return incidents.unpacked(tmp_path_factory.mktemp("incidents"))


@pytest.fixture
def client(recorded: Path) -> Iterator[ApiClient]:
    client = ApiClient(recorded, ENDED_MS)
    yield client
    client.services.journals.close()


async def test_the_answer_says_what_was_looked_at(client: ApiClient) -> None:
    await client.ready()
    answer = await client.get(f"/api/findings?from={KILL['began_ms'] - 60_000}&to={KILL['at_ms'] + 60_000}")

    assert answer.status == 200, answer.body
    facts = answer.json
    assert facts["before_ms"] <= facts["from_ms"] == KILL["began_ms"] - 60_000
    assert facts["looked_at"]["series"] > 8
    assert facts["looked_at"]["metrics"] >= 1
    assert facts["looked_at"]["ticks"] >= 120
    assert (facts["partial"], facts["skipped_files"]) == (False, 0)
    strengths = [finding["strength"] for finding in facts["findings"]]
    assert all(0 <= finding["share"] <= 1 for finding in facts["findings"])
    assert all(strength >= 4 for strength in strengths)


async def test_every_finding_has_a_sentence_with_a_name(client: ApiClient) -> None:
    await client.ready()
    answer = await client.get("/api/findings?range=1h&limit=200")

    assert answer.status == 200, answer.body
    for finding in answer.json["findings"]:
        named = [finding["name"], *(other["name"] for other in finding["others"])]
        assert any(name in finding["text"] for name in named)
        assert finding["text"].endswith(".")
        assert finding["from_ms"] <= finding["to_ms"]


async def test_the_culprits_of_real_incidents_are_named(client: ApiClient) -> None:
    """Nothing was recorded before the range: what is usual is the rest of it."""
    await client.ready()
    answer = await client.get("/api/findings?range=1h")

    kinds = {finding["name"]: finding["kind"] for finding in answer.json["findings"]}
    assert kinds["payments"] == "oom_kill"
    assert kinds["api-gateway"] == "throttling"
    assert kinds["batch-import"] == "neighbour"
    assert "ledger-db" not in kinds


async def test_a_range_that_is_too_long_is_refused_with_the_allowed_length(client: ApiClient) -> None:
    await client.ready()
    answer = await client.get("/api/findings?range=2h")

    assert answer.status == 400
    assert answer.json["parameter"] == "from"
    assert "3600 s" in answer.json["allowed"]


async def test_in_a_quiet_range_nothing_stood_out(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    steady = [counting(series, T0 - 600_000, 600) for series in (NODE, container(1), container(2))]
    await to_thread.run_sync(data.parquet, *steady)
    client = await to_thread.run_sync(ApiClient, tmp_path)
    await client.ready()
    answer = await client.get(f"/api/findings?from={T0 - 300_000}&to={T0}")

    assert answer.json["findings"] == []
    assert answer.json["before_ms"] == T0 - 600_000
    assert answer.json["looked_at"]["series"] == 3


async def test_a_range_without_data_has_no_findings(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    await to_thread.run_sync(data.parquet, counting(NODE, T0 - 600_000, 600))
    client = await to_thread.run_sync(ApiClient, tmp_path)
    await client.ready()
    for query in (f"from={T0 - 7_200_000}&to={T0 - 7_000_000}", f"from={T0 + 60_000}&to={T0 + 90_000}"):
        answer = await client.get(f"/api/findings?{query}")
        assert (answer.status, answer.json["findings"]) == (200, [])


async def test_a_query_whose_request_was_canceled_is_dropped_while_a_step_runs(client: ApiClient) -> None:
    await client.ready()
    services, steps = client.services, list[str]()

    def find(_: Grid) -> list[Finding]:
        query.drop()  # as the event loop does, while the thread still executes the step
        steps.append("found")
        return []

    holdings = await to_thread.run_sync(services.fresh_holdings)
    span = span_of(holdings, KILL["began_ms"], KILL["at_ms"])
    detectors = [Detector("canceled", ("memory.current",), find)]
    query = await to_thread.run_sync(
        lambda: FindingQuery(
            holdings, span, services.sources, services.event_files, services.clock.monotonic, detectors=detectors
        )
    )
    while await to_thread.run_sync(query.step):
        pass
    assert steps == ["found"]


async def test_two_questions_run_one_after_the_other(client: ApiClient) -> None:
    await client.ready()
    statuses: list[int] = []

    async def ask() -> None:
        statuses.append((await client.get("/api/findings?range=5m")).status)

    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(ask)
    assert statuses == [200, 200]


async def test_a_range_that_is_over_is_looked_at_once(client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    await client.ready()
    target = f"/api/findings?from={KILL['began_ms'] - 60_000}&to={KILL['at_ms'] + 30_000}"
    first = await client.get(target)
    make = Mock(wraps=client.services.finding_query)
    monkeypatch.setattr(client.services, "finding_query", make)

    again = await client.get(target)
    cached = await client.get(target, If_None_Match=first.headers["etag"])
    other = await client.get(f"{target}&limit=1")

    assert (again.body, again.headers["etag"]) == (first.body, first.headers["etag"])
    assert (cached.status, cached.body) == (304, b"")
    assert other.headers["etag"] != first.headers["etag"]
    assert make.call_count == 1


async def test_a_range_that_has_just_ended_may_still_change(client: ApiClient) -> None:
    await client.ready()
    answer = await client.get("/api/findings?range=2m")

    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


async def test_recorded_leaks_are_named_with_their_begin_and_a_saw_tooth_is_not(tmp_path: Path) -> None:
    planted = leak_recording.PLANTED
    folder = await to_thread.run_sync(leak_recording.unpacked, tmp_path)
    client = await to_thread.run_sync(ApiClient, folder, planted["ended_ms"] + 1000)
    await client.ready()
    answer = await client.get(f"/api/findings?from={planted['ended_ms'] - 200_000}&to={planted['ended_ms']}")
    client.services.journals.close()

    leaks = {finding["metric"]: finding for finding in answer.json["findings"] if finding["kind"] == "leak"}
    assert leaks.keys() == {"memory.stat.anon", "pids.current", "processes.fd_count"}
    for name, metric in (
        ("memory", "memory.stat.anon"),
        ("threads", "pids.current"),
        ("descriptors", "processes.fd_count"),
    ):
        assert planted[name]["id"].startswith(leaks[metric]["id"])
        assert abs(leaks[metric]["from_ms"] - planted[name]["began_ms"]) <= 5000
    assert leaks["memory.stat.anon"]["facts"]["slope_bytes_per_s"] == pytest.approx(0.3 * (1 << 20), rel=0.05)
    assert "the node's limit" in leaks["memory.stat.anon"]["text"]
    assert leaks["pids.current"]["facts"]["slope_threads_per_s"] == pytest.approx(1, rel=0.05)
    assert leaks["processes.fd_count"]["facts"]["slope_fds_per_s"] == pytest.approx(4, rel=0.05)


def test_the_first_answer_about_a_minute_loads_no_masked_arrays(recorded: Path) -> None:
    arguments = [str(recorded), str(KILL["began_ms"] - 20_000), str(ENDED_MS)]
    command = [sys.executable, "-c", QUESTIONS_OF_A_MINUTE, *arguments]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    assert printed[-1] == "[]"
