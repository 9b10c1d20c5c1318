"""Files of /proc about the whole node, under the metric names of a cgroup.

Kernel: filesystems/proc.rst, admin-guide/iostats.rst.
"""

import os
from collections.abc import Collection

from fgm.parse.errors import ParseError

SECTOR_BYTES = 512
"""The unit of /proc/diskstats, whatever the device's own sectors are."""

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
_MEMINFO_PARTS = (b"MemFree", b"SwapFree", b"Cached", b"Buffers")


def proc_stat(raw: bytes, ticks_per_second: int = 100) -> dict[str, float]:
    """Return the processor time of the node, us, from the first line of /proc/stat: usage, user and system.

    cpu  4702 0 4623 1457 35 0 38 0 0 0

    The fields are user, nice, system, idle, iowait, irq, softirq, steal, guest (already in user), guest_nice.
    Raises ParseError when that line is not there or has less than seven numbers.
    """
    line = raw.partition(b"\n")[0]
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
    }


def meminfo(raw: bytes) -> dict[str, float]:
    """Return the memory of the node, bytes: `memory.current` is all that is not free, page cache included.

    MemTotal:        2976948 kB
    MemFree:         2589004 kB
    MemAvailable:    2568272 kB

    `memory.max` is all there is, the same for swap. Raises ParseError when a recorded line has no integer.
    """
    values: dict[str, float] = {}
    parts: dict[bytes, int] = {}
    for line in raw.split(b"\n"):
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
    if {b"SwapTotal", b"SwapFree"} <= parts.keys():
        values["memory.swap.current"] = parts[b"SwapTotal"] - parts[b"SwapFree"]
    if {b"Cached", b"Buffers"} <= parts.keys():  # the pages of files that memory.stat counts
        values["memory.stat.file"] = parts[b"Cached"] + parts[b"Buffers"] + parts.get(b"SwapCached", 0)
    return values


def vmstat(raw: bytes) -> dict[str, float]:
    """Return the page faults and OOM kills (since Linux 4.13) of the node.

    pgfault 1253873
    pgmajfault 1201
    oom_kill 0

    Raises ParseError when one of these lines has no integer.
    """
    names = {
        b"pgfault": "memory.stat.pgfault",
        b"pgmajfault": "memory.stat.pgmajfault",
        b"oom_kill": "memory.events.oom_kill",
    }
    values: dict[str, float] = {}
    text = b"\n" + raw  # some 180 lines, of which three are wanted
    for key, name in names.items():
        start = text.find(b"\n" + key + b" ")
        if start >= 0:
            line = text[start + 1 :].partition(b"\n")[0]
            try:
                values[name] = int(line[len(key) :])
            except ValueError:
                raise ParseError("vmstat", line, "a key and one integer") from None
    return values


def diskstats(raw: bytes, counted: Collection[str]) -> dict[str, float]:
    """Return the sums over the named whole disks, as of io.stat; discards are there since Linux 4.18.

    254       0 vda 1551 440 405994 1335 8343 331 1357544 11392 0 6816 12751 0 0 0 0 28 22

    Behind the name: reads, merged, sectors, ms; the same for writes; three of the queue; the same for
    discards.
    Nothing is returned when none of the disks is there. Raises ParseError when the line of one is malformed.
    """
    totals: dict[str, float] = {}
    places = {"rios": (3, 1), "rbytes": (5, SECTOR_BYTES), "wios": (7, 1), "wbytes": (9, SECTOR_BYTES)}
    discards = {"dios": (14, 1), "dbytes": (16, SECTOR_BYTES)}
    for disk in counted:  # of many lines, mostly of partitions and loop devices
        found = raw.find(b" %b " % os.fsencode(disk))
        if found < 0:
            continue
        line = raw[raw.rfind(b"\n", 0, found) + 1 :].partition(b"\n")[0]
        fields = line.split()
        try:
            for key, (place, factor) in (places | discards if len(fields) > 16 else places).items():
                name = f"io.stat.{key}"
                totals[name] = totals.get(name, 0) + int(fields[place]) * factor
        except (IndexError, ValueError):
            raise ParseError("diskstats", line, "a device and at least eleven integers") from None
    return totals


def loadavg(raw: bytes) -> dict[str, float]:
    """Return `pids.current`: all processes and threads of the node.

    3.18 0.87 0.30 5/90 784

    Raises ParseError when the fourth field is not `running/all`.
    """
    try:
        return {"pids.current": int(raw.split()[3].split(b"/")[1])}
    except (IndexError, ValueError):
        raise ParseError("loadavg", raw, "running/all in the fourth field") from None


def net_dev(raw: bytes, excluded: Collection[str] = ("lo",)) -> dict[str, float]:
    """Return `network.{rx,tx}_{bytes,packets,errs,drop}`: sums over interfaces that are not excluded.

    Inter-|   Receive                                                |  Transmit
     face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop ...
      eth0: 1296    16      0    0    0    0     0          0         3012     21      0    0    ...

    Raises ParseError when the line of an interface has less than twelve integers.
    """
    totals = [0] * 8
    for line in raw.split(b"\n"):
        name, colon, rest = line.rpartition(b":")
        if not colon or name.strip().decode(errors="replace") in excluded:
            continue
        fields = rest.split()
        try:
            totals = [total + int(field) for total, field in zip(totals, fields[:4] + fields[8:12], strict=True)]
        except ValueError:
            raise ParseError("net/dev", line, "an interface and at least twelve integers") from None
    directions = (
        "rx_bytes",
        "rx_packets",
        "rx_errs",
        "rx_drop",
        "tx_bytes",
        "tx_packets",
        "tx_errs",
        "tx_drop",
    )
    return {f"network.{direction}": total for direction, total in zip(directions, totals, strict=True)}
