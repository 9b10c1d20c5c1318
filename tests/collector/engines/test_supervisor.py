"""The supervisor of a container is found by real processes that have the command lines of real ones."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fgm.collector.engines.supervisor import find_supervisor, first_process
from tests.support.collector.podman_files import CONMON

ID = "a" * 64
PARENT = "sleep 60 & echo $!; wait"
GRANDPARENT = f"sh -c '{PARENT}'; true"


@contextmanager
def process_below(words: list[str], folder: Path, program: str = PARENT) -> Iterator[int]:
    """Run a process with this command line; yield the pid of its child, or of its grandchild."""
    command = [words[0], "-c", program, *words[1:]]  # a shell, whose program does not use its arguments
    process = subprocess.Popen(
        command, executable="/bin/sh", stdout=subprocess.PIPE, cwd=folder, start_new_session=True
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        os.killpg(process.pid, 9)
        process.communicate()


def fake_process(proc_root: Path, pid: int, parent: int, words: list[str], name: str = "x") -> None:
    folder = proc_root / str(pid)
    folder.mkdir(parents=True)
    (folder / "stat").write_text(f"{pid} ({name}) S {parent} {pid} {pid} 0 -1 4194304\n")
    (folder / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in words))


@pytest.mark.parametrize("program", [PARENT, GRANDPARENT], ids=["child", "grandchild"])
def test_a_shim_of_containerd_is_found_by_any_process_of_the_container(tmp_path: Path, program: str) -> None:
    """The shim of a pod has the bundle of the sandbox, and that of the container is next to it."""
    bundles = {name: tmp_path / name for name in ("b" * 64, ID)}
    for name, bundle in bundles.items():
        bundle.mkdir()
        (bundle / "config.json").write_text(name)
    shim = ["/usr/bin/containerd-shim-runc-v2", "-namespace", "k8s.io", "-id", "b" * 64, "-address", "/run/x.sock"]
    with process_below(shim, bundles["b" * 64], program) as pid:
        supervisor = find_supervisor("/proc", ID, pid)

        assert supervisor is not None
        assert (supervisor.namespace, supervisor.user, supervisor.name) == ("k8s.io", os.getuid(), None)
        assert Path(supervisor.bundle, "config.json").read_text() == ID


def test_the_command_line_of_a_real_conmon_has_the_name_and_the_bundle(tmp_path: Path) -> None:
    words = next(words for words in CONMON if "pweb" in words)
    container_id = words[words.index("-c") + 1]
    fake_process(tmp_path, 30, 20, ["sleep", "6000"], name="a) S 1 (b")
    fake_process(tmp_path, 20, 10, ["/sbin/init"])
    fake_process(tmp_path, 10, 1, words)
    supervisor = find_supervisor(str(tmp_path), container_id, 30)

    assert supervisor is not None
    bundle = f"/var/lib/containers/storage/vfs-containers/{container_id}/userdata"
    assert (supervisor.name, supervisor.bundle_name) == ("pweb", bundle)
    assert supervisor.bundle == f"{tmp_path}/10/root{bundle}"
    assert supervisor.exit_dir == "/run/libpod/exits"
    assert find_supervisor(str(tmp_path), ID, 30) is None, "it supervises another container"


@pytest.mark.parametrize(
    "words",
    [
        ["conmon", "--cid", ID, "--bundle", "/x", "--name", "web"],
        ["conmon", f"--cid={ID}", "--bundle=/x", "--name=web"],
    ],
)
def test_long_options_of_conmon_are_read(tmp_path: Path, words: list[str]) -> None:
    fake_process(tmp_path, 30, 10, ["sleep"])
    fake_process(tmp_path, 10, 1, words)
    supervisor = find_supervisor(str(tmp_path), ID, 30)

    assert supervisor is not None
    assert (supervisor.name, supervisor.bundle_name, supervisor.exit_dir) == ("web", "/x", None)


def test_conmon_without_a_bundle_is_no_supervisor(tmp_path: Path) -> None:
    fake_process(tmp_path, 30, 10, ["sleep"])
    fake_process(tmp_path, 10, 1, ["conmon", "-c", ID, "-b"])

    assert find_supervisor(str(tmp_path), ID, 30) is None


def test_processes_that_are_their_own_ancestors_end_the_search(tmp_path: Path) -> None:
    """A pid may be used again while its ancestors are read."""
    fake_process(tmp_path, 30, 20, ["sleep"])
    fake_process(tmp_path, 20, 30, ["sleep"])

    assert find_supervisor(str(tmp_path), ID, 30) is None


def test_a_process_without_a_supervisor_has_none(tmp_path: Path) -> None:
    with process_below(["/bin/sh"], tmp_path) as pid:
        assert find_supervisor("/proc", ID, pid) is None
    assert find_supervisor("/proc", ID, pid) is None
    assert find_supervisor(str(tmp_path), ID, 1) is None


def test_the_first_process_may_be_in_a_nested_cgroup(tmp_path: Path) -> None:
    nested = tmp_path / "system.slice" / "app.service"
    nested.mkdir(parents=True)
    (tmp_path / "cgroup.procs").write_text("")
    (nested / "cgroup.procs").write_text("17\n18\n")

    assert first_process(str(tmp_path)) == 17
    (nested / "cgroup.procs").write_text("0\n")  # of another pid namespace
    assert first_process(str(tmp_path)) is None
    assert first_process(str(tmp_path / "gone")) is None
