"""Rows of processes become files next to the metrics of the window, once each."""

import logging
import shutil
from pathlib import Path

import pytest

from fgm.collector.processes import detail_recorder
from fgm.collector.processes.detail_recorder import DetailRecorder
from fgm.store.check.directory_check import check
from fgm.store.samples.header import FileHeader
from fgm.store.tables import process_tables
from fgm.store.tables.table_journal import TableJournal
from fgm.store.tables.table_rows import ProcessRow, RegionRow

HEADER = FileHeader("worker-3", "worker-3", 1000, 90)
START_MS = 1_767_110_400_000  # 2025-12-30T16:00:00Z
FOLDER = "dt=2025-12-30/identifier=worker-3"


def process(second: int, pid: int = 7) -> ProcessRow:
    return ProcessRow(
        START_MS + second * 1000, "c" * 64, None, "pod", "ns", None, pid, START_MS - 5, "app", 1e6, 4096.0, 3.0, None
    )


def region(second: int) -> RegionRow:
    names = ("c" * 64, None, "pod", "ns", None)
    return RegionRow(START_MS + second * 1000, *names, 7, START_MS - 5, "app", "[heap]", 5.0, 4.0, 3.0, 2.0, 1.0)


def files(data_dir: Path) -> dict[str, list[int]]:
    """Return the recorded files with the seconds of their rows."""
    found = sorted((data_dir / FOLDER).glob("[!b]*.parquet"))
    rows = {path.name: process_tables.rows(str(path)) for path in found}
    return {name: sorted((row.time_ms - START_MS) // 1000 for row in rows[name]) for name in rows}


def test_each_window_has_a_file_for_each_kind_of_rows(tmp_path: Path) -> None:
    recorder = DetailRecorder(str(tmp_path), HEADER)
    for second in (80, 85, 95):
        recorder.close_before(START_MS + second * 1000)
        recorder.add("processes", [process(second), process(second, 8)])
    recorder.add("regions", [region(95)])
    recorder.add("regions", [])
    assert files(tmp_path) == {"processes-20251230T160000Z.parquet": [80, 80, 85, 85]}
    recorder.close()

    assert files(tmp_path) == {
        "processes-20251230T160000Z.parquet": [80, 80, 85, 85],
        "processes-20251230T160130Z.parquet": [95, 95],
        "regions-20251230T160130Z.parquet": [95],
    }
    assert check(str(tmp_path)).problems == []


def test_late_rows_and_those_of_an_earlier_run_are_in_the_file_of_the_window(tmp_path: Path) -> None:
    for second in (0, 30):
        recorder = DetailRecorder(str(tmp_path), HEADER)
        recorder.add("processes", [process(second)])
        recorder.close()
    recorder.add("processes", [process(100)])
    recorder.add("processes", [process(89)])
    recorder.close_before(START_MS + 100_000)

    assert files(tmp_path) == {"processes-20251230T160000Z.parquet": [0, 30, 89]}


def test_a_killed_recorder_loses_no_row_and_the_next_run_makes_the_tables(tmp_path: Path) -> None:
    killed = DetailRecorder(str(tmp_path), HEADER)
    killed.add("processes", [process(0)])
    killed.add("regions", [region(0)])
    killed.add("processes", [process(100)])
    assert files(tmp_path) == {}
    assert check(str(tmp_path)).problems == []
    recorder = DetailRecorder(str(tmp_path), HEADER)
    recorder.close_before(START_MS + 110_000)
    recorder.add("processes", [process(110)])
    assert files(tmp_path) == {}  # the first tick does not wait
    recorder.close_before(START_MS + 180_000)

    assert files(tmp_path) == {
        "processes-20251230T160000Z.parquet": [0],
        "processes-20251230T160130Z.parquet": [100, 110],
        "regions-20251230T160000Z.parquet": [0],
    }
    assert list(tmp_path.glob("dt=*/*/*.journal")) == []
    assert check(str(tmp_path)).problems == []


def test_a_kill_between_the_table_and_the_removal_of_its_journal_gives_each_row_once(tmp_path: Path) -> None:
    recorder = DetailRecorder(str(tmp_path), HEADER)
    recorder.add("processes", [process(0), process(0, 8)])
    (journal,) = tmp_path.glob("dt=*/*/*.journal")
    content = journal.read_bytes()
    recorder.close()
    journal.write_bytes(content)
    after = DetailRecorder(str(tmp_path), HEADER)
    after.add("processes", [process(10)])
    after.close()

    assert files(tmp_path) == {"processes-20251230T160000Z.parquet": [0, 0, 10]}


@pytest.mark.parametrize("content", [b"", b"\x40\0\0\0torn"])
def test_a_journal_without_rows_is_removed(tmp_path: Path, content: bytes) -> None:
    """A kill, or a full disk, has left it before its first row."""
    journal = tmp_path / FOLDER / "processes-20251230T160000Z.journal"
    journal.parent.mkdir(parents=True)
    journal.write_bytes(content)
    recorder = DetailRecorder(str(tmp_path), HEADER)
    recorder.add("processes", [process(100)])
    recorder.close_before(START_MS + 100_000)
    recorder.close_before(START_MS + 200_000)

    assert files(tmp_path) == {"processes-20251230T160130Z.parquet": [100]}
    assert not journal.exists()


def test_a_journal_with_malformed_rows_is_kept_next_to_the_new_table(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its checksums are right: another program has written it. The rows before are good."""
    journal = tmp_path / FOLDER / "processes-20251230T160000Z.journal"
    journal.parent.mkdir(parents=True)
    writer = TableJournal(str(journal), "processes", HEADER)
    writer.append([process(0)])
    writer.append([process(1)._replace(pid="seven")])  # type: ignore[arg-type] # the fault
    writer.close()
    recorder = DetailRecorder(str(tmp_path), HEADER)
    recorder.add("processes", [process(100)])
    recorder.close_before(START_MS + 100_000)
    recorder.close_before(START_MS + 200_000)

    assert [*files(tmp_path).values()] == [[0], [100]]
    assert [path.name for path in journal.parent.glob("*.journal")] == [f"bad-{journal.name}"]
    assert len(caplog.records) == 1


def test_rows_go_on_in_a_new_journal_after_the_folder_was_removed(tmp_path: Path) -> None:
    recorder = DetailRecorder(str(tmp_path), HEADER)
    recorder.add("processes", [process(0)])
    shutil.rmtree(tmp_path / "dt=2025-12-30")
    recorder.add("processes", [process(10)])
    recorder.close()

    assert files(tmp_path) == {"processes-20251230T160000Z.parquet": [10]}


def test_an_unreadable_earlier_file_is_kept_next_to_the_new_one(tmp_path: Path) -> None:
    recorder = DetailRecorder(str(tmp_path), HEADER)
    recorder.add("processes", [process(0)])
    recorder.close()
    path = tmp_path / FOLDER / "processes-20251230T160000Z.parquet"
    damaged = bytearray(path.read_bytes())
    damaged[40] ^= 1
    path.write_bytes(damaged)
    recorder.add("processes", [process(10)])
    recorder.close()

    assert files(path.parents[2]).keys() == {path.name}
    assert path.with_name(f"bad-{path.name}").read_bytes() == damaged
    assert process_tables.rows(str(path)) == [process(10)]


def test_a_failed_write_is_logged_and_costs_only_its_own_window(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = DetailRecorder(str(tmp_path), HEADER)
    (tmp_path / "dt=2025-12-30").write_text("a file in the folder's place")
    recorder.add("processes", [process(0)])
    with caplog.at_level(logging.ERROR):
        recorder.close()
    (tmp_path / "dt=2025-12-30").unlink()
    recorder.add("processes", [process(90)])
    recorder.close()

    assert [record.getMessage() for record in caplog.records] == ["cannot record a process table"]
    assert files(tmp_path) == {"processes-20251230T160130Z.parquet": [90]}


def test_rows_beyond_the_maximum_are_dropped_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detail_recorder, "MAX_ROWS", 100)
    recorder = DetailRecorder(str(tmp_path), HEADER)
    with caplog.at_level(logging.WARNING):
        for group in range(12):
            count = detail_recorder.MAX_ROWS // 10
            recorder.add("processes", [process(0, 1 + group * count + i) for i in range(count)])
    recorder.close()
    (times,) = files(tmp_path).values()

    assert len(times) == detail_recorder.MAX_ROWS
    assert len(caplog.records) == 1
