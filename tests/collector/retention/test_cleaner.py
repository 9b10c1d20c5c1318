"""The cleaner removes old data and nothing else, from a real directory."""

import logging
import os
import tempfile
from pathlib import Path

import pytest

from fgm.collector.retention.cleaner import Cleaner, Removal
from fgm.collector.retention.limits import Budget, Excess, Limits
from fgm.collector.sizes import FreeSpace
from fgm.store.check.directory_check import check
from fgm.store.directory import layout
from fgm.store.parquet.block import pack_block
from tests.support.collector.windows import START_MS, record_and_close, tick

pytestmark = [pytest.mark.dates]

DAY_MS = layout.DAY_MS
WINDOW_MS = 90_000
ROOMY_BUDGET = Budget(1 << 40, 14 * DAY_MS)
ROOMY = Limits(ROOMY_BUDGET, ROOMY_BUDGET, FreeSpace())


def limits(max_bytes: int, max_age_ms: int = DAY_MS, min_free_share: float = 0) -> Limits:
    """Return limits of raw data."""
    return Limits(Budget(max_bytes, max_age_ms), ROOMY_BUDGET, FreeSpace(share=min_free_share))


def remove_old(
    data_dir: Path, within: Limits = ROOMY, now_ms: int = START_MS + 3600_000, spared: str | None = None
) -> Removal:
    return Cleaner(str(data_dir), within).remove_old(now_ms * 1_000_000, spared)


def windows(data_dir: Path, count: int) -> list[Path]:
    """Record a number of windows with one tick each, oldest first."""
    record_and_close(data_dir, *(tick(90 * i) for i in range(count)))
    return sorted(data_dir.glob("dt=*/*/metrics-*"))


def names(data_dir: Path) -> list[str]:
    return sorted(path.name for path in data_dir.glob("dt=*/*/*"))


def allocated(path: Path) -> int:
    return max(path.stat().st_size, path.stat().st_blocks * 512)


def minutes(data_dir: Path, *names: str, day: str = "dt=2025-12-30") -> list[Path]:
    """Write files with the names of minutes and the mark of fgm."""
    folder = data_dir / "tiers" / day / "identifier=worker-3"
    folder.mkdir(parents=True, exist_ok=True)
    footer = b"no more than a mark"
    for name in names:
        block = pack_block({}, footer) + footer + len(footer).to_bytes(4, "little")
        (folder / name).write_bytes(b"PAR1" + bytes(5000) + block + b"PAR1")
    return [folder / name for name in names]


JOURNAL_HEAD = b"\x10\0\0\0....H and the rest is torn"


def test_the_oldest_windows_are_removed_until_the_rest_is_small_enough(tmp_path: Path) -> None:
    files = windows(tmp_path, 4)
    room_for_two = sum(map(allocated, files[2:]))
    removal = remove_old(tmp_path, limits(room_for_two))

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
    remove_old(tmp_path, limits(0), spared=str(journal))

    assert names(tmp_path) == [events.name, journal.name]


def test_old_data_is_removed_if_other_programs_fill_the_disk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = windows(tmp_path, 2)
    cleaner = Cleaner(str(tmp_path), limits(1 << 40, min_free_share=0.999))
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
    remove_old(tmp_path, limits(1 << 40, 150_000), now_ms)
    assert not files[0].exists()
    assert all(path.exists() for path in (*ahead, files[1]))

    room_for_one = Budget(allocated(files[1]), DAY_MS), Budget(4096, DAY_MS)
    remove_old(tmp_path, Limits(*room_for_one, FreeSpace()), now_ms)
    assert {path.parent.parent.name for path in tmp_path.glob("dt=*/*/*")} == {"dt=2025-12-30"}
    assert names(tmp_path) == ["events.jsonl", files[1].name]


def test_a_clock_that_is_behind_does_not_remove_what_is_recorded_now(tmp_path: Path) -> None:
    """On a node that has just booted, all earlier data may seem to be in the future."""
    before = windows(tmp_path, 3)
    record_and_close(tmp_path, tick(-10 * 86_400))
    (now,) = set(tmp_path.glob("dt=*/*/metrics-*")) - set(before)
    remove_old(tmp_path, limits(sum(map(allocated, before))), START_MS - 10 * DAY_MS)

    assert sorted(tmp_path.glob("dt=*/*/metrics-*")) == [now, *before[1:]]


HOURS = ("minutes-20251230T150000Z--PT1H.parquet", "minutes-20251230T160000Z--PT1H.parquet")


def test_each_store_has_a_budget_of_its_own(tmp_path: Path) -> None:
    files, (first, second) = windows(tmp_path, 4), minutes(tmp_path, *HOURS)
    remove_old(tmp_path, Limits(ROOMY_BUDGET, Budget(allocated(second), DAY_MS), FreeSpace()))
    assert (first.exists(), second.exists(), len(names(tmp_path))) == (False, True, 4)

    removal = remove_old(tmp_path, limits(allocated(files[3])))
    assert (names(tmp_path), second.exists()) == ([files[3].name], True)
    assert removal.earliest_ms == START_MS


def test_minutes_and_events_outlive_the_samples_until_they_are_too_old_themselves(tmp_path: Path) -> None:
    (folder,) = {path.parent for path in windows(tmp_path, 2)}
    kept = minutes(
        tmp_path, HOURS[0], "minutes-20251230T000000Z--P1D.parquet", "bad-minutes-20251230T160000Z--PT1H.parquet"
    )
    (folder / "events.jsonl").write_text('{"kind": "start"}\n')
    within = Limits(ROOMY_BUDGET, Budget(1 << 40, 180 * DAY_MS), FreeSpace())
    removal = remove_old(tmp_path, within, START_MS + 15 * DAY_MS)
    assert names(tmp_path) == ["events.jsonl"]
    assert all(path.exists() for path in kept)
    assert removal.earliest_ms == START_MS - 16 * layout.HOUR_MS

    remove_old(tmp_path, within, START_MS + 181 * DAY_MS)
    assert list(tmp_path.iterdir()) == []


def test_a_merged_hour_is_removed_after_its_windows_and_as_a_whole(tmp_path: Path) -> None:
    files = windows(tmp_path, 3)
    hour = files[0].with_name("metrics-20251230T160000Z--PT1H.parquet")
    table = files[0].with_name("processes-20251230T160000Z--PT1H.parquet")
    for path in (hour, table):
        path.write_bytes(files[0].read_bytes())
    remove_old(tmp_path, limits(allocated(hour) + allocated(table) + allocated(files[2])))
    assert names(tmp_path) == sorted([hour.name, files[2].name, table.name])

    remove_old(tmp_path, limits(1 << 40, 2 * layout.HOUR_MS), START_MS + 3 * layout.HOUR_MS - 1)
    assert names(tmp_path) == sorted([hour.name, table.name])
    remove_old(tmp_path, limits(1 << 40, 2 * layout.HOUR_MS), START_MS + 3 * layout.HOUR_MS + 1)
    assert names(tmp_path) == []


@pytest.mark.parametrize(("hours_later", "first"), [(48, "window"), (1, "minutes")])
def test_for_a_full_disk_old_samples_go_first_then_minutes_then_the_samples_of_the_last_day(
    tmp_path: Path, hours_later: int, first: str
) -> None:
    (window,), (hour,) = windows(tmp_path, 1), minutes(tmp_path, HOURS[0])
    paths = {"window": window, "minutes": hour}
    cleaner, now_ms = Cleaner(str(tmp_path), ROOMY), START_MS + hours_later * layout.HOUR_MS
    for missing_bytes, left in ((1, paths.keys() - {first}), (1 << 40, set())):
        excess = Excess(surplus_bytes=-1, missing_bytes=missing_bytes, missing_inodes=0, oldest_allowed_ms=0)
        cleaner._excesses(now_ms * 1_000_000, is_clock_trusted=True)  # counts the files
        cleaner._make_room({"raw": excess, "tiers": excess}, None, now_ms)
        assert {name for name, path in paths.items() if path.exists()} == left


def test_minutes_of_a_clock_that_was_ahead_are_removed_first(tmp_path: Path) -> None:
    (hour,) = minutes(tmp_path, HOURS[0])
    (ahead,) = minutes(tmp_path, "minutes-20260109T000000Z--P1D.parquet", day="dt=2026-01-09")
    room_for_one = Limits(ROOMY_BUDGET, Budget(allocated(hour), 14 * DAY_MS), FreeSpace())
    remove_old(tmp_path, room_for_one, START_MS)

    assert (hour.exists(), ahead.exists()) == (True, False)
    assert not ahead.parent.parent.exists()


def test_files_of_the_tiers_that_lack_the_mark_and_links_stay(tmp_path: Path) -> None:
    (marked, foreign) = minutes(tmp_path, *HOURS)
    foreign.write_bytes(b"PAR1 somebody else's PAR1")
    misplaced = tmp_path / "dt=2025-12-30" / "identifier=worker-3" / HOURS[0]
    misplaced.parent.mkdir(parents=True)
    misplaced.write_bytes(marked.read_bytes())
    strange = marked.with_name("metrics-20251230T160000Z.parquet")
    strange.write_bytes(marked.read_bytes())
    remove_old(tmp_path, now_ms=START_MS + 200 * DAY_MS)

    assert [path.exists() for path in (marked, foreign, misplaced, strange)] == [False, True, True, True]


def test_tiers_behind_a_link_stay(tmp_path: Path) -> None:
    data_dir, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    data_dir.mkdir()
    (hour,) = minutes(elsewhere, HOURS[0])
    (data_dir / "tiers").symlink_to(elsewhere / "tiers")
    remove_old(data_dir, now_ms=START_MS + 200 * DAY_MS)

    assert hour.exists()
