"""Cgroups (v1) with the limits of a container, for one process of a benchmark."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

CPU_PERIOD_US = 100_000
_ENTER_AND_BECOME = 'while [ "$1" != -- ]; do echo $$ >"$1" || exit; shift; done; shift; exec "$@"'


@dataclass(frozen=True, slots=True)
class Limits:
    """The CPU and memory limits of a container."""

    name: str
    cpu_quota_us: int
    memory_bytes: int


COLLECTOR = Limits("collector", 50_000, 256 << 20)
VIEWER = Limits("viewer", 10_000, 128 << 20)


@dataclass(frozen=True, slots=True)
class Memory:
    """What a cgroup is charged, MiB. `working_set`: what the kubelet compares with the request of a pod."""

    working_set: float
    anonymous: float
    kernel: float
    active_file: float


@dataclass(frozen=True, slots=True)
class Limited:
    """The folders of the cgroups that were made."""

    cpu: str
    memory: str

    def failures(self) -> int:
        """Return how often the memory limit was hit; the kernel then frees page cache or kills a process."""
        return _number(f"{self.memory}/memory.failcnt")

    def kills(self) -> int:
        """Return the number of OOM kills."""
        with open(f"{self.memory}/memory.oom_control", encoding="ascii") as file:
            return int(dict(line.split() for line in file)["oom_kill"])

    def throttled_share(self) -> float:
        """Return the share of its CPU periods in which the quota was used up."""
        with open(f"{self.cpu}/cpu.stat", encoding="ascii") as file:
            counts = {name: int(value) for name, value in (line.split() for line in file)}
        return counts["nr_throttled"] / max(counts["nr_periods"], 1)

    def highest_bytes(self) -> int:
        """Return the highest charged memory, including page cache and kernel memory."""
        return _number(f"{self.memory}/memory.max_usage_in_bytes")

    def memory_mib(self) -> Memory:
        """Return what is charged now.

        Source: memory.usage_in_bytes, memory.kmem.usage_in_bytes and memory.stat; cgroup-v1/memory.rst.
        """
        with open(f"{self.memory}/memory.stat", encoding="ascii") as file:
            stat = {name: int(value) for name, value in (line.split() for line in file)}
        working_set = _number(f"{self.memory}/memory.usage_in_bytes") - stat["total_inactive_file"]
        kernel = _number(f"{self.memory}/memory.kmem.usage_in_bytes")
        parts = (working_set, stat["total_rss"], kernel, stat["total_active_file"])
        return Memory(*(part / (1 << 20) for part in parts))


@contextmanager
def limited(limits: Limits) -> Iterator[Limited]:
    """Make cgroups with these limits, and remove them when the block is left.

    Raises: OSError if that is not allowed; it takes root and cgroup v1.
    """
    with ExitStack() as stack:
        folders = {name: f"/sys/fs/cgroup/{name}/fgm-bench-{os.getpid()}-{limits.name}" for name in ("cpu", "memory")}
        for folder in folders.values():
            os.mkdir(folder)
            stack.callback(os.rmdir, folder)
        made = Limited(**folders)
        _write(f"{made.cpu}/cpu.cfs_period_us", CPU_PERIOD_US)
        _write(f"{made.cpu}/cpu.cfs_quota_us", limits.cpu_quota_us)
        _write(f"{made.memory}/memory.limit_in_bytes", limits.memory_bytes)
        yield made


def start(command: Sequence[str], inside: Limited | None) -> subprocess.Popen[bytes]:
    """Start a process, from its first instruction on within limits if `inside` is given."""
    procs = [] if inside is None else [f"{inside.cpu}/cgroup.procs", f"{inside.memory}/cgroup.procs"]
    return subprocess.Popen(["/bin/sh", "-c", _ENTER_AND_BECOME, "sh", *procs, "--", *command])


def end(process: subprocess.Popen[bytes]) -> None:
    """Terminate a process and wait until it has ended."""
    process.terminate()
    process.wait()


def _number(path: str) -> int:
    with open(path, encoding="ascii") as file:
        return int(file.read())


def _write(path: str, value: int) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(str(value))
