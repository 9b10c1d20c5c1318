"""Parses the files of cgroup v2, `/sys/fs/cgroup/<path>/<file>`.

`io.stat` is in `fgm.parse.io_stat`, and the pressure files are in `fgm.parse.pressure`. Each constant contains the keys
of one flat keyed file, for `FlatKeyed` and `flat_keyed`.

Source: admin-guide/cgroup-v2.rst.
"""

from fgm.metrics.catalogue import COLUMNS
from fgm.parse.errors import ParseError
from fgm.parse.flat_keyed import Keys, Recorded, flat_keyed
from fgm.parse.single_value import limit


def _keys(file: str, unrecorded: str = "") -> Keys:
    """Return the keys of a file that are in the catalogue, and `unrecorded` keys."""
    prefix = f"{file}."
    names = {name.removeprefix(prefix): name for name in COLUMNS if name.startswith(prefix)}
    recorded = {key.encode(): Recorded(name) for key, name in names.items() if "." not in key}  # not of cpu.stat.local
    return recorded | dict.fromkeys(unrecorded.encode().split())


CPU_STAT = _keys("cpu.stat", unrecorded="nice_usec core_sched.force_idle_usec ntime_usec")
"""Keys of cpu.stat. Periods, throttling and bursts exist only if the cpu controller is enabled.

    usage_usec 4386911
    user_usec 1905003
    nr_throttled 121

Source: kernel/cgroup/rstat.c, kernel/sched/core.c; "CPU Interface Files".
"""
CPU_STAT_LOCAL = _keys("cpu.stat.local")
"""Key of cpu.stat.local: the time for which any quota held the cgroup, also one of a cgroup above. Since Linux 6.6.

    throttled_usec 1873044

Source: kernel/sched/core.c; "CPU Interface Files".
"""
MEMORY_STAT = _keys("memory.stat")
"""Keys of memory.stat: sizes in bytes, and counts of events. Each kernel has only some of them.

    anon 63868928
    file 111546368
    pgfault 20561

Source: mm/memcontrol.c; "Memory Interface Files".
"""
MEMORY_EVENTS = _keys("memory.events")
"""Keys of memory.events. The counts include descendant cgroups.

    high 0
    max 37
    oom_kill 2

Source: mm/memcontrol.c; "Memory Interface Files".
"""
MEMORY_SWAP_EVENTS = _keys("memory.swap.events")
"""Keys of memory.swap.events.

    high 0
    max 0
    fail 0

Source: mm/memcontrol.c; "Memory Interface Files".
"""
PIDS_EVENTS = _keys("pids.events")
"""Key of pids.events: the number of forks that failed because of the limit. cgroup v1 has the same file.

    max 0

Source: kernel/cgroup/pids.c; "PID Interface Files".
"""
PIDS_EVENTS_LOCAL = _keys("pids.events.local")
"""Key of pids.events.local: as in pids.events, without the cgroups below. Since Linux 6.11.

    max 0

Source: kernel/cgroup/pids.c; "PID Interface Files".
"""
CGROUP_STAT_LOCAL = _keys("cgroup.stat.local")
"""Key of cgroup.stat.local: the time for which the cgroup was frozen, by itself or by a cgroup above. Since Linux 6.18.

    frozen_usec 1213040

Source: kernel/cgroup/cgroup.c; "Core Interface Files".
"""
CGROUP_EVENTS = _keys("cgroup.events")
"""Keys of cgroup.events. Their values are 0 or 1.

    populated 1
    frozen 0

Source: kernel/cgroup/cgroup.c; "Core Interface Files".
"""
CGROUP_STAT = _keys(
    "cgroup.stat",
    unrecorded=" ".join(
        f"nr_subsys_{controller} nr_dying_subsys_{controller}"
        for controller in (
            *("cpu", "cpuset", "io", "memory", "hugetlb", "pids", "rdma", "misc", "dmem", "perf_event"),
            *("cpuacct", "blkio", "devices", "freezer", "net_cls", "net_prio", "debug"),
        )
    ),
)
"""Keys of cgroup.stat: the numbers of living and dying descendant cgroups.

    nr_descendants 2
    nr_dying_descendants 0

Source: kernel/cgroup/cgroup.c; "Core Interface Files".
"""


def cpu_max(text: bytes) -> dict[str, float]:
    """Return `cpu_quota_usec` (absent for "max") and `cpu_period_usec` from cpu.max.

    max 100000

    Raises: ParseError if the text is not a quota and a period.
    Source: kernel/sched/core.c; "CPU Interface Files".
    """
    try:
        quota, period = text.split()
        values: dict[str, float] = {} if quota == b"max" else {"cpu_quota_usec": int(quota)}
        values["cpu_period_usec"] = int(period)
    except ValueError:
        raise ParseError("cpu.max", text, "a quota and a period") from None
    return values


def memory_max(text: bytes) -> dict[str, float]:
    """Return memory.max in bytes; an empty dict for "max".

    100663296

    Raises: ParseError if it is neither a number nor "max".
    Source: mm/memcontrol.c; "Memory Interface Files".
    """
    return _limit(text, "memory.max")


def memory_high(text: bytes) -> dict[str, float]:
    """Return memory.high in bytes; see `memory_max`."""
    return _limit(text, "memory.high")


def memory_min(text: bytes) -> dict[str, float]:
    """Return memory.min in bytes; see `memory_max`."""
    return _limit(text, "memory.min")


def memory_low(text: bytes) -> dict[str, float]:
    """Return memory.low in bytes; see `memory_max`."""
    return _limit(text, "memory.low")


def memory_swap_max(text: bytes) -> dict[str, float]:
    """Return memory.swap.max in bytes; see `memory_max`."""
    return _limit(text, "memory.swap.max")


def memory_zswap_max(text: bytes) -> dict[str, float]:
    """Return memory.zswap.max in bytes; see `memory_max`. memory.zswap.current is the `zswap` of memory.stat.

    Source: mm/memcontrol.c (zswap_current_read of Linux 6.12 returns MEMCG_ZSWAP_B); "Memory Interface Files".
    """
    return _limit(text, "memory.zswap.max")


def memory_events(text: bytes) -> dict[str, float]:
    """Return the counts of memory.events; see MEMORY_EVENTS. A sweep uses the faster `FlatKeyed` instead.

    Raises: ParseError if the line of a recorded key has no integer.
    """
    return flat_keyed(text, MEMORY_EVENTS, "memory.events")


def pids_max(text: bytes) -> dict[str, float]:
    """Return pids.max; an empty dict for "max". cgroup v1 has the same file.

    4915

    Raises: ParseError if it is neither a number nor "max".
    Source: kernel/cgroup/pids.c; "PID Interface Files".
    """
    return _limit(text, "pids.max")


def cgroup_procs(text: bytes) -> dict[str, float]:
    """Return the number of processes in cgroup.procs as `container.pid_count`. Descendants are not included.

    1
    17

    A process of another pid namespace is printed as 0 and is counted, too. cgroup v1 has the same file.

    Source: kernel/cgroup/cgroup.c; "Core Interface Files".
    """
    return {"container.pid_count": text.count(b"\n")}


def _limit(text: bytes, file: str) -> dict[str, float]:
    value = limit(text, file)
    return {} if value is None else {file: value}
