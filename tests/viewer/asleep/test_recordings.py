"""Whether anything has been recorded, in real directories."""

import time
from pathlib import Path

import pytest

from fgm.viewer.asleep.recordings import has_recording
from tests.support.viewer.data_directory import NODE, DataDirectory, counting

T0_MS = (time.time_ns() // 1_000_000_000 - 200) * 1000


@pytest.mark.dates
def test_an_index_a_journal_and_a_closed_window_each_count(tmp_path: Path) -> None:
    assert not has_recording([str(tmp_path / "missing")])
    assert not has_recording([str(tmp_path)])

    folders = [tmp_path / name for name in ("index", "journal", "window")]
    for folder in folders:
        folder.mkdir()
    DataDirectory(folders[0]).write_index()
    DataDirectory(folders[1]).journal(counting(NODE, T0_MS, 3))
    DataDirectory(folders[2]).parquet(counting(NODE, T0_MS, 3))

    assert [has_recording([str(folder)]) for folder in folders] == [True, True, True]


def test_files_that_were_copied_count_and_other_files_do_not(tmp_path: Path) -> None:
    (tmp_path / "session.json").touch()
    (tmp_path / "dt=2025-12-30").mkdir()
    (tmp_path / "dt=2025-12-30" / "notes.txt").touch()

    assert not has_recording([str(tmp_path)])
    assert not has_recording([str(tmp_path / "a.parquet")])

    (tmp_path / "a.parquet").touch()

    assert has_recording([str(tmp_path)])
    assert has_recording([str(tmp_path / "a.parquet")])
