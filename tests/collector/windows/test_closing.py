"""A journal becomes the file of its window exactly once, also if the window already has a file."""

import os
import resource
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest

from fgm.collector.windows.closing import close_window, set_aside
from fgm.collector.windows.tick_recorder import TickRecorder
from fgm.metrics.catalogue import COLUMNS
from fgm.store.check.directory_check import check
from fgm.store.directory.listing import data_files
from fgm.store.errors import BadFileError
from fgm.store.samples.series import Series
from fgm.store.samples.tick import Tick
from tests.support.collector.windows import (
    FIRST,
    FOLDER,
    HEADER,
    HOUR,
    START_MS,
    SUPERSEDED,
    merge,
    names,
    record,
    record_and_close,
    recorded,
    tick,
)


def test_each_window_has_a_file_named_after_its_start(tmp_path: Path) -> None:
    journals = record(tmp_path, *(tick(second) for second in range(80, 200)))
    for journal in journals:
        close_window(journal, 3)

    assert names(tmp_path) == [
        "metrics-20251230T160000Z.parquet",
        "metrics-20251230T160130Z.parquet",
        "metrics-20251230T160300Z.parquet",
    ]
    assert list(recorded(tmp_path / FOLDER / "metrics-20251230T160130Z.parquet")) == list(range(90, 180))


def test_a_restart_within_a_window_gives_one_file_with_every_tick_once(tmp_path: Path) -> None:
    window = None
    for ticks in ([tick(0), tick(1)], [tick(1, 7.0), tick(2)], [tick(5)]):
        (journal,) = record(tmp_path, *ticks)
        window = close_window(journal, 3)

    assert window is not None
    assert names(tmp_path) == ["metrics-20251230T160000Z.parquet"]
    assert recorded(Path(window.path)) == {0: 1.0, 1: 7.0, 2: 1.0, 5: 1.0}
    assert (window.first_ms, window.last_ms) == (START_MS, START_MS + 5000)


def test_a_window_recorded_twice_after_a_clock_step_is_not_mixed(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0), tick(80), tick(100), tick(60, 7.0))
    record_and_close(tmp_path, tick(70))  # this run knows of no step: it goes on with the window

    assert names(tmp_path) == [FIRST, "metrics-20251230T160130Z.parquet", SUPERSEDED.format(1)]
    assert recorded(tmp_path / FOLDER / SUPERSEDED.format(1)) == {0: 1.0, 80: 1.0}
    assert recorded(tmp_path / FOLDER / FIRST) == {60: 7.0, 70: 1.0}
    assert check(str(tmp_path)).problems == []


def test_a_clock_set_back_within_a_window_supersedes_its_first_part(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(10), tick(11), tick(5, 7.0), tick(6, 7.0), tick(90))

    assert recorded(tmp_path / FOLDER / SUPERSEDED.format(1)) == {10: 1.0, 11: 1.0}
    assert recorded(tmp_path / FOLDER / FIRST) == {5: 7.0, 6: 7.0}
    assert check(str(tmp_path)).problems == []


def test_a_clock_set_forward_within_a_window_gives_one_file(tmp_path: Path) -> None:
    (journal,) = record(tmp_path, tick(0), tick(20))
    close_window(journal, 3)

    assert names(tmp_path) == [FIRST]


def test_superseding_again_after_a_kill_changes_nothing(tmp_path: Path) -> None:
    recorder = TickRecorder(str(tmp_path), HEADER, COLUMNS, 3)
    for each in (tick(10), tick(5, 7.0)):
        closed = recorder.close_before(each.time_ms)
        if closed is not None:
            close_window(closed, 3)
        recorder.append(each)
    journal = recorder.close()
    assert journal is not None
    copy = Path(journal).read_bytes()
    for _ in range(2):  # the kill was between publishing the file and removing the journal
        close_window(journal, 3)
        Path(journal).write_bytes(copy)
    os.unlink(journal)

    assert names(tmp_path) == [FIRST, SUPERSEDED.format(1)]
    assert recorded(tmp_path / FOLDER / FIRST) == {5: 7.0}


def test_a_window_that_continues_after_its_hour_was_merged_has_all_its_rows(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0), tick(10), tick(100))
    merge(tmp_path)
    record_and_close(tmp_path, tick(10, 7.0), tick(20))

    assert names(tmp_path) == [HOUR, FIRST]
    assert recorded(tmp_path / FOLDER / FIRST) == {0: 1.0, 10: 7.0, 20: 1.0}
    assert recorded(tmp_path / FOLDER / HOUR) == {0: 1.0, 10: 1.0, 100: 1.0}


@pytest.mark.parametrize("kills", [0, 1])
def test_a_clock_set_back_into_a_merged_hour_keeps_the_earlier_rows_of_the_window(tmp_path: Path, kills: int) -> None:
    record_and_close(tmp_path, tick(0), tick(80), tick(100))
    merge(tmp_path)
    (journal,) = record(tmp_path, tick(60, 7.0))
    copy = Path(journal).read_bytes()
    for _ in range(kills):  # between copying the earlier rows and publishing the file
        close_window(journal, 3)
        (tmp_path / FOLDER / FIRST).unlink()
        Path(journal).write_bytes(copy)
    close_window(journal, 3)

    assert names(tmp_path) == [HOUR, FIRST, SUPERSEDED.format(1)]
    assert recorded(tmp_path / FOLDER / SUPERSEDED.format(1)) == {0: 1.0, 80: 1.0}
    assert recorded(tmp_path / FOLDER / FIRST) == {60: 7.0}


def test_a_merged_hour_that_cannot_be_read_costs_no_ticks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    record_and_close(tmp_path, tick(0))
    merge(tmp_path)
    (tmp_path / FOLDER / HOUR).write_bytes(b"PAR1 nonsense PAR1")
    record_and_close(tmp_path, tick(10))

    assert recorded(tmp_path / FOLDER / FIRST) == {10: 1.0}
    assert "cannot read the merged hour of a window; its earlier rows stay there" in caplog.messages


def test_a_closed_journal_gives_none_and_a_missing_one_is_an_error(tmp_path: Path) -> None:
    (journal,) = record(tmp_path, tick(0))
    close_window(journal, 3)

    assert close_window(journal, 3) is None
    (tmp_path / FOLDER / FIRST).unlink()
    with pytest.raises(FileNotFoundError):
        close_window(journal, 3)


def test_removing_the_open_journal_costs_one_tick(tmp_path: Path) -> None:
    recorder = TickRecorder(str(tmp_path), HEADER, COLUMNS, 3)
    recorder.append(tick(0))
    os.unlink(tmp_path / FOLDER / "live-20251230T160000Z.journal")
    recorder.append(tick(1))
    with pytest.raises(FileNotFoundError, match="removed, or moved away"):
        recorder.append(tick(6))
    recorder.append(tick(7))
    journal = recorder.close()
    assert journal is not None
    close_window(journal, 3)

    assert recorded(tmp_path / FOLDER / FIRST) == {7: 1.0}


def test_a_missing_data_directory_is_not_made_again(tmp_path: Path) -> None:
    """Its volume may be unmounted, and a new folder would be on another disk."""
    recorder = TickRecorder(str(tmp_path / "data"), HEADER, COLUMNS, 3)
    with pytest.raises(FileNotFoundError, match="the data directory does not exist"):
        recorder.append(tick(0))
    (tmp_path / "data").mkdir()
    recorder.append(tick(1))

    assert recorder.close() is not None


def test_a_kill_between_publishing_and_removing_the_journal_changes_nothing(tmp_path: Path) -> None:
    (journal,) = record(tmp_path, tick(0), tick(1))
    copy = Path(journal).read_bytes()
    close_window(journal, 3)
    Path(journal).write_bytes(copy)
    window = close_window(journal, 3)

    assert window is not None
    assert names(tmp_path) == ["metrics-20251230T160000Z.parquet"]
    assert recorded(Path(window.path)) == {0: 1.0, 1: 1.0}


def test_an_unreadable_earlier_file_is_set_aside_and_not_overwritten(tmp_path: Path) -> None:
    (journal,) = record(tmp_path, tick(0))
    bad = tmp_path / FOLDER / "metrics-20251230T160000Z.parquet"
    bad.write_bytes(b"PAR1 not really PAR1")
    close_window(journal, 3)

    assert names(tmp_path) == ["bad-metrics-20251230T160000Z.parquet", "metrics-20251230T160000Z.parquet"]
    assert (tmp_path / FOLDER / names(tmp_path)[0]).read_bytes() == b"PAR1 not really PAR1"
    assert recorded(bad) == {0: 1.0}


def test_an_empty_journal_leaves_no_file(tmp_path: Path) -> None:
    (journal,) = record(tmp_path, tick(0))
    whole = Path(journal).read_bytes()
    Path(journal).write_bytes(whole[: len(whole) // 2])

    assert close_window(journal, 3) is None
    assert names(tmp_path) == []


def test_a_malformed_journal_is_refused_and_can_be_set_aside(tmp_path: Path) -> None:
    (journal,) = record(tmp_path, tick(0))
    with Path(journal).open("ab") as file:
        payload = b"?what"
        file.write(struct.pack("<II", len(payload), zlib.crc32(payload)) + payload)

    with pytest.raises(BadFileError, match="unknown kind of frame"):
        close_window(journal, 3)
    assert set_aside(journal) == journal + ".bad"
    assert names(tmp_path) == ["live-20251230T160000Z.journal.bad"]
    assert list(data_files(str(tmp_path), "journal")) == []


def test_files_and_folders_are_readable_by_others_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        data_dir = tmp_path / "data"
        (journal,) = record(data_dir, tick(0))
        modes = [oct(Path(journal).stat().st_mode)]
        window = close_window(journal, 3)
    finally:
        os.umask(before)

    assert window is not None
    modes += [
        oct(Path(window.path).stat().st_mode),
        *(oct(p.stat().st_mode) for p in Path(window.path).parents[:3]),
    ]
    assert modes == ["0o100644", "0o100644", "0o40755", "0o40755", "0o40755"]


def damage(journal: str, frame: int) -> None:
    """Flip a bit within the payload of a frame, counted from 0."""
    data = bytearray(Path(journal).read_bytes())
    offset = 0
    for _ in range(frame):
        offset += 8 + int.from_bytes(data[offset : offset + 4], "little")
    data[offset + 12] ^= 1
    Path(journal).write_bytes(data)


def test_a_journal_damaged_in_the_middle_is_published_up_to_the_damage_and_kept(tmp_path: Path) -> None:
    (journal,) = record(tmp_path, *(tick(second) for second in range(5)))
    damage(journal, 4)  # header, series, ticks 0, 1 and 2
    close_window(journal, 3)

    assert names(tmp_path) == ["live-20251230T160000Z.journal.bad", "metrics-20251230T160000Z.parquet"]
    assert list(recorded(tmp_path / FOLDER / "metrics-20251230T160000Z.parquet")) == [0, 1]


def test_a_journal_damaged_in_its_header_is_never_removed(tmp_path: Path) -> None:
    (journal,) = record(tmp_path, tick(0))
    damage(journal, 0)

    with pytest.raises(BadFileError, match="damaged before its first tick"):
        close_window(journal, 3)
    assert names(tmp_path) == ["live-20251230T160000Z.journal"]


def test_a_journal_of_zeros_is_removed_and_its_window_can_be_recorded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A power loss leaves it if the file system had written the size of the file, but not its content."""
    (journal,) = record(tmp_path, tick(0))
    Path(journal).write_bytes(bytes(Path(journal).stat().st_size))

    assert close_window(journal, 3) is None
    assert list(data_files(str(tmp_path), "journal")) == []
    assert [r.getMessage() for r in caplog.records] == ["a power loss left a journal without content; removing it"]
    (journal,) = record(tmp_path, tick(1))
    Path(journal).write_bytes(bytes(Path(journal).stat().st_size))
    (journal,) = record(tmp_path, tick(2))
    assert close_window(journal, 3) is not None
    assert list(recorded(tmp_path / FOLDER / FIRST)) == [2]
    assert check(str(tmp_path)).problems == []


@pytest.mark.parametrize("frame", [0, 3])
def test_a_damaged_journal_of_the_current_window_is_set_aside_and_recording_continues(
    tmp_path: Path, frame: int
) -> None:
    (journal,) = record(tmp_path, tick(0), tick(1))
    damage(journal, frame)
    (again,) = record(tmp_path, tick(5))
    close_window(again, 3)

    assert names(tmp_path) == ["live-20251230T160000Z.journal.bad", "metrics-20251230T160000Z.parquet"]
    assert list(recorded(tmp_path / FOLDER / "metrics-20251230T160000Z.parquet")) == ([5] if frame == 0 else [0, 5])


def test_setting_aside_overwrites_no_file(tmp_path: Path) -> None:
    for _ in range(3):
        (journal,) = record(tmp_path, tick(0))
        set_aside(journal)

    assert names(tmp_path) == [f"live-20251230T160000Z.journal.bad{number}" for number in ("", ".1", ".2")]


def test_a_lack_of_descriptors_is_not_taken_for_a_damaged_file(tmp_path: Path) -> None:
    (journal,) = record(tmp_path, tick(0))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with open(os.devnull) as file:
        lowest_free = file.fileno()
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            close_window(journal, 3)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    window = close_window(journal, 3)

    assert window is not None
    assert names(tmp_path) == ["metrics-20251230T160000Z.parquet"]


def test_a_run_may_only_continue_journals_since_its_first_window(tmp_path: Path) -> None:
    recorder = TickRecorder(str(tmp_path), HEADER, COLUMNS, 3)
    own = tmp_path / FOLDER

    assert recorder.may_record(str(own / "live-20251230T160000Z.journal"), START_MS + 5000)
    assert recorder.may_record(str(own / "live-20251230T160130Z.journal"), START_MS + 5000)
    assert not recorder.may_record(str(own / "live-20251230T155830Z.journal"), START_MS + 5000)
    assert not recorder.may_record(str(own / "live-20251230T160010Z.journal"), START_MS + 5000)  # of windows of 10 s
    assert not recorder.may_record(str(tmp_path / "identifier=b" / "live-20251230T160000Z.journal"), START_MS)


def test_a_run_whose_clock_is_behind_an_earlier_run_records_its_windows_again(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(50), tick(80))
    record_and_close(tmp_path, tick(60, 7.0))
    record_and_close(tmp_path, tick(70, 7.0))

    assert names(tmp_path) == [FIRST, SUPERSEDED.format(1)]
    assert recorded(tmp_path / FOLDER / FIRST) == {60: 7.0, 70: 7.0}
    assert check(str(tmp_path)).problems == []


def test_a_clock_that_was_ahead_for_a_moment_supersedes_nothing(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0), tick(5), tick(7200), tick(9, 7.0))

    assert not list(tmp_path.glob("dt=*/*/superseded-*"))
    assert recorded(tmp_path / FOLDER / FIRST) == {0: 1.0, 5: 1.0, 9: 7.0}


def many_rows(second: int) -> Tick:
    """Return a tick of 300 series, in which every tenth value differs from the tick before."""
    series = tuple(Series("container", container_id=f"{number:064x}", node_name="worker-3") for number in range(300))
    rows = np.arange(300.0)[:, None] * np.arange(1.0, 2 + len(COLUMNS))
    rows[:, ::10] += second
    return Tick(START_MS + second * 1000, series, rows)


@pytest.mark.parametrize("runs", [1, 2])
def test_closing_needs_a_fraction_of_the_memory_of_the_rows(tmp_path: Path, runs: int) -> None:
    for run in range(runs):
        (journal,) = record(tmp_path, *(many_rows(second) for second in range(run * 40, run * 40 + 40)))
        tracemalloc.start()
        window = close_window(journal, 3)
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert window is not None
        assert window.rows == 300 * 40 * (run + 1)
        assert peak_bytes < window.rows * 8 * len(COLUMNS) / 2
    assert check(str(tmp_path)).problems == []
