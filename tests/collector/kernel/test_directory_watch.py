"""Changes of directories are told once, and without watches the list of cgroups is kept all the same."""

import shutil
from pathlib import Path

import pytest

from fgm.collector.cgroups.tree import CgroupTree
from fgm.collector.kernel.directory_watch import DirectoryWatch
from fgm.collector.kernel.inotify import NoWatchError


def test_directories_that_come_and_go_are_told_once(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    watch = DirectoryWatch()
    watch.add(str(tmp_path))
    (tmp_path / "new").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "old").rename(tmp_path / "moved")

    assert watch.changes() == {str(tmp_path / name) for name in ("new", "old", "moved")}
    assert watch.changes() == set()


def test_what_is_below_a_watched_directory_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    watch = DirectoryWatch()
    watch.add(str(tmp_path))
    (tmp_path / "a" / "b").mkdir()

    assert watch.changes() == set()


def test_a_directory_that_is_not_there_cannot_be_watched(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        DirectoryWatch().add(str(tmp_path / "missing"))


def test_a_directory_is_told_no_longer_once_removed(tmp_path: Path) -> None:
    watch = DirectoryWatch()
    watch.add(str(tmp_path))
    watch.remove(str(tmp_path))
    (tmp_path / "new").mkdir()

    assert watch.changes() == set()


def test_without_watches_the_cgroups_are_listed_anew(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    walk = CgroupTree(str(tmp_path))
    walk._stop_watching(NoWatchError(28, "No space left on device"))
    assert not walk.refresh()

    (tmp_path / "a" / "c").mkdir()
    assert walk.refresh()
    shutil.rmtree(tmp_path / "a" / "b")
    assert walk.refresh()
    assert set(walk.paths) == {"/a", "/a/c"}
