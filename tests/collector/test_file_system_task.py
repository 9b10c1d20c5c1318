"""The file systems of the node are asked every ten seconds, and one that hangs does not hold up the collector."""

import os
import tempfile
from pathlib import Path

import anyio
import pytest

from fgm.collector.file_system_task import FileSystemTask
from fgm.metrics.labelled import LABELLED
from fgm.store.tables.table_rows import LabelledRow
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


def test_a_refused_path_is_tried_again_after_an_hour_only() -> None:
    """/proc/1/root is refused to a process without CAP_SYS_PTRACE, as a closed folder is to another user."""
    if os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    with tempfile.TemporaryDirectory() as folder:
        proc = Path(folder)
        proc.chmod(0o755)
        (proc / "1/root/x").mkdir(parents=True)
        (proc / "1/root").chmod(0o700)
        (proc / "1/mountinfo").write_text("27 1 0:77 / /x rw - btrfs /dev/sdx rw\n")
        clock = FakeClock(START_NS)
        task = FileSystemTask(clock, folder, "worker-3", print)
        os.seteuid(65534)
        try:
            assert task.rows(0) == []
        finally:
            os.seteuid(0)
        assert task.rows(10_000) == []
        clock.stall(3601)
        assert {row.label for row in task.rows(20_000)} == {"/x"}
