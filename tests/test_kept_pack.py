"""The kept pack of version 1 of the format is opened by this version of the viewer, and has what was put into it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio import to_thread

from fgm.viewer.api.services import Services
from fgm.viewer.health import Address
from fgm.viewer.packs.manifest import Manifest
from fgm.viewer.packs.opening.opened_packs import OpenedPacks, opened
from fgm.viewer.packs.pack_reader import read_pack
from tests.support.fake_clock import FakeClock
from tests.support.kept_pack import PACK, expected
from tests.support.viewer.api_client import ApiClient

BEFORE_IT_WAS_MADE_NS = 1_767_225_600_000_000_000


@pytest.fixture(scope="module")
def packs() -> Iterator[OpenedPacks]:
    with opened([str(PACK)]) as packs:
        yield packs


@pytest.fixture
async def client(packs: OpenedPacks) -> ApiClient:
    """A viewer of the pack, on a machine whose clock is behind."""

    def make() -> ApiClient:
        client = ApiClient(Path(packs.data_dir), expected()["to_ms"])
        clock = packs.clock(FakeClock(BEFORE_IT_WAS_MADE_NS))
        client.services = Services(packs.data_dir, clock, client.start_up, Address(8050), packs=packs)
        client.serve()
        return client

    client = await to_thread.run_sync(make)
    await client.ready()
    return client


def span() -> str:
    return f"from={expected()['from_ms']}&to={expected()['to_ms']}"


def test_its_manifest_and_all_of_its_parts_are_read() -> None:
    pack = read_pack(str(PACK))
    manifest: Manifest = pack.manifest

    assert (manifest.from_ms, manifest.to_ms) == (expected()["from_ms"], expected()["to_ms"])
    assert [note["text"] for note in manifest.notes] == ["config-sync restarts again and again"]
    assert all(len(pack.part(name)) == size for name, size, _ in manifest.parts)


async def test_its_samples_are_those_of_the_viewer_that_saved_it(client: ApiClient) -> None:
    for name, metric, count, values in expected()["samples"]:
        (line,) = await client.series(f"/api/timeseries?metric={metric}&containers={name}&{span()}&raw=1")
        pairs = {str(ms): value for ms, value in zip(line["t_ms"], line["value"], strict=True)}
        assert len(pairs) == count
        assert {ms: pairs[ms] for ms in values} == values


async def test_its_containers_events_findings_and_processes_are_there(client: ApiClient) -> None:
    listed = (await client.get(f"/api/containers?scope=container&{span()}")).json["containers"]
    ids = ",".join([*expected()["containers"], "node"])
    events = (await client.get(f"/api/events?containers={ids}&{span()}")).json["events"]
    findings = (await client.get(f"/api/findings?{span()}")).json["findings"]
    processes = (await client.get(f"/api/processes?id=node&{span()}&limit=100")).json["processes"]

    assert {each["id"]: f"{each['namespace']}/{each['pod_name']}/{each['name']}" for each in listed} == expected()[
        "containers"
    ]
    assert [[each[name] for name in ("time_ms", "kind", "name", "what")] for each in events] == expected()["events"]
    assert [each["text"] for each in findings] == expected()["findings"]
    assert sorted({each["comm"] for each in processes}) == expected()["processes"]
