"""Directories that come or go are reported once, by their parent."""

from pathlib import Path

import pytest

from fgm.collector.kernel.directory_watch import DirectoryWatch


def test_directories_that_come_or_go_are_reported_once(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    watch = DirectoryWatch()
    watch.add(str(tmp_path))
    (tmp_path / "new").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "old").rename(tmp_path / "moved")

    assert watch.changes() == {str(tmp_path / name) for name in ("new", "old", "moved")}
    assert watch.changes() == set()


def test_changes_below_a_subdirectory_are_not_reported(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    watch = DirectoryWatch()
    watch.add(str(tmp_path))
    (tmp_path / "a" / "b").mkdir()

    assert watch.changes() == set()


def test_a_missing_directory_cannot_be_watched(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        DirectoryWatch().add(str(tmp_path / "missing"))


def test_changes_are_not_reported_after_the_watch_is_removed(tmp_path: Path) -> None:
    watch = DirectoryWatch()
    watch.add(str(tmp_path))
    watch.remove(str(tmp_path))
    (tmp_path / "new").mkdir()

    assert watch.changes() == set()
