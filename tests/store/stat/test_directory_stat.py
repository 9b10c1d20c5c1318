"""The sums of a directory count each file and each sample once, and agree with an independent reader."""

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fgm.store.stat.directory_stat import DirectoryStat, add_up, stored_files
from fgm.store.stat.session_limits import SessionLimits, read_limits
from fgm.store.stat.stat_json import to_json
from fgm.store.stat.stat_text import ASCII, lines
from tests.support.collector.windows import FIRST, FOLDER, START_MS, merge, record, record_and_close, tick

DAY = "2025-12-30"


def stat_of(data_dir: Path) -> DirectoryStat:
    return add_up(stored_files(str(data_dir)))


def values_of(*paths: Path) -> dict[str, int]:
    """Return the number of values of each numeric column, as pyarrow counts them."""
    counts: dict[str, int] = {}
    for path in paths:
        table = pq.read_table(path)
        for name, column in zip(table.column_names, table.columns, strict=True):
            counts[name] = counts.get(name, 0) + len(column) - column.null_count
    return counts


def test_files_are_counted_by_day_and_kind_with_their_bytes(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0), tick(100))
    record(tmp_path, tick(200))
    folder = tmp_path / FOLDER
    minutes = tmp_path / "tiers" / FOLDER / "minutes-20251230T150000Z--PT1H.parquet"
    minutes.parent.mkdir(parents=True)
    minutes.write_bytes(b"x" * 700)
    (folder / "events.jsonl").write_bytes(b"{}\n")
    (folder / "processes-20251230T160000Z.parquet").write_bytes(b"x" * 10)
    (folder / "labelled-20251230T150000Z--PT1H.parquet").write_bytes(b"x" * 20)
    (folder / f"bad-{FIRST}").write_bytes(b"x" * 5)
    (folder / "notes.txt").write_bytes(b"x")
    stat = stat_of(tmp_path)

    sums = stat.days[DAY]
    assert dict(sums.files) == {
        "windows": 2, "journals": 1, "minutes": 1, "events": 1, "tables": 2, "set aside": 1, "other": 1,
    }  # fmt: skip
    assert sums.size_bytes["windows"] == sum(path.stat().st_size for path in folder.glob("metrics-*"))
    assert (sums.size_bytes["minutes"], sums.size_bytes["tables"], sums.size_bytes["events"]) == (700, 30, 3)
    assert (stat.first_ms, stat.last_ms) == (START_MS, START_MS + 100_000)
    assert (stat.minutes_first_ms, stat.writers) == (START_MS - 3_600_000, {"worker-3"})


def test_values_are_those_that_another_reader_finds(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0), tick(1), tick(100))
    stat = stat_of(tmp_path)
    expected = values_of(*(tmp_path / FOLDER).glob("metrics-*"))

    assert {name: column.values for name, column in stat.metrics.items()} == {
        name: count for name, count in expected.items() if name in stat.metrics
    }
    assert stat.total.values == sum(column.values for name, column in stat.metrics.items() if name != "late_us")
    assert len(stat.metrics) > 100
    assert stat.total.rows == 3
    assert 0 < sum(column.size_bytes for column in stat.metrics.values()) < stat.total.sample_bytes


def test_a_damaged_file_is_named_and_its_bytes_count(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0), tick(100))
    path = tmp_path / FOLDER / FIRST
    path.write_bytes(b"PAR1 damaged PAR1")
    stat = stat_of(tmp_path)

    assert stat.unreadable == [str(path)]
    assert (stat.total.rows, stat.total.files["windows"]) == (1, 2)
    assert any("1 metrics files are damaged" in line for line in lines(stat, SessionLimits(), 3))


def test_the_share_of_merged_values_and_the_text(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0), tick(1), tick(100))
    merge(tmp_path)
    record_and_close(tmp_path, tick(3600))
    (tmp_path / "session.json").write_text('{"flags": {"retention_bytes": 4294967296}}')
    stat = stat_of(tmp_path)
    text = list(lines(stat, read_limits(str(tmp_path)), 2, ASCII))

    assert stat.total.merged_values * 4 == stat.total.values * 3
    assert re.fullmatch(r"on disk  samples \d+\.\d KiB of 4\.0 GiB; minutes and events 0 B", text[2])
    assert text[0] == "samples  from 2025-12-30T16:00:00Z to 2025-12-30T17:00:00Z"
    (day,) = [line for line in text if line.startswith(DAY)]
    assert day.split()[:3] == [DAY, "1", "1"]
    assert "75 %" in day
    assert set(day.rpartition("%")[2].strip()) <= set(ASCII)
    assert len({len(line) for line in text if line.startswith(("windows ", "hours ", "what "))}) == 1


def test_json_has_the_same_sums(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0))
    stat = stat_of(tmp_path)
    facts = to_json(stat)

    assert facts["total"]["values"] == facts["days"][DAY]["values"] == stat.total.values
    assert facts["total"]["bytes"]["windows"] == (tmp_path / FOLDER / FIRST).stat().st_size
    assert facts["first_sample"] == "2025-12-30T16:00:00Z"
    assert facts["metrics"]["memory.current"]["values"] == 1


def test_folders_behind_links_and_foreign_folders_are_left_out(tmp_path: Path) -> None:
    data_dir, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    elsewhere.mkdir()
    record_and_close(elsewhere, tick(0))
    data_dir.mkdir()
    (data_dir / "dt=2025-12-30").symlink_to(elsewhere / "dt=2025-12-30")
    (data_dir / "notes").mkdir()

    assert stored_files(str(data_dir)) == []
    with pytest.raises(FileNotFoundError):
        stored_files(str(tmp_path / "missing"))
