"""The files of cgroup v1 directories, under the metric names of v2 where they mean the same.

Kernel: admin-guide/cgroup-v1/. The pids controller and cgroup.procs have the same files as in v2: see
`fgm.parse.cgroup2`. What means something else, such as the failcnt files, is not read.
"""

from collections.abc import Collection

from fgm.parse.errors import ParseError
from fgm.parse.flat_keyed import Keys, Recorded, flat_keyed
from fgm.parse.io_stat import is_counted
from fgm.parse.single_value import number

NO_LIMIT_BYTES = 2**63 - 4096
"""The largest limit that a page counter of 4 KiB pages can hold: it stands for no limit."""

_MEMORY_STAT = {
    "total_rss": "anon",
    "total_cache": "file",
    "total_rss_huge": "anon_thp",
    "total_mapped_file": "file_mapped",
    "total_dirty": "file_dirty",
    "total_writeback": "file_writeback",
} | {
    f"total_{key}": key
    for key in (
        *("shmem", "swapcached", "unevictable", "pgfault", "pgmajfault"),
        *("inactive_anon", "active_anon", "inactive_file", "active_file"),
        *("workingset_refault_anon", "workingset_refault_file"),
    )
}
_OWN_SHARE = """
    cache rss rss_huge shmem mapped_file dirty writeback workingset_refault_anon workingset_refault_file swap
    swapcached pgpgin pgpgout pgfault pgmajfault inactive_anon active_anon inactive_file active_file
    unevictable hierarchical_memory_limit hierarchical_memsw_limit total_swap total_pgpgin total_pgpgout
"""

MEMORY_STAT: Keys = {
    key.encode(): Recorded(f"memory.stat.{name}") for key, name in _MEMORY_STAT.items()
} | dict.fromkeys(_OWN_SHARE.encode().split())
OOM_CONTROL: Keys = {
    b"oom_kill": Recorded("memory.events.oom_kill"),
    b"oom_kill_disable": None,
    b"under_oom": None,
}
CPU_STAT: Keys = {
    b"nr_periods": Recorded("cpu.stat.nr_periods"),
    b"nr_throttled": Recorded("cpu.stat.nr_throttled"),
    b"throttled_time": Recorded("cpu.stat.throttled_usec", divisor=1000),
    b"nr_bursts": Recorded("cpu.stat.nr_bursts"),
    b"burst_time": Recorded("cpu.stat.burst_usec", divisor=1000),
    b"wait_sum": None,
    b"current_bw": None,
}


def memory_limit_in_bytes(raw: bytes) -> dict[str, float]:
    """Return memory.limit_in_bytes as `memory.max`; nothing for no limit."""
    limit = number(raw, "memory.limit_in_bytes")
    return {"memory.max": limit} if limit < NO_LIMIT_BYTES else {}


def memory_stat(raw: bytes) -> dict[str, float]:
    """Return the hierarchical (`total_`) values of memory.stat under the names of v2.

    cache 9220096
    total_cache 16683008
    total_rss 12267520
    """
    return flat_keyed(raw, MEMORY_STAT, "memory.stat")


def memory_oom_control(raw: bytes) -> dict[str, float]:
    """Return `memory.events.oom_kill` (since Linux 4.13); unlike in v2 it does not include the cgroups below.

    oom_kill_disable 0
    under_oom 0
    oom_kill 2
    """
    return flat_keyed(raw, OOM_CONTROL, "memory.oom_control")


def cpu_stat(raw: bytes) -> dict[str, float]:
    """Return periods and throttled time of cpu.stat, which v1 gives in ns, in us.

    nr_periods 1200
    nr_throttled 300
    throttled_time 27000000000
    """
    return flat_keyed(raw, CPU_STAT, "cpu.stat")


def cpu_cfs_quota_us(raw: bytes) -> dict[str, float]:
    """Return cpu.cfs_quota_us as `cpu_quota_usec`; nothing for -1, which is no limit."""
    quota = number(raw, "cpu.cfs_quota_us")
    return {"cpu_quota_usec": quota} if quota >= 0 else {}


def cpu_cfs_period_us(raw: bytes) -> dict[str, float]:
    """Return cpu.cfs_period_us as `cpu_period_usec`."""
    return {"cpu_period_usec": number(raw, "cpu.cfs_period_us")}


def blkio_throttle_io_service_bytes_recursive(
    raw: bytes, excluded: Collection[tuple[int, int]] = ()
) -> dict[str, float]:
    """Return the bytes of blkio.throttle.io_service_bytes_recursive as `io.stat.{r,w,d}bytes`.

    8:0 Read 1449984
    8:0 Write 3145728
    Total 4595712

    Devices are left out as in `fgm.parse.io_stat`. Nothing is returned while no device is named: newer
    kernels (seen on 6.18) count nothing here until some cgroup has a limit on the device, so that says
    nothing about I/O. Raises ParseError when a recorded line has no integer.
    """
    names = {b"Read": "io.stat.rbytes", b"Write": "io.stat.wbytes", b"Discard": "io.stat.dbytes"}
    return _blkio(raw, excluded, names, "blkio.throttle.io_service_bytes_recursive")


def blkio_throttle_io_serviced_recursive(raw: bytes, excluded: Collection[tuple[int, int]] = ()) -> dict[str, float]:
    """Return the requests of blkio.throttle.io_serviced_recursive as `io.stat.{r,w,d}ios`."""
    names = {b"Read": "io.stat.rios", b"Write": "io.stat.wios", b"Discard": "io.stat.dios"}
    return _blkio(raw, excluded, names, "blkio.throttle.io_serviced_recursive")


def _blkio(raw: bytes, excluded: Collection[tuple[int, int]], names: dict[bytes, str], file: str) -> dict[str, float]:
    totals: dict[str, float] = {}
    for line in raw.split(b"\n"):
        device, *rest = line.split() or [b""]
        name = names.get(rest[0]) if rest else None
        if name is None:
            continue
        totals.setdefault(name, 0)
        if is_counted(device, excluded):
            try:
                totals[name] += int(rest[1])
            except (IndexError, ValueError):
                raise ParseError(file, line, "a device, an operation and an integer") from None
    return totals
