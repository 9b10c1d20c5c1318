"""The CPU limit of the viewer's own container: how much work in the background leaves room for other requests."""

from contextlib import suppress

ROOT = "/sys/fs/cgroup"


def own_cpu_limit(proc_cgroup: str = "/proc/self/cgroup", root: str = ROOT) -> float | None:
    """Return the number of processors that the cgroup of this process may use; None without a limit.

    Limits further up are not looked at. May block.

    Source: cpu.max (cgroup-v2.rst), cpu.cfs_quota_us (sched-bwc.rst), /proc/<pid>/cgroup (cgroups(7)).
    """
    with suppress(OSError, ValueError), open(proc_cgroup, encoding="utf-8", errors="replace") as file:
        lines = [line.rstrip("\n").split(":", 2) for line in file]
        paths = {controllers: path for _, controllers, path in lines}
        v1 = next((name for name in paths if "cpu" in name.split(",")), None)
        if v1 is None:
            return _limit(*_read(f"{root}{paths['']}/cpu.max").split())
        folder = f"{root}/{v1}{paths[v1]}"
        return _limit(_read(f"{folder}/cpu.cfs_quota_us"), _read(f"{folder}/cpu.cfs_period_us"))
    return None


def _limit(quota: str, period: str) -> float | None:
    return None if quota in {"max", "-1"} else int(quota) / int(period)


def _read(path: str) -> str:
    with open(path, encoding="ascii") as file:
        return file.read().strip()
