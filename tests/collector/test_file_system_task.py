"""The file systems of the node are asked every ten seconds, and one that hangs does not hold up the collector."""

from pathlib import Path

import anyio
import pytest

from fgm.collector.file_system_task import FileSystemTask
from fgm.metrics.labelled import LABELLED
from fgm.store.parquet.process_tables import LabelledRow
from tests.support.fake_clock import FakeClock

START_NS = 1_767_110_403_500_000_000  # 2025-12-30T16:00:03.5Z


def fake_proc(folder: Path) -> str:
    (folder / "1").mkdir(parents=True)
    (folder / "1/mountinfo").write_bytes(Path("/proc/self/mountinfo").read_bytes())
    return str(folder)


@pytest.mark.anyio
async def test_rows_are_read_at_whole_multiples_of_ten_seconds(tmp_path: Path) -> None:
    clock, rounds = FakeClock(START_NS), list[list[LabelledRow]]()
    task = FileSystemTask(clock, fake_proc(tmp_path), "worker-3", rounds.append)
    async with anyio.create_task_group() as group:
        group.start_soon(task.run)
        await clock.advance(20)
        group.cancel_scope.cancel()

    assert len(rounds) == 2
    times = [{row.time_ms for row in rows} for rows in rounds]
    if not times[0]:
        pytest.skip("no file system is on a disk here")
    assert times == [{1_767_110_410_000}, {1_767_110_420_000}]
    names = {row.metric for row in rounds[0]}
    assert {"filesystem.size_bytes", "filesystem.available_bytes"} <= names <= LABELLED.keys()


def test_without_mountinfo_there_are_no_rows(tmp_path: Path) -> None:
    assert FileSystemTask(FakeClock(START_NS), str(tmp_path), "worker-3", print).rows(0) == []
