"""Parses the files of one process, `/proc/<pid>/<file>`.

Source: filesystems/proc.rst, "Process-Specific Subdirectories".
"""

from dataclasses import dataclass
from typing import NamedTuple

from fgm.parse.errors import ParseError

_ROLLUP = {
    b"Pss": "smaps_rollup.pss",
    b"Pss_Anon": "smaps_rollup.pss_anon",
    b"Pss_File": "smaps_rollup.pss_file",
    b"Pss_Shmem": "smaps_rollup.pss_shmem",
    b"SwapPss": "smaps_rollup.swap_pss",
}
_SMAPS = {
    b"Size": "size_bytes",
    b"Rss": "rss_bytes",
    b"Pss": "pss_bytes",
    b"Private_Dirty": "private_dirty_bytes",
    b"Swap": "swap_bytes",
}


class ProcessStat(NamedTuple):
    """Fields of /proc/<pid>/stat. (pid, starttime_ticks) identifies a process, because pids are reused.

    `children_ticks`: CPU time of its children that have ended, and of theirs, as far as they were waited for.
    """

    pid: int
    comm: str
    utime_ticks: int
    stime_ticks: int
    num_threads: int
    starttime_ticks: int
    rss_pages: int
    children_ticks: int = 0


def pid_stat(text: bytes) -> ProcessStat:
    """Return the fields of /proc/<pid>/stat that fgm uses.

    784 (a) weird) R 700 784 700 34816 784 4194304 90 0 0 0 0 0 0 0 20 0 1 0 7341 8953856 222 ...

    A process can choose the name in parentheses, which may contain blanks and parentheses. The fields are therefore
    counted from the last parenthesis.

    Raises: ParseError if fields are missing.
    Source: fs/proc/array.c; filesystems/proc.rst, table 1-4.
    """
    head, _, tail = text.rpartition(b")")
    pid, _, comm = head.partition(b" (")
    fields = tail.split(None, 22)
    try:
        return ProcessStat(
            pid=int(pid),
            comm=comm.decode(errors="replace"),
            utime_ticks=int(fields[11]),
            stime_ticks=int(fields[12]),
            num_threads=int(fields[17]),
            starttime_ticks=int(fields[19]),
            rss_pages=int(fields[21]),
            children_ticks=int(fields[13]) + int(fields[14]),
        )
    except (IndexError, ValueError):
        raise ParseError("pid/stat", text, "pid (name) state and at least 21 integers") from None


def statm(text: bytes, page_size_bytes: int = 4096) -> dict[str, float]:
    """Return `processes.resident_bytes` and `processes.shared_bytes` of one process, from /proc/<pid>/statm.

    2186 812 640 208 0 145 0

    The fields are numbers of pages: first size, resident and shared, then others.

    Raises: ParseError if there are fewer than three integers.
    Source: fs/proc/array.c; filesystems/proc.rst, table 1-3.
    """
    try:
        _, resident, shared, *_ = map(int, text.split())
    except ValueError:
        raise ParseError("pid/statm", text, "at least three integers") from None
    return {
        "processes.resident_bytes": resident * page_size_bytes,
        "processes.shared_bytes": shared * page_size_bytes,
    }


def smaps_rollup(text: bytes) -> dict[str, float]:
    """Return `smaps_rollup.pss` and, since Linux 5.2, its parts, from /proc/<pid>/smaps_rollup.

    5639378c1000-7ffe59e48000 ---p 00000000 00:00 0                          [rollup]
    Rss:                1732 kB
    Pss:                 422 kB
    Pss_Anon:            108 kB

    Unit: bytes.
    Raises: ParseError if there is no line Pss, or a recorded line has no integer.
    Source: fs/proc/task_mmu.c; ABI/testing/procfs-smaps_rollup.
    """
    values: dict[str, float] = {}
    for line in text.split(b"\n"):
        key, _, rest = line.partition(b":")
        if key in _ROLLUP:
            values[_ROLLUP[key]] = _bytes("pid/smaps_rollup", line, rest)
    if "smaps_rollup.pss" not in values:
        raise ParseError("pid/smaps_rollup", text, "a line Pss")
    return values


@dataclass(slots=True)
class Region:
    """Sums over all mappings of a process with one name: the base name of a file, `[heap]`, `[stack]`, `[anon]`, …."""

    name: str
    size_bytes: float = 0
    rss_bytes: float = 0
    pss_bytes: float = 0
    private_dirty_bytes: float = 0
    swap_bytes: float = 0


def smaps(text: bytes) -> list[Region]:
    """Return the memory regions of a process from /proc/<pid>/smaps, in file order.

    5577c32f2000-5577c32f4000 r--p 00000000 fe:00 260386                     /usr/bin/head
    Size:                  8 kB
    Rss:                   8 kB
    VmFlags: rd mr mw me

    Mappings without a name belong to the region `[anon]`.

    Raises: ParseError if a recorded line has no integer, or comes before the first mapping.
    Source: fs/proc/task_mmu.c; filesystems/proc.rst, "/proc/PID/smaps".
    """
    regions: dict[str, Region] = {}
    region: Region | None = None
    for line in filter(None, text.split(b"\n")):
        first, _, rest = line.partition(b" ")
        if not first.endswith(b":"):
            name = _region_name(rest)
            region = regions.setdefault(name, Region(name))
            continue
        field = _SMAPS.get(first[:-1])
        if field is None:
            continue
        if region is None:
            raise ParseError("pid/smaps", line, "the line of a mapping first")
        setattr(region, field, getattr(region, field) + _bytes("pid/smaps", line, rest))
    return list(regions.values())


def _region_name(rest: bytes) -> str:
    """Return the name of a mapping, from `perms offset dev inode name`."""
    fields = rest.split(None, 4)
    if len(fields) < 5:
        return "[anon]"
    name = fields[4].decode(errors="replace")
    return name.rpartition("/")[2] or name if name.startswith("/") else name


def _bytes(file: str, line: bytes, rest: bytes) -> int:
    try:
        return int(rest.split()[0]) * 1024
    except (IndexError, ValueError):
        raise ParseError(file, line, "a name and an integer in kB") from None
