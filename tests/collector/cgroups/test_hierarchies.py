"""Each controller is found in the hierarchy that it is in, wherever that is mounted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fgm.collector.cgroups.hierarchies import ForeignRootError, Hierarchies, detect

V2_FILES = ("cgroup.controllers", "cgroup.procs", "cgroup.subtree_control")
MOUNT_ELSEWHERE = """
import json, os, subprocess, sys
from fgm.collector.cgroups.hierarchies import detect

def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)

root, odd = sys.argv[1:]
options = sys.stdin.read().split()
mount("-t", "tmpfs", "tmpfs", root)
mount("-t", "tmpfs", "tmpfs", odd)
expected = {"unified": f"{odd}/two"}
for i, option in enumerate(options):
    folder = f"{(root, odd)[i % 2]}/{i}"
    os.mkdir(folder)
    mount("-t", "cgroup", "-o", option, "cgroup", folder)
    expected.update(dict.fromkeys(option.split(","), folder))
os.mkdir(f"{odd}/two")
mount("-t", "cgroup2", "cgroup2", f"{odd}/two")
hidden = f"{root}/hidden"
os.mkdir(hidden)
mount("-t", "cgroup", "-o", options[0], "cgroup", hidden)
mount("-t", "tmpfs", "tmpfs", hidden)
for name in ("sys/fs/cgroup", "sys"):
    subprocess.run(["umount", "-R", "-l", f"/{name}"], stderr=subprocess.DEVNULL)
with open("/proc/self/mountinfo", "rb") as file:
    found = detect(root, file.read())
print(json.dumps([{"unified": found.unified, **found.v1}, expected]))
"""


def hierarchy(folder: Path, *files: str, controllers: str = "", enabled: str = "") -> None:
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).write_text("")
    if files == V2_FILES:
        (folder / "cgroup.controllers").write_text(controllers + "\n")
        (folder / "cgroup.subtree_control").write_text(enabled + "\n")


def hybrid(root: Path, *v1: str, **v2: str) -> Hierarchies:
    for name in v1:
        hierarchy(root / name, "cgroup.procs")
    hierarchy(root / "unified", *V2_FILES, **v2)
    return detect(str(root))


def test_all_on_v2(tmp_path: Path) -> None:
    hierarchy(tmp_path / "cgroup", *V2_FILES, controllers="cpuset cpu io memory pids", enabled="memory pids")
    host = detect(str(tmp_path / "cgroup"))

    assert str(host) == "cgroup v2"
    assert host.versions == {"cpu": "v2", "memory": "v2", "io": "v2", "pids": "v2"}
    assert host.missing == []
    assert host.not_enabled == ["cpu", "io"]


def test_memory_on_v2_and_the_rest_on_v1(tmp_path: Path) -> None:
    host = hybrid(tmp_path, "cpu,cpuacct", "blkio", "pids", "systemd", controllers="memory", enabled="memory")

    assert str(host) == "cgroup v1 (cpu, io, pids) and v2 (memory)"
    assert host.versions == {"cpu": "v1", "memory": "v2", "io": "v1", "pids": "v1"}
    assert host.missing == host.not_enabled == []
    assert host.searched == tuple(str(tmp_path / name) for name in ("unified", "cpu,cpuacct", "blkio", "pids"))


def test_all_on_v1_with_a_unified_mount(tmp_path: Path) -> None:
    host = hybrid(tmp_path, "cpu", "cpuacct", "memory", "blkio", "pids")

    assert str(host) == "cgroup v1 with a unified mount (hybrid)"
    assert set(host.versions.values()) == {"v1"}
    assert host.missing == host.not_enabled == []


def test_a_controller_that_is_nowhere_is_missing(tmp_path: Path) -> None:
    host = hybrid(tmp_path, "cpu", "blkio", controllers="pids")

    assert host.versions == {"cpu": "v1", "memory": None, "io": "v1", "pids": "v2"}
    assert host.missing == ["memory"]  # the CPU usage, for which v1 has cpuacct, is in cpu.stat of v2
    assert host.not_enabled == ["pids"]


def test_without_a_unified_mount_the_usage_needs_cpuacct(tmp_path: Path) -> None:
    hierarchy(tmp_path / "cpu", "cgroup.procs")
    host = detect(str(tmp_path))

    assert str(host) == "cgroup v1"
    assert host.missing == ["memory", "io", "pids", "cpuacct"]


def test_a_v1_hierarchy_may_be_mounted_on_a_cgroup_of_v2(tmp_path: Path) -> None:
    root = tmp_path / "cgroup"
    hierarchy(root, *V2_FILES, controllers="cpu io pids")
    hierarchy(root / "memory", "cgroup.procs")
    hierarchy(root / "system.slice", *V2_FILES)
    host = detect(f"{root}/")

    assert host.unified == str(root)
    assert host.v1 == {"memory": str(root / "memory")}
    assert str(host) == "cgroup v1 (memory) and v2 (cpu, io, pids)"


def test_a_folder_without_hierarchies_is_refused(tmp_path: Path) -> None:
    hierarchy(tmp_path / "systemd", "cgroup.procs")
    with pytest.raises(ForeignRootError, match=r"neither cgroup\.controllers nor v1 controllers"):
        detect(str(tmp_path))


def test_real_hierarchies_are_found_by_mountinfo_under_any_name_and_elsewhere(tmp_path: Path) -> None:
    with open("/proc/self/mountinfo", encoding="ascii") as file:
        lines = [line.split() for line in file if " - cgroup " in line]
    with open("/proc/self/cgroup", encoding="ascii") as file:
        hierarchies = [line.split(":")[1] for line in file]
    recorded = {"cpu", "cpuacct", "memory", "blkio", "pids"}
    options = [names for names in hierarchies if names and set(names.split(",")) <= recorded]
    if os.geteuid() or len(options) < 2 or not lines:
        pytest.skip("needs root, and a host with controllers in v1 hierarchies")
    folders = [str(tmp_path / name) for name in ("root", "odd")]
    for folder in folders:
        os.mkdir(folder)
    command = ["unshare", "--mount", "--propagation", "private", sys.executable, "-c", MOUNT_ELSEWHERE, *folders]
    done = subprocess.run(command, input=" ".join(options), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found, expected = json.loads(done.stdout)

    assert found == expected
