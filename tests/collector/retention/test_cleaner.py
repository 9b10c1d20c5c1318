"""The cleaner removes old data and nothing else, from a real directory."""

import logging
import os
import tempfile
from pathlib import Path

import pytest

from fgm.collector.retention.cleaner import Cleaner, Removal
from fgm.collector.retention.limits import Limits
from fgm.collector.sizes import FreeSpace
from fgm.store.check.directory_check import check
from fgm.store.directory import layout
from tests.support.collector.windows import START_MS, record_and_close, tick

pytestmark = [pytest.mark.dates]

DAY_MS = layout.DAY_MS
WINDOW_MS = 90_000
ROOMY = Limits(1 << 40, 14 * DAY_MS, FreeSpace())


def remove_old(
    data_dir: Path, limits: Limits = ROOMY, now_ms: int = START_MS + 3600_000, spared: str | None = None
) -> Removal:
    return Cleaner(str(data_dir), limits).remove_old(now_ms * 1_000_000, spared)


def windows(data_dir: Path, count: int) -> list[Path]:
    """Record a number of windows with one tick each, oldest first."""
    record_and_close(data_dir, *(tick(90 * i) for i in range(count)))
    return sorted(data_dir.glob("dt=*/*/metrics-*"))


def names(data_dir: Path) -> list[str]:
    return sorted(path.name for path in data_dir.glob("dt=*/*/*"))


def allocated(path: Path) -> int:
    return max(path.stat().st_size, path.stat().st_blocks * 512)


JOURNAL_HEAD = b"\x10\0\0\0....H and the rest is torn"


def test_the_oldest_windows_are_removed_until_the_rest_is_small_enough(tmp_path: Path) -> None:
    files = windows(tmp_path, 4)
    room_for_two = sum(map(allocated, files[2:]))
    removal = remove_old(tmp_path, Limits(room_for_two, DAY_MS, FreeSpace()))

    assert names(tmp_path) == [path.name for path in files[2:]]
    assert (removal.files, removal.earliest_ms) == (2, START_MS + 2 * WINDOW_MS)
    assert check(str(tmp_path)).problems == []


def test_old_files_are_removed_with_their_folders_and_with_files_that_were_set_aside(tmp_path: Path) -> None:
    (folder,) = {path.parent for path in windows(tmp_path, 2)}
    for name in (
        "bad-metrics-20251230T160000Z.parquet",
        "live-20251230T160000Z.journal.bad",
        "metrics-20251230T160000Z.parquet.tmp",
        "processes-20251230T160000Z.parquet.tmp",
    ):
        (folder / name).write_bytes(JOURNAL_HEAD if "journal" in name else b"anything")
    (folder / "metrics-20251230T160130Z.parquet").rename(folder / "superseded-20251230T160130Z-1.parquet")
    (folder / "events.jsonl").write_text('{"kind": "start"}\n')
    removal = remove_old(tmp_path, now_ms=START_MS + 15 * DAY_MS)

    assert removal.files == 7
    assert list(tmp_path.iterdir()) == []


def test_foreign_files_stay_and_are_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder,) = {path.parent for path in windows(tmp_path, 1)}
    (folder / "metrics-20251230T160130Z.parquet").write_bytes(b"PAR1 somebody else's PAR1")
    (folder / "metrics-20251230T160300Z.parquet").symlink_to("/etc/hostname")
    os.mkfifo(folder / "live-20251230T160430Z.journal")
    (folder / "live-20251230T160600Z.journal").write_bytes(b"a diary")
    (folder / "live-20251230T160730Z.journal.bad").write_bytes(b"a diary, a very bad one")
    (folder / "notes.txt").write_text("mine")
    elsewhere = tmp_path.parent / "elsewhere"
    elsewhere.mkdir()
    windows(elsewhere, 1)
    (tmp_path / "dt=2025-12-29").symlink_to(elsewhere / "dt=2025-12-30")
    cleaner = Cleaner(str(tmp_path), ROOMY)
    for _ in range(2):
        cleaner.remove_old((START_MS + 15 * DAY_MS) * 1_000_000, None)

    assert names(elsewhere) == ["metrics-20251230T160000Z.parquet"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "live-20251230T160430Z.journal",
        "live-20251230T160600Z.journal",
        "live-20251230T160730Z.journal.bad",
        "metrics-20251230T160130Z.parquet",
        "metrics-20251230T160300Z.parquet",
        "notes.txt",
    ]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_folder_that_cannot_be_listed_does_not_keep_others_from_being_cleaned() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own is not for everybody to enter
        data_dir = Path(name)
        (folder,) = {path.parent for path in windows(data_dir, 2)}
        for path in (data_dir, folder.parent, folder):
            path.chmod(0o777)
        (data_dir / "dt=2025-12-29").mkdir(mode=0o000)
        child = os.fork()
        if child == 0:
            if os.geteuid() == 0:  # root may list everything
                os.setuid(65534)
            os._exit(remove_old(data_dir, now_ms=START_MS + 15 * DAY_MS).files)

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2


def test_the_open_journal_and_todays_events_are_never_removed(tmp_path: Path) -> None:
    (folder,) = {path.parent for path in windows(tmp_path, 1)}
    journal, events = folder / "live-20251230T160130Z.journal", folder / "events.jsonl"
    journal.write_bytes(b"")
    events.write_bytes(b"{}\n")
    remove_old(tmp_path, Limits(0, DAY_MS, FreeSpace()), spared=str(journal))

    assert names(tmp_path) == [events.name, journal.name]


def test_old_data_is_removed_if_other_programs_fill_the_disk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = windows(tmp_path, 2)
    cleaner = Cleaner(str(tmp_path), Limits(1 << 40, DAY_MS, FreeSpace(share=0.999)))
    for _ in range(2):
        cleaner.remove_old((START_MS + WINDOW_MS) * 1_000_000, str(files[1]))

    assert names(tmp_path) == [files[1].name]
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == [
        "the disk is nearly full; removing old data early"
    ]


def test_folders_that_have_been_empty_for_a_while_are_removed(tmp_path: Path) -> None:
    empty = tmp_path / "dt=2025-12-28" / "identifier=older-pod"
    empty.mkdir(parents=True)
    (tmp_path / "dt=2025-12-29").mkdir()
    made_ns = max(path.stat().st_mtime_ns for path in tmp_path.rglob("*"))
    cleaner = Cleaner(str(tmp_path), ROOMY)
    cleaner.remove_old(made_ns + 10**9, None)
    assert empty.exists()
    cleaner.remove_old(made_ns + 10**10, None)

    assert list(tmp_path.iterdir()) == []


def test_a_missing_data_directory_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cleaner = Cleaner(str(tmp_path / "data"), ROOMY)
    for _ in range(2):
        cleaner.remove_old(START_MS * 1_000_000, None)

    assert [record.getMessage() for record in caplog.records] == ["cannot remove old data"]


@pytest.mark.parametrize("ahead_ms", [2 * layout.HOUR_MS, 10 * DAY_MS])
def test_files_of_a_clock_that_was_ahead_are_removed_first_for_space_and_never_for_age(
    tmp_path: Path, ahead_ms: int
) -> None:
    now_ms = START_MS + 200_000
    files = windows(tmp_path, 2)
    record_and_close(tmp_path, *(tick(ahead_ms // 1000 + 90 * i) for i in range(2)))
    for day in tmp_path.glob("dt=*"):
        (day / "identifier=worker-3" / "events.jsonl").write_bytes(b"{}\n")
    ahead = sorted(set(tmp_path.glob("dt=*/*/metrics-*")) - set(files))
    remove_old(tmp_path, Limits(1 << 40, 150_000, FreeSpace()), now_ms)
    assert not files[0].exists()
    assert all(path.exists() for path in (*ahead, files[1]))

    remove_old(tmp_path, Limits(allocated(files[1]) + 4096, DAY_MS, FreeSpace()), now_ms)
    assert {path.parent.parent.name for path in tmp_path.glob("dt=*/*/*")} == {"dt=2025-12-30"}
    assert names(tmp_path) == ["events.jsonl", files[1].name]


def test_a_clock_that_is_behind_does_not_remove_what_is_recorded_now(tmp_path: Path) -> None:
    """On a node that has just booted, all earlier data may seem to be in the future."""
    before = windows(tmp_path, 3)
    record_and_close(tmp_path, tick(-10 * 86_400))
    (now,) = set(tmp_path.glob("dt=*/*/metrics-*")) - set(before)
    remove_old(tmp_path, Limits(sum(map(allocated, before)), DAY_MS, FreeSpace()), START_MS - 10 * DAY_MS)

    assert sorted(tmp_path.glob("dt=*/*/metrics-*")) == [now, *before[1:]]
