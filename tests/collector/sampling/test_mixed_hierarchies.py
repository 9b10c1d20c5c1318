"""Containers in hierarchies of cgroup v1, and in those of v1 and v2 at the same time."""

import shutil
from pathlib import Path
from typing import Any

from fgm.collector.cgroups.finder import CgroupFinder
from fgm.collector.cgroups.hierarchies import detect
from fgm.collector.sampling.node import Node
from fgm.collector.sampling.sampler import Sampler
from tests.support.captured_host import CONTAINERS, captured_host
from tests.support.collector.captured_sampler import NEW_ID, OF_NODE, values

DATA = Path(__file__).parents[2] / "data"
V1_FILES = {
    "cpu": ("cpu.stat", "cpu.cfs_quota_us", "cpu.cfs_period_us"),
    "cpuacct": ("cpuacct.usage", "cpuacct.usage_user", "cpuacct.usage_sys"),
    "pids": ("pids.current", "pids.max"),
}


def test_on_v1_a_process_counts_once_though_it_is_in_every_hierarchy(tmp_path: Path) -> None:
    root, path = tmp_path / "cgroup", "docker/" + NEW_ID
    for controller in ("cpu", "cpuacct", "memory", "pids"):
        for folder in (root / controller, root / controller / path, root / controller / path / "nested"):
            folder.mkdir(parents=True)
            (folder / "cgroup.procs").write_text("")
        (root / controller / path / "cgroup.procs").write_text("" if controller == "cpu" else "100\n101\n")
        (root / controller / path / "nested" / "cgroup.procs").write_text("" if controller == "cpu" else "102\n")
    host = captured_host(tmp_path / "host")
    hierarchies = detect(str(root))
    node = Node("worker-3", host.proc_root, host.sys_root, hierarchies)
    sampler = Sampler(CgroupFinder(hierarchies, (), "worker-3"), node, host.proc_root, 1.0, lambda: 0.0)

    assert values(sampler.tick(0, 0.0), NEW_ID) == {"container.pid_count": 3} | OF_NODE
    assert list(sampler.readers.alive) == [NEW_ID]
    sampler.close()


def mixed_sampler(tmp_path: Path, controllers: str, *v1: str) -> tuple[Sampler, Path, dict[str, Any]]:
    """A sampler of a captured container, its folder in v2, and what it is. `controllers`: those of v2."""
    host = captured_host(tmp_path / "host")
    (web,) = (container for container in CONTAINERS if container["name"] == "web")
    root = tmp_path / "mixed"
    folder = root / "unified" / web["cgroup"].lstrip("/")
    shutil.copytree(host.cgroup_root + web["cgroup"], folder)
    (root / "unified/cgroup.controllers").write_text(controllers)
    for name in v1:
        (root / name / "docker" / web["id"]).mkdir(parents=True)
        (root / name / "cgroup.procs").write_text("")
        for file in (*V1_FILES.get(name, ()), "cgroup.procs"):
            shutil.copy(DATA / "cgroup1" / file, root / name / "docker" / web["id"])
    hierarchies = detect(str(root))
    node = Node("worker-3", host.proc_root, host.sys_root, hierarchies)
    finder = CgroupFinder(hierarchies, (), "worker-3")
    return Sampler(finder, node, host.proc_root, 1.0, lambda: 0.0), folder, web


def test_each_controller_is_read_where_it_is(tmp_path: Path) -> None:
    sampler, folder, web = mixed_sampler(tmp_path, "memory", "cpu", "cpuacct", "pids")
    for file in ("cpu.max", "pids.current"):  # the kernel has neither there
        (folder / file).write_text("900 1000\n")
    row = values(sampler.tick(0, 0.0), web["id"])

    assert row["memory.current"] == int((folder / "memory.current").read_text())
    assert row["memory.swap.current"] == int((folder / "memory.swap.current").read_text())  # v2 counts swap alone
    assert row["memory.max"] == int((folder / "memory.max").read_text())
    assert row["memory.events.oom_kill"] == 0
    assert row["cgroup.events.populated"] == 1
    assert row["cpu.stat.usage_usec"] == 436_927
    assert row["cpu.stat.throttled_usec"] == 1_628_815.123
    assert row["cpu_quota_usec"] == int((DATA / "cgroup1/cpu.cfs_quota_us").read_text())
    assert row["pids.current"] == 2
    sampler.close()


def test_the_usage_is_read_from_v2_if_cpuacct_is_not_mounted(tmp_path: Path) -> None:
    sampler, folder, web = mixed_sampler(tmp_path, "", "cpu")
    usage, user, system = (line.split()[1] for line in (folder / "cpu.stat").read_text().splitlines()[:3])
    (folder / "cpu.stat").write_text(f"usage_usec {usage}\nuser_usec {user}\nsystem_usec {system}\n")
    row = values(sampler.tick(0, 0.0), web["id"])

    assert row["cpu.stat.usage_usec"] == int(usage)
    assert row["cpu.stat.nr_throttled"] == 21
    sampler.close()


def test_with_cpu_on_v2_cpuacct_is_not_read_as_well(tmp_path: Path) -> None:
    sampler, folder, web = mixed_sampler(tmp_path, "cpu", "cpuacct")

    assert values(sampler.tick(0, 0.0), web["id"])["cpu.stat.usage_usec"] == int(
        (folder / "cpu.stat").read_text().split()[1]
    )
    assert not any("cpuacct.usage" in path for path, _ in sampler.reads())
    sampler.close()


def test_a_container_whose_processes_are_only_in_v1_is_alive_until_they_exit(tmp_path: Path) -> None:
    sampler, folder, web = mixed_sampler(tmp_path, "memory", "cpu", "cpuacct")
    (folder / "cgroup.procs").write_text("")
    (folder / "cgroup.events").write_text("populated 0\nfrozen 0\n")
    row = values(sampler.tick(0, 0.0), web["id"])

    assert row["container.pid_count"] == 2
    assert "cgroup.events.populated" not in row
    assert row["cgroup.events.frozen"] == 0
    for name in ("cpu", "cpuacct"):
        (tmp_path / "mixed" / name / "docker" / web["id"] / "cgroup.procs").write_text("")
    last = values(sampler.tick(1000, 1.0), web["id"])
    assert last["cgroup.events.populated"] == 0
    assert web["id"] not in {series.key for series in sampler.tick(2000, 2.0).series}
    sampler.close()
