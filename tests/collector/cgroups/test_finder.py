"""A container is one cgroup, whatever its paths are in the hierarchies of a host."""

from pathlib import Path

from fgm.collector.cgroups.finder import CgroupFinder
from fgm.collector.cgroups.hierarchies import detect

ID = "ab" * 32
V1, SCOPE = f"docker/{ID}", f"system.slice/docker-{ID}.scope"


def hierarchies(root: Path, **paths: str) -> None:
    """Make the cgroups at `paths`, by hierarchy. v2 has the memory controller."""
    for name, path in paths.items():
        (root / name / path).mkdir(parents=True)
        (root / name / "cgroup.procs").write_text("")
        if name == "unified":
            (root / name / "cgroup.controllers").write_text("memory\n")


def finder(root: Path) -> CgroupFinder:
    return CgroupFinder(detect(str(root)), (), "worker-3")


def test_a_container_with_other_paths_on_v2_is_one_cgroup(tmp_path: Path) -> None:
    hierarchies(tmp_path, cpu=V1, pids=V1, unified=f"{SCOPE}/init.scope")
    (cgroup,) = finder(tmp_path).cgroups

    assert cgroup.folders == {
        "unified": f"{tmp_path}/unified/{SCOPE}",
        "cpu": f"{tmp_path}/cpu/{V1}",
        "pids": f"{tmp_path}/pids/{V1}",
    }
    assert cgroup.series.cgroup == f"/{SCOPE}"  # where memory is
    assert cgroup.processes == (
        (f"{tmp_path}/unified/{SCOPE}", f"{tmp_path}/unified/{SCOPE}/init.scope"),
        (f"{tmp_path}/cpu/{V1}",),
        (f"{tmp_path}/pids/{V1}",),
    )
    assert cgroup.paths == {f"/{V1}", f"/{SCOPE}", f"/{SCOPE}/init.scope"}


def test_a_container_in_one_hierarchy_only_is_found(tmp_path: Path) -> None:
    for only in ("cpu", "unified"):
        root = tmp_path / only
        hierarchies(root, **{name: V1 if name == only else "init.scope" for name in ("cpu", "unified")})
        (cgroup,) = finder(root).cgroups
        assert cgroup.folders == {only: f"{root}/{only}/{V1}"}
        assert cgroup.series.key == ID


def test_a_folder_that_appears_later_in_another_hierarchy_is_added(tmp_path: Path) -> None:
    hierarchies(tmp_path, cpu=V1, unified="init.scope")
    cgroups = finder(tmp_path)
    (tmp_path / "unified" / SCOPE).mkdir(parents=True)

    assert cgroups.refresh()
    assert cgroups.cgroups[0].folders.keys() == {"cpu", "unified"}


def test_cgroups_of_a_v1_hierarchy_mounted_on_v2_are_not_cgroups_of_v2(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu\n")
    (tmp_path / SCOPE).mkdir(parents=True)
    hierarchies(tmp_path, memory=V1)
    (cgroup,) = finder(tmp_path).cgroups

    assert cgroup.folders == {"unified": f"{tmp_path}/{SCOPE}", "memory": f"{tmp_path}/memory/{V1}"}
    assert cgroup.paths == {f"/{SCOPE}", f"/{V1}"}
