"""The follower of a collector without an API."""

from pathlib import Path

import pytest
from anyio import to_thread

from fgm.collector.kubernetes.follower import Outputs, PodFollower
from fgm.collector.windows.index_keeper import IndexKeeper
from tests.support.fake_clock import FakeClock


async def test_a_missing_api_is_logged_and_causes_no_requests(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    index = await to_thread.run_sync(IndexKeeper, str(tmp_path), 90, 0)
    outputs = Outputs(index.describe, lambda _: None, lambda _: None, lambda: None)
    follower = PodFollower(FakeClock(), None, index.index, outputs)
    await follower.run()

    assert follower.requests == 0
    assert [record.message for record in caplog.records] == ["no Kubernetes API found; pods will have no names"]
