"""The size of a large export is estimated from its first rows."""

import json
from pathlib import Path

import pytest
from anyio import to_thread

from fgm.viewer.api.export import parquet_preview
from tests.support import incidents
from tests.support.viewer.api_client import ApiClient


@pytest.mark.parametrize("sampled_rows", [1_500, 3_000])
async def test_the_estimate_is_within_a_fifth_of_the_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sampled_rows: int
) -> None:
    folder = await to_thread.run_sync(incidents.unpacked, tmp_path)
    began_ms = incidents.PLANTED["began_ms"]
    client = await to_thread.run_sync(ApiClient, folder, began_ms + 600_000)
    await client.ready()
    span = f"from={began_ms - 60_000}&to={began_ms + 600_000}"
    query = f"/api/export?format=parquet&{span}&metric=total_cpu_usage_millicores,memory.current"
    whole = await client.get(query)
    monkeypatch.setattr(parquet_preview, "SAMPLED_ROWS", sampled_rows)

    preview = json.loads((await client.get(f"{query}&preview=1")).body)

    assert preview["bytes"] != len(whole.body), "the size is an estimate"
    assert preview["bytes"] == pytest.approx(len(whole.body), rel=0.2)
