"""Retention removes windows, merged hours and minutes while hours are merged, and keeps what is newest."""

import os
from pathlib import Path

import pytest

from fgm.collector.merging import publishing
from fgm.collector.merging.child.hour_merge import merge_hour
from fgm.collector.merging.due_jobs import DueJobs
from fgm.collector.retention.cleaner import Cleaner
from fgm.collector.retention.inventory import Inventory
from fgm.collector.retention.limits import Budget, Limits
from fgm.collector.sizes import FreeSpace
from fgm.store.check.directory_check import check
from fgm.store.check.report import LEFT_OVER
from fgm.store.directory import layout
from fgm.store.stat.directory_stat import add_up, stored_files
from tests.support.collector.windows import FOLDER, START_MS, record_and_close, tick

HOURS = 4
TICK_S = 50
NS = 1_000_000


def budget_of(max_bytes: int) -> Budget:
    return Budget(max_bytes, 14 * layout.DAY_MS)


def merge_due(data_dir: Path, now_ms: int) -> int:
    """Do all jobs that are due; return their number."""
    jobs, done = DueJobs(str(data_dir), 3), 0
    while (job := jobs.next(now_ms * NS, 0.0)) is not None:
        publishing.publish(str(data_dir), merge_hour(job))
        done += 1
    return done


def samples(data_dir: Path) -> tuple[int, int, int]:
    """Return the number of rows, and the seconds of the first and last one after START_MS."""
    stat = add_up(stored_files(str(data_dir)))
    assert stat.first_ms is not None
    assert stat.last_ms is not None
    return stat.total.rows, (stat.first_ms - START_MS) // 1000, (stat.last_ms - START_MS) // 1000


def test_a_small_budget_keeps_the_newest_samples_and_the_minutes_of_earlier_ones(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0))
    (window,) = (tmp_path / FOLDER).glob("metrics-*")
    size = max(window.stat().st_size, window.stat().st_blocks * 512)
    limits = Limits(budget_of(43 * size), budget_of(1 << 30), FreeSpace())
    cleaner, inventory = Cleaner(str(tmp_path), limits), Inventory(str(tmp_path))
    merged, removed, earliest_ms = 0, 0, None
    for second in range(TICK_S, HOURS * 3600, 300):
        record_and_close(tmp_path, *(tick(second + more) for more in range(0, 300, TICK_S)))
        now_ms = START_MS + (second + 300) * 1000
        merged += merge_due(tmp_path, now_ms)
        removal = cleaner.remove_old(now_ms * NS, None)
        removed += removal.files
        earliest_ms = removal.earliest_ms or earliest_ms
        assert inventory.count(now_ms * NS).raw_bytes <= limits.raw.max_bytes
    report = check(str(tmp_path))
    rows, first_s, last_s = samples(tmp_path)

    assert report.problems == []
    assert (merged, report.counts["files of minutes"]) == (HOURS - 1, HOURS - 1)
    assert removed > 0
    assert last_s == HOURS * 3600
    assert first_s > 0
    assert rows == (last_s - first_s) // TICK_S + 1
    assert earliest_ms == START_MS  # that of the minutes


@pytest.mark.parametrize("is_merged_again", [False, True])
def test_a_source_that_retention_removes_during_a_merge_costs_only_itself(
    tmp_path: Path, *, is_merged_again: bool
) -> None:
    record_and_close(tmp_path, *(tick(second) for second in range(0, 3600, TICK_S)))
    now_ms = START_MS + 2 * layout.HOUR_MS
    if is_merged_again:
        merge_due(tmp_path, now_ms)
        record_and_close(tmp_path, tick(5), tick(95))
    job = DueJobs(str(tmp_path), 3).next(now_ms * NS, 0.0)
    assert job is not None
    outcome = merge_hour(job)
    oldest = tmp_path / FOLDER / job.windows[0]
    used = Inventory(str(tmp_path)).count(now_ms * NS)
    limits = Limits(budget_of(used.raw_bytes - 1), budget_of(1 << 30), FreeSpace())
    assert Cleaner(str(tmp_path), limits).remove_old(now_ms * NS, None).files == 1
    assert not oldest.exists()

    with pytest.raises((publishing.ChangedError, FileNotFoundError)):
        publishing.publish(str(tmp_path), outcome)
    DueJobs(str(tmp_path), 3).clean()
    assert check(str(tmp_path)).problems == []
    assert merge_due(tmp_path, now_ms) == 1
    rows, first_s, last_s = samples(tmp_path)
    assert (first_s, last_s) == ((0 if is_merged_again else 100), 3550)
    assert rows == (71 if is_merged_again else 70)


def test_a_merged_hour_and_what_a_kill_left_of_its_windows_are_removed_in_that_order(tmp_path: Path) -> None:
    """The windows are older than the hour, and their samples are in it: their removal loses nothing."""
    record_and_close(tmp_path, *(tick(second) for second in range(0, 3600, 300)), tick(3600))
    now_ms = START_MS + 2 * layout.HOUR_MS - 1
    copies = {path: path.read_bytes() for path in (tmp_path / FOLDER).glob("metrics-20251230T16*")}
    merge_due(tmp_path, now_ms)
    for path, content in copies.items():
        path.write_bytes(content)
        os.chmod(path, 0o644)
    report = check(str(tmp_path))
    assert (report.problems, report.counts[LEFT_OVER]) == ([], len(copies))
    hour = tmp_path / FOLDER / layout.hour_name(START_MS)
    before = samples(tmp_path)

    used = Inventory(str(tmp_path)).count(now_ms * NS)
    size = sum(max(path.stat().st_size, path.stat().st_blocks * 512) for path in copies)
    for less, has_hour in ((size, True), (size + 1, False)):
        limits = Limits(budget_of(used.raw_bytes - less), budget_of(1 << 30), FreeSpace())
        Cleaner(str(tmp_path), limits).remove_old(now_ms * NS, None)
        assert hour.exists() == has_hour
        if has_hour:
            assert samples(tmp_path) == before
    assert samples(tmp_path)[0] == 1
    assert check(str(tmp_path)).problems == []
