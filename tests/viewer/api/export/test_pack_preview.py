"""The size in a preview is an estimate from a few minutes and some of the series of a real recording."""

from pathlib import Path

import pytest
from anyio import to_thread

from fgm.viewer.api.export import pack_preview
from tests.support.recorded_incidents import truth, unpacked
from tests.support.viewer.api_client import ApiClient
from tests.support.viewer.data_directory import MEMORY, NODE, T0, DataDirectory, chunk, container

RECORDING = "many_incidents"


@pytest.mark.parametrize("query", ["", "&metric=memory.current,cpu.stat.usage_usec", "&scope=container"])
async def test_the_size_of_half_an_hour_is_about_that_of_the_pack(tmp_path: Path, query: str) -> None:
    facts = truth(RECORDING)
    folder = await to_thread.run_sync(unpacked, RECORDING, tmp_path)
    client = await to_thread.run_sync(ApiClient, folder, facts["ended_ms"] + 60_000)
    await client.ready()
    target = f"/api/export?from={facts['began_ms']}&to={facts['ended_ms']}{query}"

    preview, whole = (await client.get(f"{target}&preview=1")).json, await client.get(target)

    assert preview["bytes"] == pytest.approx(len(whole.body), rel=0.2)
    assert preview["warnings"] == []


async def test_the_size_is_found_if_most_of_the_range_has_no_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before and after the recording, and between its windows, there is nothing to make a small pack of."""
    monkeypatch.setattr(pack_preview, "SAMPLE_SERIES", 1)
    data = DataDirectory(tmp_path)
    for begin in (T0, T0 + 1_800_000):
        values = {MEMORY: [float(n * 4096) for n in range(90)]}
        data.parquet(chunk(NODE, begin, values), chunk(container(1), begin, values))
    client = await to_thread.run_sync(ApiClient, tmp_path, T0 + 3_600_000)
    await client.ready()
    target = f"/api/export?from={T0 - 600_000}&to={T0 + 3_000_000}&metric={MEMORY}"

    preview, whole = (await client.get(f"{target}&preview=1")).json, await client.get(target)

    assert preview["bytes"] == pytest.approx(len(whole.body), rel=0.2)


async def test_a_range_without_samples_is_refused(tmp_path: Path) -> None:
    DataDirectory(tmp_path).parquet(chunk(NODE, T0, {MEMORY: [5.0] * 90}))
    client = await to_thread.run_sync(ApiClient, tmp_path, T0 + 3_600_000)
    await client.ready()

    answer = await client.get(f"/api/export?from={T0 + 600_000}&to={T0 + 1_800_000}&containers=node&preview=1")

    assert (answer.status, answer.json["detail"]) == (404, "nothing is recorded of these series in this range")


async def test_a_pack_that_would_be_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    DataDirectory(tmp_path).parquet(chunk(NODE, T0, {MEMORY: [5.0] * 90}))
    client = await to_thread.run_sync(ApiClient, tmp_path, T0 + 3_600_000)
    await client.ready()
    monkeypatch.setattr(pack_preview, "MAX_PARTS_BYTES", 200_000)

    answer = await client.get(f"/api/export?from={T0}&to={T0 + 90_000}&containers=node&metric={MEMORY}&preview=1")

    assert answer.status == 400
    assert answer.json["detail"].startswith("the pack would have about ")
