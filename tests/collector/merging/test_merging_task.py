"""The task that merges, with real child processes: what it does with each outcome, and how it stops."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from anyio import to_thread
from blockbuster import BlockBuster

from fgm.clock import SystemClock
from fgm.collector.merging import merging_task
from fgm.collector.merging.merging_task import Merging
from fgm.collector.windows.closing import close_window
from fgm.store.check.directory_check import check
from fgm.store.minutes.minutes_file import MinutesFile
from fgm.store.parquet.window_file import WindowFile
from tests.support.collector.host import Host
from tests.support.collector.merging import MERGED
from tests.support.collector.windows import (
    FIRST,
    FOLDER,
    HEADER,
    START_MS,
    names,
    record,
    record_and_close,
    recorded,
    tick,
)
from tests.support.processes import LOOK_AGAIN_S

SECOND = "metrics-20251230T160130Z.parquet"
UNDER_PRESSURE = "some avg10=99.00 avg60=0.00 avg300=0.00 total=1\n"


@pytest.fixture(autouse=True)
def allow_blocking(blockbuster: BlockBuster) -> None:
    """These tests look at files in the event loop."""
    blockbuster.deactivate()


@pytest.fixture
def pressed_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A /proc of a node under pressure, which only the child process notices: it rests until it is ended."""
    proc_root = tmp_path / "proc"
    (proc_root / "pressure").mkdir(parents=True)
    (proc_root / "pressure" / "cpu").write_text(UNDER_PRESSURE)
    monkeypatch.setattr(merging_task, "lacking", lambda _: None)
    return proc_root


def merging(data_dir: Path, proc_root: str = "") -> Merging:
    return Merging(str(data_dir), SystemClock(), anyio.Lock(), 3, proc_root)


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that still run."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path("/proc", name, "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(name))
    return found


async def wait_for(condition: Callable[[], object]) -> None:
    with anyio.fail_after(30):
        while not condition():
            await anyio.sleep(LOOK_AGAIN_S)


async def test_an_hour_is_merged_by_a_child_process(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    record_and_close(tmp_path, tick(0), tick(100))
    task = merging(tmp_path)

    with caplog.at_level(logging.INFO):
        assert await task.merge_next() == "merged an hour"
        assert task.cpu_s > 0
        assert [await task.merge_next() for _ in range(2)] == ["merged a day", "nothing to do"]
    assert names(tmp_path) == [MERGED]
    assert recorded(tmp_path / FOLDER / MERGED) == {0: 1.0, 100: 1.0}
    assert sorted(path.name for path in (tmp_path / "tiers" / FOLDER).iterdir()) == [
        "minutes-20251230T000000Z--P1D.parquet"
    ]
    assert caplog.messages == ["merged an hour", "merged the minutes of a day"]


async def test_minutes_of_an_hour_that_is_merged_again_replace_those_in_the_file_of_the_day(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0, 5.0), tick(30, 5.0), tick(3600, 5.0))
    task = merging(tmp_path)
    assert [await task.merge_next() for _ in range(3)] == ["merged an hour", "merged an hour", "merged a day"]
    record_and_close(tmp_path, tick(40, 7.0))
    assert [await task.merge_next() for _ in range(3)] == ["merged an hour", "merged a day", "nothing to do"]

    (path,) = (tmp_path / "tiers" / FOLDER).iterdir()
    file = MinutesFile.open(str(path))
    (memory,) = file.read("memory.current")
    file.close()
    assert ((memory.time_ms - START_MS) // 60_000).tolist() == [0, 60]
    assert (memory.count.tolist(), memory.max.tolist()) == ([3, 1], [7, 5])
    assert [name.partition("--")[2] for name, _ in file.block.sources] == ["PT1H.parquet"] * 2
    assert check(str(tmp_path)).problems == []


async def test_a_damaged_window_is_set_aside_and_the_others_are_merged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record_and_close(tmp_path, tick(0), tick(100))
    path = tmp_path / FOLDER / SECOND
    content = bytearray(path.read_bytes())
    content[WindowFile.open(str(path)).block.columns["memory.current"].pages[0].offset + 12] ^= 1
    path.write_bytes(content)
    task = merging(tmp_path)

    assert [await task.merge_next() for _ in range(2)] == ["set aside", "merged an hour"]
    assert names(tmp_path) == [f"bad-{SECOND}", MERGED]
    assert (tmp_path / FOLDER / f"bad-{SECOND}").read_bytes() == content
    assert recorded(tmp_path / FOLDER / MERGED) == {0: 1.0}
    assert check(str(tmp_path)).problems == []
    assert "cannot read a file; merging its hour without it" in caplog.messages


async def test_a_file_that_is_not_of_fgm_leaves_its_hour_as_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record_and_close(tmp_path, tick(0), tick(3600))
    (tmp_path / FOLDER / SECOND).write_bytes(b"PAR1" * 10)
    before = names(tmp_path)
    task = merging(tmp_path)

    assert [await task.merge_next() for _ in range(3)] == ["merged an hour", "not merged", "nothing to do"]
    assert set(before) - set(names(tmp_path)) == {"metrics-20251230T170000Z.parquet"}
    assert caplog.messages == ["cannot merge an hour"]


async def test_an_hour_of_two_intervals_stays_and_is_tried_again_if_its_files_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record_and_close(tmp_path, tick(0))
    (journal,) = record(tmp_path, tick(100), header=replace(HEADER, interval_ms=5000))
    close_window(journal, 3)
    task = merging(tmp_path)

    assert [await task.merge_next() for _ in range(2)] == ["not merged", "nothing to do"]
    assert caplog.messages == ["cannot merge an hour"]
    os.unlink(tmp_path / FOLDER / SECOND)
    assert await task.merge_next() == "merged an hour"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


async def test_a_full_disk_costs_nothing(small_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    record_and_close(small_disk, *(tick(second, float(second)) for second in range(0, 300, 7)))
    before = {name: (small_disk / FOLDER / name).read_bytes() for name in names(small_disk)}
    others = small_disk / "dt=2025-12-30" / "others"
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    others.write_bytes(bytes(free - (8 << 10)))

    assert await merging(small_disk).merge_next() == "not merged"
    assert {name: (small_disk / FOLDER / name).read_bytes() for name in names(small_disk)} == before
    assert "No space left on device" in str(caplog.records[-1].__dict__)
    os.unlink(others)
    assert await merging(small_disk).merge_next() == "merged an hour"
    assert names(small_disk) == [MERGED]


async def test_stopping_ends_the_child_process_and_leaves_nothing(tmp_path: Path, pressed_node: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    record_and_close(data_dir, *(tick(second) for second in range(0, 450, 90)))
    before, others = names(data_dir), set(children(os.getpid()))  # such as a viewer that several files of tests use
    with anyio.fail_after(40):
        async with anyio.create_task_group() as group:
            group.start_soon(merging(data_dir, str(pressed_node)).merge_next)
            await wait_for(lambda: set(children(os.getpid())) - others)
            await anyio.sleep(0.5)
            group.cancel_scope.cancel()

    assert set(children(os.getpid())) <= others
    assert names(data_dir) == before


KILLED = """
import sys, anyio
from fgm.clock import SystemClock
from fgm.collector.merging import merging_task
merging_task.lacking = lambda _: None
anyio.run(merging_task.Merging(sys.argv[1], SystemClock(), anyio.Lock(), 3, sys.argv[2]).merge_next)
"""


def test_a_killed_collector_leaves_no_child_process(tmp_path: Path, pressed_node: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    record_and_close(data_dir, *(tick(second) for second in range(0, 450, 90)))
    with subprocess.Popen([sys.executable, "-c", KILLED, str(data_dir), str(pressed_node)]) as collector:
        while not (started := children(collector.pid)):
            time.sleep(LOOK_AGAIN_S)
        time.sleep(0.5)
        collector.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(Path("/proc", str(pid)).exists() for pid in started):
        assert time.monotonic() < deadline, "the child process still runs"
        time.sleep(LOOK_AGAIN_S)
    task = merging(data_dir)
    assert anyio.run(task.merge_next) == "merged an hour"

    assert names(data_dir) == [MERGED]


async def test_a_node_under_pressure_is_left_in_peace(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "proc" / "pressure").mkdir(parents=True)
    (tmp_path / "proc" / "pressure" / "memory").write_text(UNDER_PRESSURE)
    (tmp_path / "data").mkdir()
    record_and_close(tmp_path / "data", tick(0))
    task = merging(tmp_path / "data", str(tmp_path / "proc"))
    with caplog.at_level(logging.INFO):
        assert [await task.merge_next() for _ in range(2)] == ["under pressure"] * 2

    assert caplog.messages == ["merging waits, because the node is under pressure"]
    assert names(tmp_path / "data") == [FIRST]


async def test_a_collector_merges_while_it_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging_task, "START_S", 0.0)
    host = Host(tmp_path)

    def prepare() -> None:
        for path in Path(host.settings.proc_root, "pressure").iterdir():  # when it was captured, the host was busy
            path.unlink()
        host.data_dir.mkdir()
        record_and_close(host.data_dir, tick(0), tick(100))

    await to_thread.run_sync(prepare)
    await host.run_until(lambda: names(host.data_dir) == [MERGED])

    assert check(str(host.data_dir)).problems == []
