"""The files of a cgroup v2 directory (kernel: admin-guide/cgroup-v2.rst).

Pressure files are in `fgm.parse.pressure`, io.stat is in `fgm.parse.io_stat`. The key tables serve the
functions here and `FlatKeyed`, which reads the same files faster.
"""

from fgm.parse.errors import ParseError
from fgm.parse.flat_keyed import Keys, Recorded, flat_keyed
from fgm.parse.single_value import limit


def _keys(file: str, recorded: str, unrecorded: str = "") -> Keys:
    keys: dict[bytes, Recorded | None] = {key.encode(): Recorded(f"{file}.{key}") for key in recorded.split()}
    return keys | dict.fromkeys(unrecorded.encode().split())


CPU_STAT = _keys(
    "cpu.stat",
    "usage_usec user_usec system_usec nr_periods nr_throttled throttled_usec nr_bursts burst_usec",
    unrecorded="nice_usec core_sched.force_idle_usec ntime_usec",
)
MEMORY_EVENTS = _keys("memory.events", "low high max oom oom_kill oom_group_kill", unrecorded="sock_throttled")
MEMORY_SWAP_EVENTS = _keys("memory.swap.events", "high max fail")
MEMORY_STAT = _keys(
    "memory.stat",
    """
    anon file kernel kernel_stack pagetables sec_pagetables percpu sock vmalloc shmem zswap zswapped
    file_mapped file_dirty file_writeback swapcached anon_thp file_thp shmem_thp inactive_anon active_anon
    inactive_file active_file unevictable slab_reclaimable slab_unreclaimable slab hugetlb
    workingset_refault_anon workingset_refault_file workingset_activate_anon workingset_activate_file
    workingset_restore_anon workingset_restore_file workingset_nodereclaim pswpin pswpout
    pgscan pgsteal pgscan_kswapd pgscan_direct pgscan_khugepaged pgscan_proactive
    pgsteal_kswapd pgsteal_direct pgsteal_khugepaged pgsteal_proactive
    pgfault pgmajfault pgrefill pgactivate pgdeactivate pglazyfree pglazyfreed
    swpin_zero swpout_zero zswpin zswpout zswpwb
    thp_fault_alloc thp_collapse_alloc thp_swpout thp_swpout_fallback
    numa_pages_migrated numa_pte_updates numa_hint_faults
    pgdemote_kswapd pgdemote_direct pgdemote_khugepaged pgdemote_proactive pgpromote_success
    """,
)
PIDS_EVENTS = _keys("pids.events", "max")
CGROUP_EVENTS = _keys("cgroup.events", "populated frozen")
CGROUP_STAT = _keys(
    "cgroup.stat",
    "nr_descendants nr_dying_descendants",
    unrecorded=" ".join(
        f"nr_subsys_{controller} nr_dying_subsys_{controller}"
        for controller in (
            *("cpu", "cpuset", "io", "memory", "hugetlb", "pids", "rdma", "misc", "dmem", "perf_event"),
            *("cpuacct", "blkio", "devices", "freezer", "net_cls", "net_prio", "debug"),
        )
    ),
)


def cpu_stat(raw: bytes) -> dict[str, float]:
    """Return the times (us) and counts of cpu.stat; five keys are there only with the cpu controller.

    usage_usec 4386911
    user_usec 1905003
    system_usec 2481908
    """
    return flat_keyed(raw, CPU_STAT, "cpu.stat")


def cpu_max(raw: bytes) -> dict[str, float]:
    """Return `cpu_quota_usec` (absent for "max") and `cpu_period_usec`.

    max 100000
    """
    try:
        quota, period = raw.split()
        values: dict[str, float] = {} if quota == b"max" else {"cpu_quota_usec": int(quota)}
        values["cpu_period_usec"] = int(period)
    except ValueError:
        raise ParseError("cpu.max", raw, "a quota and a period") from None
    return values


def memory_max(raw: bytes) -> dict[str, float]:
    """Return `memory.max`, bytes; nothing for "max"."""
    return _limit(raw, "memory.max")


def memory_high(raw: bytes) -> dict[str, float]:
    """Return `memory.high`, bytes; nothing for "max"."""
    return _limit(raw, "memory.high")


def memory_min(raw: bytes) -> dict[str, float]:
    """Return `memory.min`, bytes; nothing for "max"."""
    return _limit(raw, "memory.min")


def memory_low(raw: bytes) -> dict[str, float]:
    """Return `memory.low`, bytes; nothing for "max"."""
    return _limit(raw, "memory.low")


def memory_swap_max(raw: bytes) -> dict[str, float]:
    """Return `memory.swap.max`, bytes; nothing for "max"."""
    return _limit(raw, "memory.swap.max")


def memory_swap_events(raw: bytes) -> dict[str, float]:
    """Return the counts of memory.swap.events: high, max and fail."""
    return flat_keyed(raw, MEMORY_SWAP_EVENTS, "memory.swap.events")


def memory_events(raw: bytes) -> dict[str, float]:
    """Return the counts of memory.events, which include the cgroups below.

    low 0
    high 0
    max 37
    """
    return flat_keyed(raw, MEMORY_EVENTS, "memory.events")


def memory_stat(raw: bytes) -> dict[str, float]:
    """Return memory.stat: sizes in bytes and counts of events; which keys there are depends on the kernel.

    anon 63868928
    file 111546368
    kernel 3895296
    """
    return flat_keyed(raw, MEMORY_STAT, "memory.stat")


def pids_max(raw: bytes) -> dict[str, float]:
    """Return `pids.max`; nothing for "max"."""
    return _limit(raw, "pids.max")


def pids_events(raw: bytes) -> dict[str, float]:
    """Return `pids.events.max`: forks that failed at the limit."""
    return flat_keyed(raw, PIDS_EVENTS, "pids.events")


def cgroup_procs(raw: bytes) -> dict[str, float]:
    """Return `container.pid_count` of one directory; the caller adds up a subtree.

    A process of another pid namespace is printed as 0 and counts like any other. The file of v1 is the same.
    """
    return {"container.pid_count": raw.count(b"\n")}


def cgroup_events(raw: bytes) -> dict[str, float]:
    """Return `cgroup.events.populated` and `cgroup.events.frozen`, 0 or 1.

    populated 1
    frozen 0
    """
    return flat_keyed(raw, CGROUP_EVENTS, "cgroup.events")


def cgroup_stat(raw: bytes) -> dict[str, float]:
    """Return the numbers of living and dying cgroups below.

    nr_descendants 2
    nr_dying_descendants 0
    """
    return flat_keyed(raw, CGROUP_STAT, "cgroup.stat")


def _limit(raw: bytes, file: str) -> dict[str, float]:
    value = limit(raw, file)
    return {} if value is None else {file: value}
