"""Parses the files of cgroup v1, `/sys/fs/cgroup/<controller>/<path>/<file>`, to metrics with the names of v2.

The files of the pids controller and cgroup.procs are as in v2: see `fgm.parse.cgroup2`. Files without an equivalent in
v2, such as memory.failcnt, are not read. Each constant contains the keys of one flat keyed file.

Source: admin-guide/cgroup-v1/.
"""

from collections.abc import Iterator

from fgm.parse.errors import ParseError
from fgm.parse.flat_keyed import Keys, Recorded
from fgm.parse.io_stat import Devices, is_counted
from fgm.parse.single_value import number

NO_LIMIT_BYTES = 2**63 - 4096
"""Value that v1 prints if there is no limit: the maximum of a page counter with pages of 4 KiB."""

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
# Values of the cgroup without its descendants, and values that have no metric in v2.
_UNRECORDED = """
    cache rss rss_huge shmem mapped_file dirty writeback workingset_refault_anon workingset_refault_file swap
    swapcached pgpgin pgpgout pgfault pgmajfault inactive_anon active_anon inactive_file active_file
    unevictable hierarchical_memory_limit hierarchical_memsw_limit total_swap total_pgpgin total_pgpgout
"""

_BLKIO = {
    "blkio.throttle.io_service_bytes_recursive": {
        b"Read": "io.stat.rbytes",
        b"Write": "io.stat.wbytes",
        b"Discard": "io.stat.dbytes",
    },
    "blkio.throttle.io_serviced_recursive": {
        b"Read": "io.stat.rios",
        b"Write": "io.stat.wios",
        b"Discard": "io.stat.dios",
    },
}

MEMORY_STAT: Keys = {
    key.encode(): Recorded(f"memory.stat.{name}") for key, name in _MEMORY_STAT.items()
} | dict.fromkeys(_UNRECORDED.encode().split())
"""Keys of memory.stat. The hierarchical values (`total_`) are recorded; they include descendants, like those of v2.

    cache 9220096
    total_cache 16683008
    total_rss 12267520

Source: mm/memcontrol-v1.c; admin-guide/cgroup-v1/memory.rst, "5.2 stat file".
"""
OOM_CONTROL: Keys = {
    b"oom_kill": Recorded("memory.events.oom_kill"),
    b"oom_kill_disable": None,
    b"under_oom": None,
}
"""Keys of memory.oom_control. `oom_kill` exists since Linux 4.13; unlike in v2, it does not include descendants.

    oom_kill_disable 0
    under_oom 0
    oom_kill 2

Source: mm/memcontrol-v1.c; admin-guide/cgroup-v1/memory.rst, "10. OOM Control".
"""
CPU_STAT: Keys = {
    b"nr_periods": Recorded("cpu.stat.nr_periods"),
    b"nr_throttled": Recorded("cpu.stat.nr_throttled"),
    b"throttled_time": Recorded("cpu.stat.throttled_usec", divisor=1000),
    b"nr_bursts": Recorded("cpu.stat.nr_bursts"),
    b"burst_time": Recorded("cpu.stat.burst_usec", divisor=1000),
    b"wait_sum": None,
    b"current_bw": None,
}
"""Keys of cpu.stat. Times are in ns in v1, and are recorded in us as in v2.

    nr_periods 1200
    nr_throttled 300
    throttled_time 27000000000

Source: kernel/sched/core.c; scheduler/sched-bwc.rst, "Statistics".
"""


def memory_limit_in_bytes(text: bytes) -> dict[str, float]:
    """Return memory.limit_in_bytes as `memory.max`; an empty dict if there is no limit.

    67108864

    Raises: ParseError if it is not a number.
    Source: mm/memcontrol-v1.c; admin-guide/cgroup-v1/memory.rst.
    """
    limit = number(text, "memory.limit_in_bytes")
    return {"memory.max": limit} if limit < NO_LIMIT_BYTES else {}


def cpu_cfs_quota_us(text: bytes) -> dict[str, float]:
    """Return cpu.cfs_quota_us as `cpu_quota_usec`; an empty dict for -1, which means no limit.

    25000

    Raises: ParseError if it is not a number.
    Source: kernel/sched/core.c; scheduler/sched-bwc.rst, "Management".
    """
    quota = number(text, "cpu.cfs_quota_us")
    return {"cpu_quota_usec": quota} if quota >= 0 else {}


def cpu_cfs_period_us(text: bytes) -> dict[str, float]:
    """Return cpu.cfs_period_us as `cpu_period_usec`.

    100000

    Raises: ParseError if it is not a number.
    Source: as `cpu_cfs_quota_us`.
    """
    return {"cpu_period_usec": number(text, "cpu.cfs_period_us")}


def blkio_throttle_io_service_bytes_recursive(
    text: bytes, excluded: Devices = (), write_only: Devices = ()
) -> dict[str, float]:
    """Return the bytes of blkio.throttle.io_service_bytes_recursive as `io.stat.{r,w,d}bytes`.

    8:0 Read 1449984
    8:0 Write 3145728
    Total 4595712

    Devices are excluded as in `fgm.parse.io_stat`. The result is empty if the file names no device, because then the
    I/O is unknown: newer kernels (seen on 6.18) count a device only after some cgroup has got a limit on it.

    Raises: ParseError if a recorded line has no integer.
    Source: block/blk-throttle.c; admin-guide/cgroup-v1/blkio-controller.rst.
    """
    return _blkio(text, "blkio.throttle.io_service_bytes_recursive", excluded, write_only)


def blkio_throttle_io_serviced_recursive(
    text: bytes, excluded: Devices = (), write_only: Devices = ()
) -> dict[str, float]:
    """Return the requests of blkio.throttle.io_serviced_recursive as `io.stat.{r,w,d}ios`.

    8:0 Read 18
    8:0 Write 24
    Total 42

    Devices, errors and source are as for `blkio_throttle_io_service_bytes_recursive`.
    """
    return _blkio(text, "blkio.throttle.io_serviced_recursive", excluded, write_only)


def blkio_values(
    text: bytes, file: str, excluded: Devices = (), write_only: Devices = ()
) -> Iterator[tuple[bytes, str, int]]:
    """Yield the device, the metric and the value of each number in one of the two files. Those not counted are 0.

    Raises: ParseError if a recorded line has no integer.
    """
    names = _BLKIO[file]
    for line in text.split(b"\n"):
        device, *rest = line.split() or [b""]
        name = names.get(rest[0]) if rest else None
        if name is None:
            continue
        if not is_counted(device, excluded) or (rest[0] == b"Read" and not is_counted(device, write_only)):
            yield device, name, 0
            continue
        try:
            yield device, name, int(rest[1])
        except (IndexError, ValueError):
            raise ParseError(file, line, "a device, an operation and an integer") from None


def _blkio(text: bytes, file: str, excluded: Devices, write_only: Devices) -> dict[str, float]:
    totals: dict[str, float] = {}
    for _, name, value in blkio_values(text, file, excluded, write_only):
        totals[name] = totals.get(name, 0) + value
    return totals
