"""The kernel files that are read for a cgroup and for the node, each with its parser and interval."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from fgm.collector.accounting.node_cpu import NodeCpu
from fgm.collector.cgroups.hierarchies import V2_NAMES, Hierarchies
from fgm.collector.kernel.kernel_file import Parser, PlainParser
from fgm.metrics.catalogue import BY_NAME
from fgm.parse import cgroup1, cgroup2, procfs
from fgm.parse.device_sums import DeviceSums
from fgm.parse.flat_keyed import FlatKeyed, Keys
from fgm.parse.io_stat import Devices, IoStat
from fgm.parse.pressure import Pressure
from fgm.parse.single_value import Number

SLOW_EVERY_S = 10.0
"""Interval between two reads of a limit; its last value is repeated in the rows between."""


@dataclass(frozen=True, slots=True)
class Source:
    """One kernel file. `file`: its name in the folder; `is_slow`: read every SLOW_EVERY_S instead of at every tick.

    `is_on_demand`: read only after `SeriesReader.read_on_demand` was called.
    """

    file: str
    make_parser: Callable[[], Parser]
    is_slow: bool = False
    is_on_demand: bool = False


def _plain(file: str, function: Callable[[bytes], Mapping[str, float]], *, is_slow: bool = False) -> Source:
    return Source(file, lambda: PlainParser(function), is_slow)


def _number(file: str, metric: str | None = None, *, divisor: int = 1, is_slow: bool = False) -> Source:
    return Source(file, lambda: Number(metric or file, file, divisor), is_slow)


def _keyed(file: str, keys: Keys, *, is_slow: bool = False) -> Source:
    return Source(file, lambda: FlatKeyed(keys, file), is_slow)


def _gauges(keys: Keys) -> Keys:
    """Return the keys without the counters: one that is read slowly would have a wrong rate."""
    return {
        key: recorded if recorded is not None and BY_NAME[recorded.metric].kind == "gauge" else None
        for key, recorded in keys.items()
    }


# cpu.stat comes first, because the time of its read is the lateness of the row. cpu.stat, memory.stat and io.stat
# follow each other: when the first is read, the kernel adds up the pending counters of all CPUs, for all controllers,
# so that little is left to add for the other two. Source: kernel/cgroup/rstat.c.
_PRESSURE = (
    Source("cpu.pressure", lambda: Pressure("cpu")),
    Source("memory.pressure", lambda: Pressure("memory")),
    Source("io.pressure", lambda: Pressure("io")),
)
_CGROUP_EVENTS = _keyed("cgroup.events", cgroup2.CGROUP_EVENTS)
_WITHOUT_CONTROLLER = frozenset({*_PRESSURE, _CGROUP_EVENTS})
_CPU_STAT = _keyed("cpu.stat", cgroup2.CPU_STAT)
_MEMORY_STAT = _keyed("memory.stat", cgroup2.MEMORY_STAT)
_CPU_STAT_LOCAL = replace(_keyed("cpu.stat.local", cgroup2.CPU_STAT_LOCAL), is_on_demand=True)
LIMIT_FILES = frozenset(
    {
        *("cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us"),
        *("memory.max", "memory.high", "memory.limit_in_bytes"),
    }
)
"""Files of the limits that also bound the cgroups below."""
_SWAP = (
    _number("memory.swap.current"),
    _number("memory.swap.peak"),
    _keyed("memory.swap.events", cgroup2.MEMORY_SWAP_EVENTS),
)
"""Files that are read slowly on a machine without swap space: only the failed attempts to swap may change there."""
_AFTER_IO = (
    _CPU_STAT_LOCAL,
    _number("memory.current"),
    _number("memory.peak"),
    *_SWAP,
    _keyed("memory.events", cgroup2.MEMORY_EVENTS),
    *_PRESSURE,
    _number("pids.current"),
    _number("pids.peak"),
    _keyed("pids.events", cgroup2.PIDS_EVENTS),
    _CGROUP_EVENTS,
    _plain("cpu.max", cgroup2.cpu_max, is_slow=True),
    _plain("memory.max", cgroup2.memory_max, is_slow=True),
    _plain("memory.high", cgroup2.memory_high, is_slow=True),
    _plain("memory.min", cgroup2.memory_min, is_slow=True),
    _plain("memory.low", cgroup2.memory_low, is_slow=True),
    _plain("memory.swap.max", cgroup2.memory_swap_max, is_slow=True),
    _plain("memory.zswap.max", cgroup2.memory_zswap_max, is_slow=True),
    _plain("pids.max", cgroup2.pids_max, is_slow=True),
)
# A node has dozens of services, and most do little. So only what is used and OOM kills are read at every tick.
_SERVICE = (
    _number("memory.current"),
    _keyed("memory.events", cgroup2.MEMORY_EVENTS),
    _keyed("memory.stat", _gauges(cgroup2.MEMORY_STAT), is_slow=True),
    _number("memory.swap.current", is_slow=True),
    _number("pids.current", is_slow=True),
    _plain("cpu.max", cgroup2.cpu_max, is_slow=True),
    _plain("memory.max", cgroup2.memory_max, is_slow=True),
    _plain("memory.high", cgroup2.memory_high, is_slow=True),
    _plain("pids.max", cgroup2.pids_max, is_slow=True),
)
# cpuacct counts in ns. memory.memsw is memory *and* swap; the sampler subtracts the memory.
_V1: Mapping[str, tuple[Source, ...]] = {
    "cpuacct": (
        _number("cpuacct.usage", "cpu.stat.usage_usec", divisor=1000),
        _number("cpuacct.usage_user", "cpu.stat.user_usec", divisor=1000),
        _number("cpuacct.usage_sys", "cpu.stat.system_usec", divisor=1000),
    ),
    "cpu": (
        _keyed("cpu.stat", cgroup1.CPU_STAT),
        _plain("cpu.cfs_quota_us", cgroup1.cpu_cfs_quota_us, is_slow=True),
        _plain("cpu.cfs_period_us", cgroup1.cpu_cfs_period_us, is_slow=True),
    ),
    "memory": (
        _keyed("memory.stat", cgroup1.MEMORY_STAT),
        _number("memory.usage_in_bytes", "memory.current"),
        _number("memory.max_usage_in_bytes", "memory.peak"),
        _number("memory.memsw.usage_in_bytes", "memory.swap.current"),
        _keyed("memory.oom_control", cgroup1.OOM_CONTROL),
        _plain("memory.limit_in_bytes", cgroup1.memory_limit_in_bytes, is_slow=True),
    ),
    "pids": (
        _number("pids.current"),
        _number("pids.peak"),
        _keyed("pids.events", cgroup2.PIDS_EVENTS),
        _plain("pids.max", cgroup2.pids_max, is_slow=True),
    ),
}
# Swap is left out: it is computed from memory at the same tick.
_V1_SERVICE: Mapping[str, tuple[Source, ...]] = {
    "cpuacct": (_number("cpuacct.usage", "cpu.stat.usage_usec", divisor=1000),),
    "cpu": (
        _plain("cpu.cfs_quota_us", cgroup1.cpu_cfs_quota_us, is_slow=True),
        _plain("cpu.cfs_period_us", cgroup1.cpu_cfs_period_us, is_slow=True),
    ),
    "memory": (
        _number("memory.usage_in_bytes", "memory.current"),
        _keyed("memory.oom_control", cgroup1.OOM_CONTROL),
        _keyed("memory.stat", _gauges(cgroup1.MEMORY_STAT), is_slow=True),
        _plain("memory.limit_in_bytes", cgroup1.memory_limit_in_bytes, is_slow=True),
    ),
    "pids": (
        _number("pids.current", is_slow=True),
        _plain("pids.max", cgroup2.pids_max, is_slow=True),
    ),
}


class CgroupSources:
    """The files to read for the cgroups of a host. A cgroup's files depend on the hierarchies that it is in."""

    def __init__(self, hierarchies: Hierarchies, stacked: Devices, write_only: Devices, *, has_swap: bool) -> None:
        """`stacked`: block devices that repeat the I/O of others; `write_only`: those that only repeat reads.

        `has_swap`: whether the machine has swap space.
        """
        self._is_cpu_in_v1 = "cpu" in hierarchies.v1
        io = Source("io.stat", lambda: IoStat(stacked, write_only))
        # Files of a controller that is in a v1 hierarchy cannot appear in v2. The others are opened if they exist.
        in_v1 = {V2_NAMES[name] for name in hierarchies.v1 if name in V2_NAMES}

        def possible(sources: Iterable[Source]) -> tuple[Source, ...]:
            return tuple(s for s in sources if s in _WITHOUT_CONTROLLER or s.file.partition(".")[0] not in in_v1)

        after_io = _AFTER_IO if has_swap else tuple(replace(s, is_slow=True) if s in _SWAP else s for s in _AFTER_IO)
        self._v2, self._v2_service = possible((_MEMORY_STAT, io, *after_io)), possible((io, *_SERVICE))
        blkio = (
            _plain(
                "blkio.throttle.io_service_bytes_recursive",
                partial(cgroup1.blkio_throttle_io_service_bytes_recursive, excluded=stacked, write_only=write_only),
            ),
            _plain(
                "blkio.throttle.io_serviced_recursive",
                partial(cgroup1.blkio_throttle_io_serviced_recursive, excluded=stacked, write_only=write_only),
            ),
        )
        self._v1 = {**_V1, "blkio": blkio}
        self._v1_service = {**_V1_SERVICE, "blkio": blkio}

    def of(self, folders: Mapping[str, str], *, is_service: bool = False) -> list[tuple[Source, str]]:
        """Return the files to read for one cgroup, each with its folder; the one with the CPU usage comes first.

        `folders`: the cgroup's folder by v1 controller (or "unified").
        """
        v1_tables, v2_sources = (self._v1_service, self._v2_service) if is_service else (self._v1, self._v2)
        unified = folders.get("unified")
        # cpu.stat of v2 has the usage even if v1 has the controller. Reading it from cpuacct, too, would mix both.
        is_usage_in_v1 = unified is None or (self._is_cpu_in_v1 and "cpuacct" in folders)
        tables = [item for item in v1_tables.items() if is_usage_in_v1 or item[0] != "cpuacct"]
        v1 = [(source, folders[name]) for name, table in tables if name in folders for source in table]
        if unified is None:
            return v1
        v2 = [(source, unified) for source in v2_sources]
        return [*v1, *v2] if is_usage_in_v1 else [(_CPU_STAT, unified), *v2, *v1]

    def limits_of(self, folders: Mapping[str, str]) -> list[tuple[Source, str]]:
        """Return the files with limits that also bound the cgroups below, each with its folder."""
        return [(source, folder) for source, folder in self.of(folders) if source.file in LIMIT_FILES]


def disk_sums(counted: procfs.Counted) -> DeviceSums:
    """Return a new parser of /proc/diskstats."""
    counters = partial(procfs.diskstats, counted=counted)
    return DeviceSums(procfs.DISKSTATS, counters, begin_at_zero=True, null_without_devices=True)


def interface_sums(counted: procfs.Counted) -> DeviceSums:
    """Return a new parser of the /proc/<pid>/net/dev of one network namespace."""
    counters = partial(procfs.net_dev, counted=counted)
    return DeviceSums(procfs.NET_DEV, counters, begin_at_zero=False, null_without_devices=False)


def node_sources(
    proc_root: str,
    hierarchies: Hierarchies,
    counted_disks: procfs.Counted,
    counted_interfaces: procfs.Counted,
    cpu: NodeCpu,
) -> list[tuple[Source, str]]:
    """Return the files to read for the node, each with its folder."""
    files = (
        Source("stat", lambda: cpu),
        _plain("meminfo", procfs.meminfo),
        _plain("vmstat", procfs.vmstat),
        Source("diskstats", partial(disk_sums, counted_disks)),
        _plain("loadavg", procfs.loadavg),
        Source("pressure/cpu", lambda: Pressure("cpu")),
        Source("pressure/memory", lambda: Pressure("memory")),
        Source("pressure/io", lambda: Pressure("io")),
        Source("1/net/dev", partial(interface_sums, counted_interfaces)),
    )
    root = [(_keyed("cgroup.stat", cgroup2.CGROUP_STAT), hierarchies.unified)] if hierarchies.unified else []
    return [*((source, proc_root) for source in files), *root]
