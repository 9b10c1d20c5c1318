"""All requests for an older range know the same series, however few files the viewer has read at its start."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockBuster

from fgm import iso_time
from fgm.cli import main
from fgm.store.directory.layout import HOUR_MS
from fgm.store.samples.series import Series
from fgm.viewer.api.services import MAX_LISTED_MS
from fgm.viewer.contents.backlog import FILES_PER_STEP, FILES_WITH_INDEX
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import MEMORY, NODE, T0, DataDirectory, chunk, container, counting, id_of

LATER_MS = T0 + 3 * HOUR_MS
WINDOWS = FILES_WITH_INDEX + FILES_PER_STEP
NEWEST_MS = LATER_MS + (WINDOWS - 1) * 90_000
ENDED, LASTING = container(1), container(2)
POD = Series("pod", pod_uid="0a1b", pod_name="pod-3", namespace="default", node_name="node-1")
SERVICE = Series("cgroup", cgroup="/system.slice/a.service", node_name="node-1")
OF_INDEX = {id_of(1), id_of(2), "node"}
ALL = OF_INDEX | {"pod:0a1b", "cgroup:/system.slice/a.service"}
RANGE = f"from={T0}&to={T0 + 60_000}"
OLDER = {
    f"/api/wall?metric={MEMORY}&by=pod&columns=10&{RANGE}",
    f"/api/top?metric={MEMORY}&scope=pod&{RANGE}",
    f"/api/timeseries?metric={MEMORY}&{RANGE}",
    f"/api/containers?{RANGE}",
    f"/api/events?{RANGE}",
    f"/api/findings?{RANGE}",
    f"/at/{T0}",
    f"/api/changes?{RANGE}",
    f"/api/changes?from={LATER_MS}&to={LATER_MS + 60_000}&against={T0}",
    f"/api/export?metric={MEMORY}&{RANGE}&preview=1",
    f"/api/export?metric={MEMORY}&{RANGE}&preview=1&format=parquet",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with data of two ranges, with three hours between them. Its index lists the containers."""
    data = DataDirectory(tmp_path_factory.mktemp("data"))
    data.parquet(*(counting(each, T0, 60) for each in (NODE, ENDED, POD, SERVICE)))
    data.parquet(chunk(LASTING, LATER_MS, {MEMORY: [1.0] * WINDOWS}, step_ms=90_000))
    data.write_index((ENDED, T0, T0 + 59_000), (LASTING, LATER_MS, NEWEST_MS))
    return data.root


@pytest.fixture
def client(root: Path) -> Iterator[ApiClient]:
    client = ApiClient(root, NEWEST_MS)
    yield client
    client.services.journals.close()


def known(client: ApiClient) -> set[str]:
    return set(client.services.scanner.holdings().series.by_id)


@pytest.mark.parametrize("target", sorted(OLDER))
async def test_what_ended_before_the_files_that_were_read_is_found_when_its_range_is_requested(
    client: ApiClient, target: str
) -> None:
    await client.ready()
    await client.get("/api/containers")
    assert known(client) == OF_INDEX - {"node"}

    assert (await client.get(target)).status == 200

    assert known(client) == ALL


async def test_lists_walls_and_files_have_it(client: ApiClient) -> None:
    await client.ready()

    async def answer(target: str) -> Any:
        return (await client.get(f"{target}&{RANGE}")).json

    wall = await answer(f"/api/wall?metric={MEMORY}&by=pod&columns=10")
    listed = await answer("/api/containers?scope=container,pod,cgroup,node")

    assert {(row["id"], row["first_seen_ms"]) for row in wall["rows"]} >= {("pod:0a1b", T0), (id_of(1), T0)}
    assert {each["id"] for each in listed["containers"]} == ALL - {id_of(2)}
    assert (await answer(f"/api/export?metric={MEMORY}&preview=1"))["series"] == len(ALL) - 1


async def test_only_a_short_range_of_which_not_all_files_were_read_makes_the_viewer_read_them(
    client: ApiClient,
) -> None:
    await client.ready()
    for from_ms, to_ms in [(LATER_MS + 30 * 90_000, NEWEST_MS), (T0 - MAX_LISTED_MS, T0 + 60_000)]:
        await client.get(f"/api/containers?from={from_ms}&to={to_ms}")
        assert known(client) == OF_INDEX - {"node"}
    scanner = client.services.scanner
    assert scanner.unread_hour(T0, T0 + 60_000) == T0

    await client.get(f"/api/containers?{RANGE}")

    assert scanner.unread_hour(T0, T0 + 60_000) is None
    assert known(client) == ALL


def test_commands_also_find_it(root: Path, blockbuster: BlockBuster, capsys: pytest.CaptureFixture[str]) -> None:
    blockbuster.deactivate()  # no event loop runs here
    begin, end = (iso_time.format_seconds(ms) for ms in (T0, T0 + 60_000))
    options = ["--metric", MEMORY, "--preview"]

    assert main(["save", str(root), "--from", begin, "--to", end, *options]) == 0

    assert f"{len(ALL) - 1} series" in capsys.readouterr().out
