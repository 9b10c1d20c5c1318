"""Run a command where only the cgroups that it makes itself are visible: `python -m benchmarks.own_cgroups COMMAND`.

Other cgroups of a machine come and go, and a collector would record them. The command runs in a cgroup and a mount
namespace of its own, in which the hierarchies are mounted again. It needs root and `unshare`.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

MOUNTINFO = "/proc/self/mountinfo"
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
    """Run a command; return its exit code.

    Raises: OSError if cgroups cannot be made, which takes root.
    """
    hierarchies = mounts(Path(MOUNTINFO).read_text("utf-8"))
    with ExitStack() as stack:
        procs = []
        for hierarchy in hierarchies:
            folder = f"{hierarchy.folder}/fgm-bench-{os.getpid()}"
            os.mkdir(folder)
            stack.callback(os.rmdir, folder)
            if "cpuset" in hierarchy.options.split(","):  # a new cpuset is empty, and nothing can enter it
                for name in ("cpuset.cpus", "cpuset.mems"):
                    Path(folder, name).write_text(Path(hierarchy.folder, name).read_text("ascii"), "ascii")
            procs.append(f"{folder}/cgroup.procs")
        again = [text for hierarchy in hierarchies for text in (hierarchy.type, hierarchy.options, hierarchy.folder)]
        inside = ["unshare", "--cgroup", "--mount", "--propagation", "private"]
        inside += ["/bin/sh", "-c", _MOUNT_AGAIN, "sh", *again, "--", *command]
        return subprocess.call(["/bin/sh", "-c", _ENTER, "sh", *procs, "--", *inside])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
