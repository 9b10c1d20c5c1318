"""The complete collector on failing disks: it keeps running, missing data is visible, and all files stay intact."""

import errno
import itertools
import logging
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from fgm.collector.sizes import FreeSpace
from fgm.store.check.directory_check import check
from tests.support.collector.host import Host
from tests.support.recorded_files import events, instants, missed_ticks, parquet_files

Mount = Callable[[str], Path]

NEARLY_FULL = "the disk is nearly full; removing old data early"
LOST = {"cannot record ticks", "journal was removed before its window was closed"}
NOT_RECORDED, RECORDED_AGAIN = "cannot record ticks", "recording ticks again"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Mount]:
    """Return a function that mounts a file system with options such as its size; skip if mounting is not allowed."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        mount_point = tmp_path / "disk"
        mount_point.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "none", str(mount_point)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        mounted.append(mount_point)
        return mount_point

    yield mount
    for mount_point in mounted:
        subprocess.run(["umount", "-l", str(mount_point)], check=True)  # a test that failed may still have files open


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def fill(path: Path) -> None:
    """Use up all free bytes."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        while True:
            os.write(fd, bytes(1 << 12))
    except OSError as error:
        assert error.errno == errno.ENOSPC  # noqa: PT017 - it is what ends the loop
    finally:
        os.close(fd)


def use_inodes(path: Path) -> None:
    """Use up all free inodes."""
    path.mkdir(exist_ok=True)
    try:
        while True:
            (path / str(len(os.listdir(path)))).touch()
    except OSError as error:
        assert error.errno == errno.ENOSPC  # noqa: PT017 - it is what ends the loop


def longest_gap_ms(data_dir: Path) -> float:
    """Return the longest time between two ticks of the node."""
    times = sorted(time_ms for path in parquet_files(data_dir) for time_ms in instants(path))
    return max(after - before for before, after in itertools.pairwise(times))


FULL: dict[str, tuple[str, Callable[[Path], None], Callable[[Path], object]]] = {
    "full": ("size=12m", fill, os.unlink),
    "no inodes": ("size=40m,nr_inodes=60", use_inodes, shutil.rmtree),
}


@pytest.mark.parametrize("kind", FULL)
async def test_a_full_disk_costs_old_data_first_then_new_data_and_never_stops_the_collector(
    tmp_path: Path,
    small_disk: Mount,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    options, use, release = FULL[kind]
    host = Host(tmp_path)
    disk = await to_thread.run_sync(small_disk, options)
    host.data_dir = disk / "data"
    host.settings = replace(host.settings, data_dir=str(host.data_dir), min_free=FreeSpace(0.15))
    others, oldest, after = disk / "others", set[Path](), list[bool]()

    def others_come_and_go() -> bool:
        files = parquet_files(host.data_dir)
        if after:
            return len(files) >= 3
        if LOST.intersection(messages(caplog)):
            release(others)
            after.append(True)
        elif others.exists() or len(files) >= 2:
            oldest.update(files[:1])
            use(others)
        return False

    with caplog.at_level(logging.INFO):
        await host.run_until(others_come_and_go)

    def check_files() -> None:
        lost = min(messages(caplog).index(words) for words in LOST.intersection(messages(caplog)))
        assert messages(caplog).index(NEARLY_FULL) < lost
        assert not any(path.exists() for path in oldest)
        if NOT_RECORDED in messages(caplog):
            assert missed_ticks(host.data_dir) >= 1
            assert longest_gap_ms(host.data_dir) < 300 or "gap" in {event.kind for event in events(host.data_dir)}
        assert check(str(host.data_dir)).problems == []

    await to_thread.run_sync(check_files)


async def test_recording_continues_in_a_data_directory_that_was_moved_away_and_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host, aside, moved_files, moved = Host(tmp_path), tmp_path / "aside", list[Path](), list[bool]()

    def move_away_and_back() -> bool:
        if not moved and len(parquet_files(host.data_dir)) >= 1:
            host.data_dir.rename(aside)
            moved.append(True)
        if aside.exists() and NOT_RECORDED in messages(caplog):
            assert not host.data_dir.exists()
            moved_files.extend(parquet_files(aside))
            aside.rename(host.data_dir)
        return RECORDED_AGAIN in messages(caplog) and len(parquet_files(host.data_dir)) >= len(moved_files) + 2

    with caplog.at_level(logging.INFO):
        await host.run_until(move_away_and_back)

    def check_files() -> None:
        times = [t for path in parquet_files(host.data_dir) for t in instants(path)]
        assert times == sorted(set(times))
        assert not list(host.data_dir.rglob("*.journal"))
        assert missed_ticks(host.data_dir) >= 1
        assert check(str(host.data_dir)).problems == []

    await to_thread.run_sync(check_files)


async def test_recording_begins_again_in_a_data_directory_that_was_removed_and_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    host, removed = Host(tmp_path), list[bool]()

    def remove_and_make() -> bool:
        if not removed and len(parquet_files(host.data_dir)) >= 1:
            host.data_dir.rename(tmp_path / "gone")
            while (tmp_path / "gone").exists():
                shutil.rmtree(tmp_path / "gone", ignore_errors=True)  # the collector may be renaming a file in it
            removed.append(True)
        if removed and not host.data_dir.exists() and NOT_RECORDED in messages(caplog):
            host.data_dir.mkdir(0o755)
        return bool(removed) and len(parquet_files(host.data_dir)) >= 2

    with caplog.at_level(logging.INFO):
        await host.run_until(remove_and_make)

    assert (await to_thread.run_sync(check, str(host.data_dir))).problems == []
    assert await anyio.Path(host.data_dir / "index.json").exists()
