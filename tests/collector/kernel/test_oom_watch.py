"""Counters of OOM kills that are read between two ticks."""

import logging
from pathlib import Path

import pytest
from anyio import to_thread

from fgm.clock import SystemClock
from fgm.collector.kernel.oom_watch import Counters, OomWatch
from fgm.store.samples.series import Series

pytestmark = pytest.mark.anyio


def container(tmp_path: Path, name: str) -> Series:
    (tmp_path / name).mkdir()
    return Series("container", container_id=name, cgroup=f"/{name}")


async def test_a_file_that_cannot_be_read_is_logged_once_and_a_removed_one_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good, removed, refused = (container(tmp_path, name) for name in ("good", "removed", "refused"))
    (tmp_path / "good" / "memory.events").write_text("low 0\nhigh 0\nmax 5\noom 3\noom_kill 2\noom_group_kill 1\n")
    (tmp_path / "refused" / "memory.events").mkdir()  # reading it fails with EISDIR, also for root
    watch = await to_thread.run_sync(OomWatch, str(tmp_path), SystemClock())

    with caplog.at_level(logging.WARNING):
        counters = await watch.settled([good, removed, refused])
        assert await watch.settled([good, removed, refused]) == counters

    assert counters == {"good": Counters(2, 1)}
    (record,) = caplog.records
    assert record.message == "cannot read OOM kills between ticks; the next tick shows them"
    assert getattr(record, "fields")["file"] == str(tmp_path / "refused" / "memory.events")  # noqa: B009 - mypy does not know it
