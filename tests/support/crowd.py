"""Cgroups with thousands of processes, on the hierarchies of this machine."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

BUSY_CPU_S = 0.3
"""CPU time that the newest process of a crowd uses before it sleeps like the others."""
_END_TIMEOUT_S = 60.0
_CROWD = f"""#!{sys.executable} -IS
import os, signal, time
with open("/proc/sys/kernel/pid_max") as file:
    pid_max = int(file.read())
while True:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    if pid + 2 * {{size}} < pid_max:
        break
for left in range({{size}} - 1, 0, -1):
    if os.fork() == 0:
        if left == 1:
            while time.process_time() < {BUSY_CPU_S}:
                pass
            with open({{ready!r}} + ".new", "w") as file:
                file.write(str(os.getpid()))
            os.rename({{ready!r}} + ".new", {{ready!r}})
        while True:
            signal.pause()
while True:
    signal.pause()
"""


def can_make_cgroups(mount: str) -> bool:
    """Return whether this machine has the mount, and whether this user may make cgroups below it."""
    return os.path.exists(f"{mount}/cgroup.procs") and os.access(mount, os.W_OK)


def crowd_program(folder: Path, size: int) -> str:
    """Write a program that becomes `size` processes, of which the newest uses BUSY_CPU_S of CPU; return its path.

    As soon as the newest has used it, it writes its pid to the file `ready` in the folder. They do not end with the
    first one. The newest has the highest pid of those that were forked: if the pids are about to begin again at a low
    number, the program first uses them up. On cgroup v1 the kernel lists processes in the order of their pids.
    """
    path = folder / "crowd"
    path.write_text(_CROWD.format(size=size, ready=str(folder / "ready")))
    path.chmod(0o755)
    return str(path)


@contextmanager
def crowd(mount: str, folder: Path, size: int) -> Iterator[Path]:
    """Make a cgroup below `mount` with `size` processes, and yield its folder. `folder`: for the program."""
    with cgroup(mount) as path, crowd_in(path, folder, size):
        yield path


@contextmanager
def crowd_in(path: Path, folder: Path, size: int) -> Iterator[None]:
    """Start `size` processes in a cgroup, and end all its processes at the end. `folder`: for the program."""
    enter = f"echo $$ >{path}/cgroup.procs && exec {crowd_program(folder, size)}"
    with subprocess.Popen(["/bin/sh", "-c", enter]):
        try:
            wait_for(folder / "ready")
            yield
        finally:
            end_all(str(path))


@contextmanager
def cgroup(mount: str) -> Iterator[Path]:
    """Make a cgroup below `mount`, and remove it and its processes at the end."""
    path = Path(mount, f"fgm-test-{secrets.token_hex(8)}")
    path.mkdir()
    try:
        yield path
    finally:
        end_all(str(path))
        path.rmdir()


def end_all(folder: str) -> None:
    """Kill the processes of a cgroup that this test made, and wait until all have gone."""
    deadline = time.monotonic() + _END_TIMEOUT_S
    while pids := Path(folder, "cgroup.procs").read_text().split():
        for pid in map(int, pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise TimeoutError(f"the processes of {folder} do not end")
        time.sleep(0.01)


def wait_for(path: Path) -> None:
    """Wait until a file exists."""
    deadline = time.monotonic() + _END_TIMEOUT_S
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} did not appear")
        time.sleep(0.01)
