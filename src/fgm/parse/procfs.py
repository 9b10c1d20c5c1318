"""Parses the files of the whole node, `/proc/<file>`, to metrics with the names of a cgroup's metrics.

Source: filesystems/proc.rst.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple

from fgm.parse.errors import ParseError

SECTOR_BYTES = 512
"""Size of a sector in /proc/diskstats. It does not depend on the sector size of the device."""

_MEMINFO = {
    b"MemTotal": "memory.max",
    b"SwapTotal": "memory.swap.max",
    b"AnonPages": "memory.stat.anon",
    b"Shmem": "memory.stat.shmem",
    b"Mapped": "memory.stat.file_mapped",
    b"Dirty": "memory.stat.file_dirty",
    b"Writeback": "memory.stat.file_writeback",
    b"SwapCached": "memory.stat.swapcached",
    b"AnonHugePages": "memory.stat.anon_thp",
    b"FileHugePages": "memory.stat.file_thp",
    b"ShmemHugePages": "memory.stat.shmem_thp",
    b"Inactive(anon)": "memory.stat.inactive_anon",
    b"Active(anon)": "memory.stat.active_anon",
    b"Inactive(file)": "memory.stat.inactive_file",
    b"Active(file)": "memory.stat.active_file",
    b"Unevictable": "memory.stat.unevictable",
    b"Slab": "memory.stat.slab",
    b"SReclaimable": "memory.stat.slab_reclaimable",
    b"SUnreclaim": "memory.stat.slab_unreclaimable",
    b"KernelStack": "memory.stat.kernel_stack",
    b"PageTables": "memory.stat.pagetables",
    b"SecPageTables": "memory.stat.sec_pagetables",
    b"Percpu": "memory.stat.percpu",
    b"Zswap": "memory.stat.zswap",
    b"Zswapped": "memory.stat.zswapped",
}
# These are recorded only as parts of sums and differences.
_MEMINFO_PARTS = (b"MemFree", b"SwapFree", b"Cached", b"Buffers")
_DISK_FIELDS = ((3, 1), (5, SECTOR_BYTES), (7, 1), (9, SECTOR_BYTES), (14, 1), (16, SECTOR_BYTES))
DISKSTATS = tuple(f"io.stat.{key}" for key in ("rios", "rbytes", "wios", "wbytes", "dios", "dbytes"))
"""Metrics of /proc/diskstats."""
NET_DEV = tuple(
    f"network.{direction}_{kind}" for direction in ("rx", "tx") for kind in ("bytes", "packets", "errs", "drop")
)
"""Metrics of /proc/net/dev."""

Counted = Callable[[tuple[bytes, ...]], Collection[bytes]]
"""Function that gets the names of all devices in a file, and returns those to count."""


def proc_stat(text: bytes, ticks_per_second: int = 100) -> dict[str, float]:
    """Return the CPU time of the node from the first line of /proc/stat, and the limit that its CPUs are.

    cpu  4702 0 4623 1457 35 0 38 0 0 0

    The fields are user, nice, system, idle, iowait, irq, softirq, steal, guest and guest_nice, in ticks. User time
    already includes guest time. Each CPU that is online has a line below.

    Unit: us, millicores.
    Raises: ParseError if that line is missing or has fewer than seven numbers.
    Source: fs/proc/stat.c; filesystems/proc.rst, "Miscellaneous kernel statistics in /proc/stat".
    """
    line = text.partition(b"\n")[0]
    try:
        kind, *fields = line.split()
        user, nice, system, _, _, irq, softirq, *_ = map(int, fields)
    except ValueError:
        raise ParseError("stat", line, "cpu and at least seven integers") from None
    if kind != b"cpu":
        raise ParseError("stat", line, "the line of all cpus")
    tick_usec = 1_000_000 / ticks_per_second
    return {
        "cpu.stat.usage_usec": (user + nice + system + irq + softirq) * tick_usec,
        "cpu.stat.user_usec": (user + nice) * tick_usec,
        "cpu.stat.system_usec": (system + irq + softirq) * tick_usec,
        "effective_cpu_limit_millicores": 1000.0 * text.count(b"\ncpu"),
        "effective_cpu_limit_depth": 0.0,
    }


class CpuTimes(NamedTuple):
    """Times of all processors together. `away_usec`: idle, waiting for I/O, or taken by the hypervisor."""

    busy_usec: float
    away_usec: float
    cpus: int


def cpu_times(text: bytes, ticks_per_second: int = 100) -> CpuTimes:
    """Return the times in the first line of /proc/stat, and the number of processors that are online.

    Raises: ParseError if the first line is malformed.
    Source: fs/proc/stat.c, whose first line sums up all possible processors, and which has a line for each online one.
    """
    line = text.partition(b"\n")[0]
    try:
        user, nice, system, idle, iowait, irq, softirq, *rest = map(int, line.split()[1:])
    except ValueError:
        raise ParseError("stat", line, "cpu and at least seven integers") from None
    tick_usec = 1_000_000 / ticks_per_second
    steal = rest[0] if rest else 0
    return CpuTimes(
        (user + nice + system + irq + softirq) * tick_usec,
        (idle + iowait + steal) * tick_usec,
        text.count(b"\ncpu", 0, text.find(b"\nintr") + 1 or len(text)),
    )


def meminfo(text: bytes) -> dict[str, float]:
    """Return the memory of the node from /proc/meminfo.

    MemTotal:        2976948 kB
    MemFree:         2589004 kB
    MemAvailable:    2568272 kB

    `memory.current` is all memory that is not free, including the page cache, as for a cgroup. `memory.max` is the
    memory of the machine. Swap is computed in the same way.

    Unit: bytes.
    Raises: ParseError if a recorded line has no integer.
    Source: fs/proc/meminfo.c; filesystems/proc.rst, "meminfo".
    """
    values: dict[str, float] = {}
    parts: dict[bytes, int] = {}
    for line in text.split(b"\n"):
        key, _, rest = line.partition(b":")
        metric = _MEMINFO.get(key)
        if metric is None and key not in _MEMINFO_PARTS:
            continue
        try:
            size_bytes = int(rest.removesuffix(b" kB")) * 1024
        except ValueError:
            raise ParseError("meminfo", line, "a name and an integer in kB") from None
        parts[key] = size_bytes
        if metric is not None:
            values[metric] = size_bytes
    if {b"MemTotal", b"MemFree"} <= parts.keys():
        values["memory.current"] = parts[b"MemTotal"] - parts[b"MemFree"]
    if b"MemTotal" in parts:
        values["effective_memory_max"], values["effective_memory_max_depth"] = parts[b"MemTotal"], 0.0
    if {b"SwapTotal", b"SwapFree"} <= parts.keys():
        values["memory.swap.current"] = parts[b"SwapTotal"] - parts[b"SwapFree"]
    if {b"Cached", b"Buffers"} <= parts.keys():  # what memory.stat counts as `file`
        values["memory.stat.file"] = parts[b"Cached"] + parts[b"Buffers"] + parts.get(b"SwapCached", 0)
    return values


def vmstat(text: bytes) -> dict[str, float]:
    """Return the page faults and, since Linux 4.13, the OOM kills of the node from /proc/vmstat.

    pgfault 1253873
    pgmajfault 1201
    oom_kill 0

    Raises: ParseError if one of these lines has no integer.
    Source: mm/vmstat.c; filesystems/proc.rst.
    """
    names = {
        b"pgfault": "memory.stat.pgfault",
        b"pgmajfault": "memory.stat.pgmajfault",
        b"oom_kill": "memory.events.oom_kill",
    }
    values: dict[str, float] = {}
    with_newline = b"\n" + text  # searched instead of split, because only three of about 180 lines are recorded
    for key, name in names.items():
        start = with_newline.find(b"\n" + key + b" ")
        if start >= 0:
            line = with_newline[start + 1 :].partition(b"\n")[0]
            try:
                values[name] = int(line[len(key) :])
            except ValueError:
                raise ParseError("vmstat", line, "a key and one integer") from None
    return values


def diskstats(text: bytes, counted: Counted) -> dict[bytes, list[int]]:
    """Return the counters of the counted disks in /proc/diskstats, in the order of DISKSTATS.

    254       0 vda 1551 440 405994 1335 8343 331 1357544 11392 0 6816 12751 0 0 0 0 28 22

    After the name come reads, merged reads, sectors and ms; the same for writes; three fields of the queue; and, since
    Linux 4.18, the same for discards. Before, the counters of discards are missing.

    Raises: ParseError if the line of a counted disk is malformed.
    Source: block/genhd.c; admin-guide/iostats.rst.
    """
    lines = {}
    for line in text.split(b"\n"):
        fields = line.split(None, 3)
        if len(fields) > 2:
            lines[fields[2]] = line
    return {name: _disk(lines[name]) for name in counted(tuple(lines))}


def _disk(line: bytes) -> list[int]:
    fields = line.split()
    counters = _DISK_FIELDS if len(fields) > 16 else _DISK_FIELDS[:4]
    try:
        return [int(fields[field]) * factor for field, factor in counters]
    except (IndexError, ValueError):
        raise ParseError("diskstats", line, "a device and at least eleven integers") from None


def loadavg(text: bytes) -> dict[str, float]:
    """Return `pids.current`, the number of all processes and threads of the node, from /proc/loadavg.

    3.18 0.87 0.30 5/90 784

    Raises: ParseError if the fourth field is not `running/all`.
    Source: fs/proc/loadavg.c; filesystems/proc.rst.
    """
    try:
        return {"pids.current": int(text.split()[3].split(b"/")[1])}
    except (IndexError, ValueError):
        raise ParseError("loadavg", text, "running/all in the fourth field") from None


def net_dev(text: bytes, counted: Counted) -> dict[bytes, list[int]]:
    """Return the counters of the counted interfaces in /proc/net/dev, in the order of NET_DEV.

    Inter-|   Receive                                                |  Transmit
     face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop ...
      eth0: 1296    16      0    0    0    0     0          0         3012     21      0    0    ...

    Raises: ParseError if the line of a counted interface has fewer than twelve integers.
    Source: net/core/net-procfs.c; filesystems/proc.rst, "Networking info in /proc/net".
    """
    lines = {}
    for line in text.split(b"\n"):
        name, colon, numbers = line.rpartition(b":")
        if colon:
            lines[name.strip()] = numbers
    return {name: _interface(name, lines[name]) for name in counted(tuple(lines))}


def _interface(name: bytes, numbers: bytes) -> list[int]:
    fields = numbers.split()
    try:
        counters = [int(field) for field in fields[:4] + fields[8:12]]
    except ValueError:
        counters = []
    if len(counters) < len(NET_DEV):
        raise ParseError("net/dev", name + b":" + numbers, "an interface and at least twelve integers")
    return counters
