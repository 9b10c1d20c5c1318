"""Handles lead to the same cgroup or network as before, and hold no buffers, on the real kernel."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fgm.collector.kernel.handles import FileHandle, FolderHandle
from fgm.collector.kernel.kernel_file import KernelFile, PlainParser
from fgm.parse.flat_keyed import flat_keyed
from fgm.parse.network.protocols import snmp
from tests.support.crowd import can_make_cgroups, cgroup
from tests.support.network_namespaces import namespaces

MOUNTS = ("/sys/fs/cgroup/memory", "/sys/fs/cgroup/unified", "/sys/fs/cgroup")
LIMITS = {"/sys/fs/cgroup/memory": "memory.limit_in_bytes"}
FILES = 200
PROGRAM = """
import os, sys
from fgm.collector.kernel.handles import FolderHandle
from fgm.collector.kernel.kernel_file import KernelFile, PlainParser
box, path, is_kept, count = sys.argv[1:]
def usage():
    with open(f"{box}/memory.kmem.usage_in_bytes") as file:
        return int(file.read())
with open(f"{box}/cgroup.procs", "w") as procs:
    procs.write(str(os.getpid()))
folder, parser = FolderHandle(os.path.dirname(path)), PlainParser(lambda text: {})
KernelFile(path, parser, folder).read()
before = usage()
files = [KernelFile(path, parser, None if int(is_kept) else folder) for _ in range(int(count))]
for file in files:
    file.parse(file.read())
print(usage() - before)
"""


def read_through(handle: FolderHandle, name: str) -> bytes:
    fd = handle.open(name)
    try:
        return os.pread(fd, 4096, 0)
    finally:
        os.close(fd)


@pytest.mark.parametrize("mount", MOUNTS)
def test_a_new_cgroup_with_the_same_path_is_never_read_for_a_removed_one(mount: str) -> None:
    if not can_make_cgroups(mount):
        pytest.skip(f"no cgroup can be made in {mount}")
    name = LIMITS.get(mount, "cgroup.events")
    with cgroup(mount) as folder:
        handle = FolderHandle(str(folder))
        by_path = KernelFile(f"{folder}/{name}", PlainParser(lambda _: {}), handle)
        assert read_through(handle, name) == by_path.read() != b""
        folder.rmdir()
        with pytest.raises(FileNotFoundError):
            by_path.read()
        folder.mkdir()
        assert (folder / name).read_bytes() != b""
        with pytest.raises(FileNotFoundError):
            by_path.read()
        handle.close()


def test_a_network_is_read_after_the_process_has_ended_while_net_dev_is_open() -> None:
    with namespaces(1) as (pod,):
        pod.run("ip link set lo up; ping -c 1 -q 127.0.0.1 >/dev/null 2>&1 || true")
        path = f"/proc/{pod.pid}/net/snmp"
        held = os.open(f"/proc/{pod.pid}/net/dev", os.O_RDONLY)
        handle = FileHandle(path)
        before = Path(path).read_bytes()
    file = KernelFile(path, PlainParser(snmp), handle)
    assert not os.path.exists(path)
    assert file.read() == before[: file.size]
    os.close(held)
    handle.close()


def test_a_handle_that_was_closed_leads_to_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("own")
    (tmp_path / "other").write_text("other")
    handle = FileHandle(str(tmp_path / "own"))
    handle.close()
    others = [os.open(tmp_path / "other", os.O_RDONLY) for _ in range(64)]  # one of them has its number
    with pytest.raises(FileNotFoundError):
        handle.open("own")
    for fd in others:
        os.close(fd)


def test_a_removed_file_of_an_existing_folder_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "cgroup.events").write_text("populated 1\n")
    handle = FolderHandle(str(tmp_path))
    file = KernelFile(
        f"{tmp_path}/cgroup.events", PlainParser(lambda text: flat_keyed(text, {}, "cgroup.events")), handle
    )
    assert file.read() == b"populated 1\n"
    (tmp_path / "cgroup.events").unlink()
    with pytest.raises(FileNotFoundError):
        file.read()
    handle.close()


@pytest.mark.skipif(not can_make_cgroups("/sys/fs/cgroup/memory"), reason="no memory cgroup of v1 can be made")
def test_a_file_that_is_read_through_a_handle_holds_no_kernel_memory() -> None:
    """The kernel charges the buffer of an open file that was read to the process that read it."""
    kept, through_handles = (held_bytes(is_kept=is_kept) for is_kept in (True, False))

    assert kept > FILES * 4096
    assert through_handles < FILES * 512


def held_bytes(*, is_kept: bool) -> int:
    """Return by how much the kernel memory of a process grows that reads many files, in a cgroup of its own."""
    with cgroup("/sys/fs/cgroup/memory") as box, cgroup("/sys/fs/cgroup/memory") as folder:
        command = [sys.executable, "-c", PROGRAM, str(box), f"{folder}/memory.stat", str(int(is_kept)), str(FILES)]
        return int(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
