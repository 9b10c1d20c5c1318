"""The check of merged hours and minutes: what a merge or a kill may leave is counted, all else is a problem."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fgm.collector.windows import columns_file
from fgm.store.check.directory_check import check
from fgm.store.check.report import LEFT_OVER, OF_ANOTHER_HOUR, REPLACING, WITHOUT_MINUTES
from fgm.store.directory import atomic
from fgm.store.minutes.day_minutes import write_day
from fgm.store.minutes.minutes_file import MinutesFile
from fgm.store.tables import process_tables
from fgm.store.tables.merged_tables import merge_tables
from fgm.store.tables.table_rows import ProcessRow
from tests.support.collector.windows import FIRST, FOLDER, HEADER, HOUR, START_MS, merge, record_and_close, tick

MINUTES = "minutes-20251230T160000Z--PT1H.parquet"
DAY = "minutes-20251230T000000Z--P1D.parquet"
TIERS = Path("tiers") / FOLDER


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A directory with a merged hour of three windows, its minutes, and a window of the next hour."""
    record_and_close(tmp_path, *(tick(second, float(second)) for second in range(200)))
    merge(tmp_path, with_minutes=True)
    record_and_close(tmp_path, tick(3600))
    columns_file.publish(str(tmp_path), 1000)
    return tmp_path


def make_day(data_dir: Path) -> None:
    hour = MinutesFile.open(str(data_dir / TIERS / MINUTES))
    out = io.BytesIO()
    write_day([hour], out, [(MINUTES, hour.fingerprint)])
    (data_dir / TIERS / DAY).write_bytes(out.getvalue())
    (data_dir / TIERS / DAY).chmod(0o644)


def test_merged_hours_and_minutes_are_in_order(data_dir: Path) -> None:
    for with_values in (True, False):
        report = check(str(data_dir), with_values=with_values)
        assert report.problems == []
        assert (report.counts["merged hours"], report.counts["files of minutes"], report.counts["rows"]) == (1, 1, 201)
        assert not report.counts.keys() & {LEFT_OVER, REPLACING, WITHOUT_MINUTES, OF_ANOTHER_HOUR}
    assert "1 merged hour" in report.summary


def test_sources_next_to_their_hour_are_counted(tmp_path: Path) -> None:
    record_and_close(tmp_path, tick(0), tick(100))
    merge(tmp_path, keeps_windows=True)
    report = check(str(tmp_path))

    assert report.problems == []
    assert (report.counts[LEFT_OVER], report.counts[WITHOUT_MINUTES]) == (2, 1)


def test_sources_next_to_a_merged_table_are_counted_and_sources_of_another_hour_are_a_problem(data_dir: Path) -> None:
    folder, names = data_dir / FOLDER, [f"processes-20251230T16{minute}Z.parquet" for minute in ("0000", "0130")]
    for number, name in enumerate(names):
        time_ms = START_MS + number * 90_000
        row = ProcessRow(time_ms, "ab" * 32, None, None, None, None, 7, START_MS, "app", 1.0, 1.0, 1.0, None)
        atomic.publish(str(folder), name, process_tables.encode("processes", [row], HEADER))
    hour = folder / "processes-20251230T160000Z--PT1H.parquet"
    with hour.open("wb") as out:
        merge_tables(out, "processes", [str(folder / name) for name in names])
    hour.chmod(0o644)
    (folder / names[0]).unlink()
    report = check(str(data_dir))
    assert report.problems == []
    assert (report.counts[LEFT_OVER], report.counts["processes files"]) == (1, 2)

    later = hour.rename(folder / "processes-20251230T170000Z--PT1H.parquet")
    problems = [text for path, text in check(str(data_dir)).problems if path == str(later)]
    assert "it has rows outside its hour" in problems
    assert f"it names '{names[0]}' as a source, which is no such table of this hour" in problems


def test_a_window_that_was_closed_after_its_hour_was_merged_is_counted(data_dir: Path) -> None:
    record_and_close(data_dir, tick(0, 7.0))
    report = check(str(data_dir))

    assert report.problems == []
    assert report.counts[REPLACING] == 1


def test_minutes_of_an_hour_that_was_merged_again_are_counted(data_dir: Path) -> None:
    (data_dir / FOLDER / HOUR).unlink()
    record_and_close(data_dir, tick(5))
    merge(data_dir)
    report = check(str(data_dir))

    assert report.problems == []
    assert report.counts[OF_ANOTHER_HOUR] == 1


def test_a_day_of_minutes_stands_for_its_hours(data_dir: Path) -> None:
    make_day(data_dir)
    assert check(str(data_dir)).counts[LEFT_OVER] == 1
    (data_dir / TIERS / MINUTES).unlink()
    report = check(str(data_dir))

    assert report.problems == []
    assert (report.counts[LEFT_OVER], report.counts[WITHOUT_MINUTES]) == (0, 0)


def test_temporary_files_and_files_that_were_set_aside_are_counted(data_dir: Path) -> None:
    for path in (
        data_dir / FOLDER / f"{HOUR}.tmp",
        data_dir / FOLDER / "processes-20251230T160000Z--PT1H.parquet.tmp",
        data_dir / TIERS / f"{MINUTES}.tmp",
        data_dir / TIERS / f"bad-{MINUTES}",
        data_dir / FOLDER / f"bad-{HOUR}",
    ):
        path.write_bytes(b"half")
    report = check(str(data_dir))

    assert report.problems == []
    assert (report.counts["temporary files"], report.counts["files set aside"]) == (3, 2)


def flip(path: Path, offset: int = 300) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def move(old: Path, new: Path) -> None:
    new.parent.mkdir(parents=True, exist_ok=True)
    for folder in (new.parent, new.parent.parent):
        folder.chmod(0o755)
    old.rename(new)


def drop_a_column(data_dir: Path) -> None:
    path = data_dir / "columns.json"
    facts = json.loads(path.read_text())
    del facts["format_versions"]["4"]["memory.current"]
    path.write_text(json.dumps(facts))


@pytest.mark.parametrize(
    ("damage", "name", "sentence"),
    [
        (lambda root: flip(root / FOLDER / HOUR), HOUR, "checksum"),
        (lambda root: flip(root / TIERS / MINUTES), MINUTES, "checksum"),
        (lambda root: (root / TIERS / MINUTES).write_bytes(b"PAR1"), MINUTES, "not a whole Parquet file"),
        (lambda root: (root / "tiers").chmod(0o700), "tiers", "its mode is 0700, not 0755"),
        (lambda root: (root / TIERS).chmod(0o700), "identifier=worker-3", "its mode is 0700, not 0755"),
        (lambda root: (root / TIERS / MINUTES).chmod(0o600), MINUTES, "its mode is 0600, not 0644"),
        (lambda root: (root / TIERS / "notes.txt").touch(), "notes.txt", "nothing with this name here"),
        (lambda root: (root / "tiers" / "notes").mkdir(), "notes", "not a dt= folder"),
        (lambda root: (root / "tiers" / "dt=2025-12-30" / "x").mkdir(), "x", "not an identifier= folder"),
        (lambda root: move(root / TIERS / MINUTES, root / FOLDER / MINUTES), MINUTES, "nothing with this name here"),
        (
            lambda root: move(root / FOLDER / HOUR, root / FOLDER / HOUR.replace("T16", "T17")),
            HOUR.replace("T16", "T17"),
            f"it names '{FIRST}' as a source, which is no window of this hour",
        ),
        (
            lambda root: move(root / FOLDER / HOUR, root / FOLDER / HOUR.replace("T16", "T17")),
            HOUR.replace("T16", "T17"),
            "rows of node are outside its window",
        ),
        (
            lambda root: move(root / TIERS / MINUTES, root / TIERS / MINUTES.replace("T16", "T17")),
            MINUTES.replace("T16", "T17"),
            f"it names '{HOUR}' as a source, which is no file of this hour",
        ),
        (
            lambda root: move(root / TIERS / MINUTES, root / TIERS / MINUTES.replace("T16", "T17")),
            MINUTES.replace("T16", "T17"),
            "it has minutes before or after its range",
        ),
        (
            lambda root: move(root / TIERS / MINUTES, root / "tiers/dt=2025-12-29/identifier=worker-3" / MINUTES),
            MINUTES,
            "in the folder of another day",
        ),
        (
            lambda root: move(root / TIERS / MINUTES, root / "tiers/dt=2025-12-30/identifier=x" / MINUTES),
            MINUTES,
            "written by worker-3, but in the folder of x",
        ),
        (drop_a_column, HOUR, "it has the column memory.current, which columns.json does not have for version 4"),
        (lambda root: (root / "columns.json").write_text("{}"), "columns.json", "not a list of columns"),
    ],
)
def test_damage_is_reported(data_dir: Path, damage: Callable[[Path], object], name: str, sentence: str) -> None:
    damage(data_dir)

    problems = check(str(data_dir), with_values=False).problems
    assert [path for path, text in problems if Path(path).name == name and sentence in text], problems


def test_tiers_behind_a_link_are_not_followed(data_dir: Path) -> None:
    (data_dir / "tiers").rename(data_dir.parent / f"{data_dir.name}-tiers")
    (data_dir / "tiers").symlink_to(data_dir.parent / f"{data_dir.name}-tiers")
    report = check(str(data_dir))

    assert [(path, "a symbolic link" in text) for path, text in report.problems] == [(str(data_dir / "tiers"), True)]
    assert "files of minutes" not in report.counts
