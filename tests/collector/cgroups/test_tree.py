"""The tree follows cgroups that are made and removed, at every depth."""

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fgm.collector.cgroups.tree import CgroupTree
from fgm.collector.kernel.inotify import NoWatchError


def real(root: Path) -> set[str]:
    return {"/" + str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir()}


def test_files_and_links_are_not_cgroups(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "cpu.stat").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path)

    assert set(CgroupTree(str(tmp_path)).paths) == {"/a", "/a/b"}


def test_a_cgroup_made_again_under_its_old_name_is_reported(tmp_path: Path) -> None:
    (tmp_path / "pod" / "container").mkdir(parents=True)
    tree = CgroupTree(str(tmp_path))
    (tmp_path / "kept").mkdir()  # holds the place of a freed inode number
    tree.refresh()
    (tmp_path / "pod" / "container").rename(tmp_path / "kept" / "old")
    (tmp_path / "pod" / "container").mkdir()

    assert tree.refresh()
    assert set(tree.paths) == real(tmp_path)


def test_nothing_is_reported_if_nothing_changed(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    tree = CgroupTree(str(tmp_path))

    assert not tree.refresh()


def test_a_removed_root_has_no_cgroups_until_it_is_back(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    (root / "a").mkdir(parents=True)
    tree = CgroupTree(str(root))
    shutil.rmtree(root)

    assert tree.refresh()
    assert tree.paths == []
    (root / "b").mkdir(parents=True)
    assert tree.refresh()
    assert tree.paths == ["/b"]


@settings(max_examples=60)
@given(
    steps=st.lists(st.lists(st.tuples(st.sampled_from(["make", "remove"]), st.integers(0, 12)), max_size=6), max_size=8)
)
def test_after_any_changes_the_tree_equals_the_folders(
    steps: list[list[tuple[str, int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Invariant: after a refresh, the paths are the folders, and a change of their set is reported."""
    root: Path = tmp_path_factory.mktemp("cgroup")
    names = ["a", "b", "c", "a/x", "a/y", "b/x", "b/x/1", "b/x/2", "b/x/1/deep", "c/z", "c/z/1", "a/x/1", "d"]
    tree = CgroupTree(str(root))
    before = real(root)
    for step in steps:
        for what, which in step:
            if what == "make":
                (root / names[which]).mkdir(parents=True, exist_ok=True)
            else:
                shutil.rmtree(root / names[which], ignore_errors=True)
        changed, now = tree.refresh(), real(root)

        assert set(tree.paths) == now
        assert changed or before == now
        before = now


def test_without_watches_the_tree_is_listed_at_each_refresh(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    tree = CgroupTree(str(tmp_path))
    tree._stop_watching(NoWatchError(28, "No space left on device"))
    assert not tree.refresh()

    (tmp_path / "a" / "c").mkdir()
    assert tree.refresh()
    shutil.rmtree(tmp_path / "a" / "b")
    assert tree.refresh()
    assert set(tree.paths) == {"/a", "/a/c"}
