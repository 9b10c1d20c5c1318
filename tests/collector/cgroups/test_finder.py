"""A container is one cgroup, whatever its paths are in the hierarchies of a host."""

from pathlib import Path

import pytest

from fgm.collector.cgroups.finder import CgroupFinder
from fgm.collector.cgroups.hierarchies import detect
from fgm.collector.cgroups.services import MAX_SERVICES

ID = "ab" * 32
V1, SCOPE = f"docker/{ID}", f"system.slice/docker-{ID}.scope"


def hierarchies(root: Path, **paths: str) -> None:
    """Make the cgroups at `paths`, by hierarchy. v2 has the memory controller."""
    for name, path in paths.items():
        (root / name / path).mkdir(parents=True)
        (root / name / "cgroup.procs").write_text("")
        if name == "unified":
            (root / name / "cgroup.controllers").write_text("memory\n")


def finder(root: Path, *include: str, with_services: bool = False) -> CgroupFinder:
    return CgroupFinder(detect(str(root)), include, "worker-3", with_services=with_services)


def test_an_included_service_is_read_like_a_container_and_others_like_services(tmp_path: Path) -> None:
    hierarchies(tmp_path, unified="system.slice/sshd.service", memory="system.slice/cron.service")
    cgroups = finder(tmp_path, "/system.slice/cron.service", with_services=True).cgroups

    assert {cgroup.series.cgroup: cgroup.is_service for cgroup in cgroups} == {
        "/system.slice": True,
        "/system.slice/cron.service": False,
        "/system.slice/sshd.service": True,
    }


def test_a_service_next_to_a_container_stays_when_the_container_ends(tmp_path: Path) -> None:
    hierarchies(tmp_path, unified=f"user.slice/user-0.slice/libpod-{ID}.scope")
    (tmp_path / "unified/user.slice/user-0.slice/app.slice").mkdir()
    cgroups = finder(tmp_path, with_services=True)
    (tmp_path / f"unified/user.slice/user-0.slice/libpod-{ID}.scope").rmdir()

    assert cgroups.refresh()
    assert [cgroup.series.cgroup for cgroup in cgroups.cgroups] == [
        *("/user.slice", "/user.slice/user-0.slice", "/user.slice/user-0.slice/app.slice")
    ]


def test_of_too_many_services_the_busiest_are_recorded_and_the_log_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hierarchies(tmp_path, unified="system.slice")
    for number in range(MAX_SERVICES + 5):
        service = tmp_path / f"unified/system.slice/{number:03}.service"
        service.mkdir()
        (service / "cpu.stat").write_text(f"usage_usec {number}\n")
    cgroups = finder(tmp_path, with_services=True)
    (service / "new.scope").mkdir()
    cgroups.refresh()

    assert [record.message for record in caplog.records] == [
        "not all services are recorded; the row of what is outside counts the others"
    ]
    assert cgroups.left_out == 6
    recorded = sorted(str(cgroup.series.cgroup) for cgroup in cgroups.cgroups)
    assert recorded[0] == "/system.slice"
    assert recorded[1:] == [f"/system.slice/{number:03}.service" for number in range(6, MAX_SERVICES + 5)]


def test_a_machine_is_a_container_with_the_processes_of_its_services_but_not_of_its_containers(tmp_path: Path) -> None:
    inner = f"lxc.payload.web/docker/{ID}"
    hierarchies(tmp_path, unified=inner)
    (tmp_path / "unified/lxc.payload.web/init.scope").mkdir()
    machine, container = sorted(finder(tmp_path).cgroups, key=lambda cgroup: str(cgroup.series.cgroup))

    assert (machine.series.scope, machine.series.key) == ("container", "cgroup:/lxc.payload.web")
    assert (machine.series.container_name, machine.series.runtime) == ("web", "lxc")
    assert machine.series.container_id is None
    folders = {folder.removeprefix(f"{tmp_path}/unified") for (each,) in [machine.processes] for folder in each}
    assert folders == {"/lxc.payload.web", "/lxc.payload.web/docker", "/lxc.payload.web/init.scope"}
    assert (container.series.key, container.series.runtime) == (ID, "docker")


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
