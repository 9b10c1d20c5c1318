"""The files of a range are found by their names, and folders are listed only if they have changed."""

import os
import shutil
from pathlib import Path

import pytest

from fgm.clock import SystemClock
from fgm.store.directory import layout
from fgm.viewer.files.data_files import DataFiles
from tests.support.viewer.data_directory import T0

pytestmark = [pytest.mark.dates]

FOLDER = "dt=2025-12-30/identifier=node-1"


def make(root: Path, *names: str, folder: str = FOLDER) -> None:
    (root / folder).mkdir(parents=True, exist_ok=True)
    for name in names:
        (root / folder / name).touch()


def windows(*starts_s: int) -> list[str]:
    return [layout.metrics_name(T0 + 1000 * s) for s in starts_s]


def between(root: Path, from_s: int, to_s: int) -> list[str]:
    files = DataFiles(str(root), SystemClock()).between(T0 + 1000 * from_s, T0 + 1000 * to_s)
    return [file.name for file in files]


def test_the_window_that_a_range_begins_in_is_found(tmp_path: Path) -> None:
    """It starts before the range. The window before it is included, too, because windows may have become shorter."""
    make(tmp_path, *windows(0, 90, 180, 270, 360))

    assert between(tmp_path, 200, 300) == windows(90, 180, 270)


def test_ranges_are_half_open(tmp_path: Path) -> None:
    make(tmp_path, *windows(0, 90))

    assert between(tmp_path, -10, 0) == []
    assert between(tmp_path, -10, 90) == windows(0)


def test_parquet_comes_before_the_journal_of_the_same_window(tmp_path: Path) -> None:
    make(tmp_path, layout.journal_name(T0), *windows(0))

    assert between(tmp_path, 0, 10) == [*windows(0), layout.journal_name(T0)]


def test_the_name_of_a_merged_hour_has_its_length(tmp_path: Path) -> None:
    make(tmp_path, layout.hour_name(T0), *windows(3600))

    assert between(tmp_path, 1800, 1900) == [layout.hour_name(T0)]
    assert between(tmp_path, 3600, 3700) == [layout.hour_name(T0), *windows(3600)]  # its last window may be longer
    assert between(tmp_path, 3700, 3800) == windows(3600)


def test_a_merged_hour_may_reach_into_the_next_one(tmp_path: Path) -> None:
    hours = [layout.hour_name(T0), layout.hour_name(T0 + 3_600_000)]
    make(tmp_path, *hours)
    files = DataFiles(str(tmp_path), SystemClock())

    assert [file.name for file in files.between(T0 + 3_700_000, T0 + 3_800_000, 700_000)] == hours
    assert [file.name for file in files.between(T0 + 4_400_000, T0 + 4_500_000, 700_000)] == hours[1:]


def test_days_and_writers_are_joined_in_the_order_of_time(tmp_path: Path) -> None:
    make(tmp_path, "metrics-20251230T235830Z.parquet")
    make(tmp_path, "metrics-20251231T000000Z.parquet", folder="dt=2025-12-31/identifier=node-1")
    make(tmp_path, "metrics-20251231T000130Z.parquet", folder="dt=2025-12-31/identifier=node-2")
    files = DataFiles(str(tmp_path), SystemClock())
    midnight_ms = T0 + 8 * 3_600_000

    assert [f.name[8:24] for f in files.between(midnight_ms - 90_000, midnight_ms + 180_000)] == [
        "20251230T235830Z",
        "20251231T000000Z",
        "20251231T000130Z",
    ]
    assert [f.name[8:24] for f in files.newest_first()] == [
        "20251231T000130Z",
        "20251231T000000Z",
        "20251230T235830Z",
    ]


def test_other_files_are_ignored(tmp_path: Path) -> None:
    make(tmp_path, "metrics-20251230T160000Z.parquet.tmp", "bad-metrics-20251230T160000Z.parquet", "events.jsonl")
    make(tmp_path, "metrics-20251230T160000Z.parquet", folder="dt=2025-12-30/no-identifier")
    make(tmp_path, "metrics-20251230T160000Z.parquet", folder="tiers/identifier=node-1")

    assert between(tmp_path, -86_400, 86_400) == []


def test_a_folder_is_not_entered_through_a_link(tmp_path: Path) -> None:
    make(tmp_path / "elsewhere", *windows(0), folder="identifier=node-1")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dt=2025-12-30").symlink_to(tmp_path / "elsewhere")

    assert between(tmp_path / "data", 0, 90) == []


def test_a_new_file_is_found_in_a_folder_that_was_listed_before(tmp_path: Path) -> None:
    """It is found even if the folder still has the same modification time."""
    make(tmp_path, *windows(0))
    files = DataFiles(str(tmp_path), SystemClock())
    for start_s in range(90, 900, 90):
        make(tmp_path, *windows(start_s))

        assert [f.name for f in files.between(T0, T0 + 900_000)] == windows(*range(0, start_s + 1, 90))


def test_a_folder_that_does_not_change_is_listed_once(tmp_path: Path) -> None:
    """An old modification time that stays the same is reliable, which makes queries over days fast."""
    make(tmp_path, *windows(0))
    folder = tmp_path / FOLDER
    for path in (tmp_path, folder.parent, folder):
        os.utime(path, (1, 1))
    files = DataFiles(str(tmp_path), SystemClock())

    assert len(files.between(T0, T0 + 1000)) == 1

    (folder / windows(0)[0]).unlink()
    os.utime(folder, (1, 1))

    assert len(files.between(T0, T0 + 1000)) == 1


def test_a_missing_directory_is_empty_until_it_exists_again(tmp_path: Path) -> None:
    root = tmp_path / "data"
    files = DataFiles(str(root), SystemClock())

    assert list(files.newest_first()) == []

    make(root, *windows(0))

    assert len(list(files.newest_first())) == 1

    shutil.rmtree(root)

    assert list(files.newest_first()) == []
    with pytest.raises(FileNotFoundError), files.opened(FOLDER):
        pass
