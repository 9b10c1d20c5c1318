"""Run a command where only the cgroups that it makes itself are visible: `python -m benchmarks.own_cgroups COMMAND`.

Other cgroups of a machine come and go, and a collector would record them. The command runs in a cgroup and a mount
namespace of its own, in which the hierarchies are mounted again. It needs root and `unshare`.
"""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.support.crowd import end_all

MOUNTINFO = "/proc/self/mountinfo"
REMOVE_TIMEOUT_S = 10.0
_ENTER = 'while [ "$1" != -- ]; do echo $$ >"$1" || exit; shift; done; shift; exec "$@"'
_MOUNT_AGAIN = (
    'while [ "$1" != -- ]; do umount -l "$3" && mount -t "$1" -o "$2" none "$3" || exit; shift 3; done; shift; '
    'exec "$@"'
)


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted hierarchy. `options`: those of the hierarchy, such as its controllers."""

    type: str
    options: str
    folder: str


def mounts(mountinfo: str) -> list[Mount]:
    """Return the mounted hierarchies. Source: proc_pid_mountinfo(5)."""
    found = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split()
        if kind in {"cgroup", "cgroup2"}:
            names = [option for option in options.split(",") if option not in {"ro", "rw"}]
            if any(name.startswith("name=") for name in names):
                names.append("none")
            found.append(Mount(kind, ",".join(names) or "defaults", before.split()[4]))
    return found


def run(command: Sequence[str]) -> int:
    """Run a command; return its exit code. What it leaves in its cgroups is ended, also after a signal.

    Raises: OSError if cgroups cannot be made, which takes root.
    """
    hierarchies = mounts(Path(MOUNTINFO).read_text("utf-8"))
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    with ExitStack() as stack:
        procs = []
        for hierarchy in hierarchies:
            folder = f"{hierarchy.folder}/fgm-bench-{os.getpid()}"
            os.mkdir(folder)
            stack.callback(_remove, folder)
            if "cpuset" in hierarchy.options.split(","):  # a new cpuset is empty, and nothing can enter it
                for name in ("cpuset.cpus", "cpuset.mems"):
                    Path(folder, name).write_text(Path(hierarchy.folder, name).read_text("ascii"), "ascii")
            procs.append(f"{folder}/cgroup.procs")
        again = [text for hierarchy in hierarchies for text in (hierarchy.type, hierarchy.options, hierarchy.folder)]
        inside = ["unshare", "--cgroup", "--mount", "--propagation", "private"]
        inside += ["/bin/sh", "-c", _MOUNT_AGAIN, "sh", *again, "--", *command]
        process = subprocess.Popen(["/bin/sh", "-c", _ENTER, "sh", *procs, "--", *inside])
        try:
            return process.wait()
        finally:
            process.terminate()
            process.wait()


def _remove(folder: str) -> None:
    """Remove a cgroup and those below it, and end the processes that are left in them."""
    for path, _, _ in os.walk(folder, topdown=False):
        end_all(path)
        deadline = time.monotonic() + REMOVE_TIMEOUT_S
        while True:
            try:
                os.rmdir(path)
                break
            except OSError as error:  # an ended process leaves its cgroup a moment later
                if error.errno != errno.EBUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
