"""Pages that other processes made active are inactive again, on the real kernel."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.crowd import can_make_cgroups, cgroup

MOUNT = "/sys/fs/cgroup/memory"
SIZE = 4 << 20
MAP_AND_TOUCH = """
import mmap, sys
with open(sys.argv[1], "rb") as file:
    mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
sum(mapped[::4096])
"""
COLLECTOR = f"""{MAP_AND_TOUCH}
import os
from fgm import mapped_files
print("ready", flush=True)
sys.stdin.readline()
mapped_files.deactivate()
print("done", flush=True)
sys.stdin.read()
"""
ENTER = 'echo $$ >"$0/cgroup.procs"; exec "$@"'


def active_bytes(box: Path) -> int:
    return int(dict(line.split() for line in (box / "memory.stat").read_text().splitlines())["active_file"])


@pytest.mark.skipif(not can_make_cgroups(MOUNT), reason="no memory cgroup of v1 can be made")
def test_what_other_processes_used_and_left_is_not_in_the_working_set(tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.write_bytes(b"x" * SIZE)
    subprocess.run(["dd", f"of={library}", "oflag=nocache", "conv=notrunc,fsync", "count=0", "status=none"], check=True)
    with cgroup(MOUNT) as box:
        command = ["sh", "-c", ENTER, str(box), sys.executable, "-c", COLLECTOR, str(library)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as collector:
            assert collector.stdin is not None
            assert collector.stdout is not None
            assert collector.stdout.readline() == b"ready\n"
            before = active_bytes(box)
            for _ in range(3):
                subprocess.run([sys.executable, "-c", MAP_AND_TOUCH, str(library)], check=True)
            used = active_bytes(box)
            collector.stdin.write(b"\n")
            collector.stdin.flush()
            assert collector.stdout.readline() == b"done\n"
            after = active_bytes(box)

    assert used - before > SIZE * 3 / 4
    assert after - before < SIZE / 4


def test_closing_a_window_does_not_fail_if_no_descriptor_is_free() -> None:
    program = (
        "import resource; from fgm import mapped_files; resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); "
        "mapped_files.deactivate()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
