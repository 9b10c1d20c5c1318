"""One collector has the lock of a data directory, and each obstacle is reported with advice."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fgm.store.directory.lock import DirectoryLock, _unusable
from fgm.store.errors import AlreadyRunningError, DataDirectoryError

HOLDER = """
import sys
from fgm.store.directory.lock import DirectoryLock
with DirectoryLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that holds the lock until its standard input is closed."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_data_directory_is_made_and_locked_with_the_pid_in_the_file(tmp_path: Path) -> None:
    data_dir = tmp_path / "a" / "data"

    with DirectoryLock(str(data_dir)):
        assert (data_dir / ".lock").read_text() == f"{os.getpid()}\n"
        assert stat.S_IMODE((data_dir / ".lock").stat().st_mode) == 0o644
        assert os.listdir(data_dir) == [".lock"]


def test_a_second_collector_is_refused_with_the_pid_of_the_first(
    tmp_path: Path, holder: "subprocess.Popen[str]"
) -> None:
    waits: list[float] = []

    with pytest.raises(AlreadyRunningError) as caught:
        DirectoryLock(str(tmp_path)).acquire(10, waits.append)

    assert caught.value.pid == holder.pid
    assert str(holder.pid) in str(caught.value)
    assert sum(waits) == pytest.approx(10)


def test_a_collector_waits_for_one_that_is_just_ending(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    lock = DirectoryLock(str(tmp_path))

    lock.acquire(10, lambda _: holder.communicate())

    assert (tmp_path / ".lock").read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_killed_collector_does_not_keep_the_lock(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    holder.kill()
    holder.wait()

    with DirectoryLock(str(tmp_path)).acquire(0):
        assert (tmp_path / ".lock").read_text() == f"{os.getpid()}\n"


def test_children_do_not_inherit_the_lock(tmp_path: Path) -> None:
    lock = DirectoryLock(str(tmp_path)).acquire(0)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False) as child:
        lock.release()

        with DirectoryLock(str(tmp_path)).acquire(0):
            assert child.poll() is None
            child.kill()


def test_a_lock_without_a_number_is_still_a_lock(tmp_path: Path) -> None:
    with DirectoryLock(str(tmp_path)):
        (tmp_path / ".lock").write_text("")

        with pytest.raises(AlreadyRunningError, match="another collector already records") as caught:
            DirectoryLock(str(tmp_path)).acquire(0)

    assert caught.value.pid is None


def test_a_file_in_the_place_of_the_directory_is_reported_with_advice(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")

    for data_dir in (tmp_path / "data", tmp_path / "data" / "below"):
        with pytest.raises(DataDirectoryError, match="move that file away"):
            DirectoryLock(str(data_dir)).acquire(0)


def test_a_directory_without_write_permission_is_reported_with_advice(tmp_path: Path) -> None:
    """Root may write anywhere, so it takes off that right for a moment."""
    shut = tmp_path / "shut"
    shut.mkdir()
    (shut / ".lock").touch(0o666)
    (shut / ".lock").chmod(0o666)
    shut.chmod(0o555)
    is_root = os.geteuid() == 0
    if is_root:
        os.chmod(tmp_path, 0o755)
        os.chown(shut / ".lock", 65534, 65534)
        os.seteuid(65534)
    try:
        with pytest.raises(DataDirectoryError, match="Permission denied; let this user write there") as caught:
            DirectoryLock(str(shut)).acquire(0)
    finally:
        if is_root:
            os.seteuid(0)
        shut.chmod(0o755)

    assert caught.value.path == str(shut)


def test_a_read_only_file_system_is_reported_with_advice() -> None:
    error = _unusable("/data", OSError(errno.EROFS, os.strerror(errno.EROFS)))

    assert str(error) == (
        "cannot record into /data: Read-only file system; "
        "mount it writable, or choose another directory with --data-dir"
    )
