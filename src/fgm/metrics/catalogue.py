"""The catalogue of recorded metrics: one table, which is also the schema of every file.

A recorded metric is a nullable column with the values of the kernel, in memory float64. Counters are recorded raw, not
as rates. Null means that the kernel did not provide the value, or that a limit is "max". A missing value is never
recorded as 0.
The columns are in the order of the table. A new metric requires a new FORMAT_VERSION (`fgm.store.samples.header`).
"""

from collections.abc import Mapping
from typing import Literal

from fgm.metrics.metric import Metric, parse_table

_TABLE = """
cpu.stat
counter us .usage_usec = CPU time: Processor time used, user and system together.
counter us .user_usec = CPU time, user: Time in user mode; the kernel smooths the split.
counter us .system_usec = CPU time, system: Time in kernel mode; the kernel smooths the split.
counter 1 .nr_periods = CPU limit periods: Periods in which the cgroup ran under a quota.
counter 1 .nr_throttled = CPU periods throttled: Periods in which the quota ran out.
counter us .throttled_usec = CPU time throttled: Time spent waiting for quota, added up over processors.
counter 1 .nr_bursts = CPU bursts: Periods that ran beyond the quota on saved time. Since Linux 5.15.
counter us .burst_usec = CPU burst time: Time run beyond the quota on saved time. Since Linux 5.15.
cpu.max
gauge@10 us cpu_quota_usec = CPU quota: Processor time allowed in each period. Null is no limit.
gauge@10 us cpu_period_usec = CPU period: Length of the period that the quota belongs to.
../cpu.max
gauge@10 millicores effective_cpu_limit_millicores = Effective CPU limit: The smallest quota on the way up to the node.
gauge@10 1 effective_cpu_limit_depth = Depth of the CPU limit: Names in the path of its cgroup; 0 is the node.
cpu.stat.local
counter us .throttled_usec = CPU time held: Waiting for any quota, also one further up. Linux 6.6, if one is there.
cpu.pressure
counter us .some.total = CPU pressure, some: Time in which some task waited for a processor. Null: PSI off.
counter us .full.total = CPU pressure, full: Time in which all tasks at once waited for a processor.

memory.current
gauge bytes . = Memory: All memory charged to the cgroup, page cache and kernel memory included.
memory.peak
gauge bytes . = Memory peak: Highest memory use in the life of the cgroup. Since Linux 5.19.
memory.max
gauge@10 bytes . = Memory limit: The hard limit; beyond it the OOM killer comes. Null is no limit.
memory.high
gauge@10 bytes . = Memory high limit: Beyond it processes are slowed and reclaimed from. Null is no limit.
../memory.max
gauge@10 bytes effective_memory_max = Effective memory limit: The smallest hard limit on the way up to the node.
gauge@10 1 effective_memory_max_depth = Depth of the memory limit: Names in the path of its cgroup; 0 is the node.
../memory.high
gauge@10 bytes effective_memory_high = Effective high limit: The smallest high limit on the way up. Null is no limit.
gauge@10 1 effective_memory_high_depth = Depth of the high limit: Names in the path of its cgroup.
memory.min
gauge@10 bytes . = Memory guaranteed: Memory that is never reclaimed. Null is all of it.
memory.low
gauge@10 bytes . = Memory protected: Memory reclaimed only when nothing else is left. Null is all of it.
memory.swap.current
gauge bytes . = Swap: Swap used by the cgroup. Null on kernels without swap.
memory.swap.peak
gauge bytes . = Swap peak: Highest swap use in the life of the cgroup. Since Linux 6.5.
memory.swap.max
gauge@10 bytes . = Swap limit: Swap that may be used. Null is no limit.
memory.zswap.max
gauge@10 bytes . = zswap limit: What the compressed swap cache may take; memory.stat.zswap is its use. Null is no limit.
memory.swap.events
counter 1 .high = Swap high events: Times that swap use went over its high limit.
counter 1 .max = Swap limit events: Times that swap use was about to go over its limit.
counter 1 .fail = Swap failures: Swap allocations that failed, for lack of space or because of the limit.
memory.events
counter 1 .low = Memory low events: Reclaims below the protected amount.
counter 1 .high = Memory high events: Times that processes were slowed down at the high limit.
counter 1 .max = Memory limit events: Times that memory use was about to go over the limit.
counter 1 .oom = Out of memory: Times that the limit was reached and an allocation was about to fail.
counter 1 .oom_kill = OOM kills, as counted: Kills here and in cgroups below; the first of a group counts twice.
counter 1 .oom_group_kill = OOM group kills: Times that the whole cgroup was killed. Since Linux 5.17.
counter 1 .sock_throttled = Network throttled: Times that sockets were held back, for lack of memory. Since Linux 6.19.
memory.pressure
counter us .some.total = Memory pressure, some: Time in which some task waited for memory. Null: PSI off.
counter us .full.total = Memory pressure, full: Time in which all tasks at once waited for memory.

memory.stat
gauge bytes .anon = Anonymous memory: Heaps, stacks and private mappings: memory with no file behind it.
gauge bytes .file = Page cache: Cached file data, tmpfs and shared memory included.
gauge bytes .kernel = Kernel memory: Stacks, page tables, per-CPU, slab and more. Since Linux 5.18.
gauge bytes .kernel_stack = Kernel stacks: Kernel stacks of the cgroup's threads.
gauge bytes .pagetables = Page tables: Memory for page tables.
gauge bytes .sec_pagetables = Secondary page tables: Page tables of virtual machines (KVM) and IOMMUs.
gauge bytes .percpu = Per-CPU memory: Kernel structures that exist once for each processor.
gauge bytes .sock = Socket buffers: Memory in network transmission buffers.
gauge bytes .vmalloc = vmalloc: Virtually contiguous kernel memory.
gauge bytes .shmem = Shared memory: tmpfs, shared anonymous mappings, System V shared memory.
gauge bytes .zswap = zswap: Memory that the compressed swap cache itself takes.
gauge bytes .zswapped = zswapped: Application memory that went to the compressed swap cache.
gauge bytes .file_mapped = Mapped files: Cached file data that is mapped into a process.
gauge bytes .file_dirty = Dirty page cache: Cached file data that was changed and not yet written.
gauge bytes .file_writeback = Page cache in writeback: Cached file data that is being written now.
gauge bytes .swapcached = Swap cache: Swapped memory that is also still in memory.
gauge bytes .anon_thp = Anonymous huge pages: Anonymous memory in transparent huge pages.
gauge bytes .file_thp = Page cache huge pages: Cached file data in transparent huge pages.
gauge bytes .shmem_thp = Shared memory huge pages: Shared memory in transparent huge pages.
gauge bytes .inactive_anon = Inactive anonymous memory: Swapped out first; shared memory included.
gauge bytes .active_anon = Active anonymous memory: Recently used; shared memory included.
gauge bytes .inactive_file = Inactive page cache: Cached file data that is reclaimed first.
gauge bytes .active_file = Active page cache: Recently used cached file data.
gauge bytes .unevictable = Unevictable memory: Locked memory (mlock) and what else reclaim leaves alone.
gauge bytes .slab_reclaimable = Reclaimable slab: Kernel objects that can be freed, such as inodes.
gauge bytes .slab_unreclaimable = Unreclaimable slab: Kernel objects that cannot be freed under pressure.
gauge bytes .slab = Slab: Kernel objects, reclaimable and not.
gauge bytes .hugetlb = hugetlb pages: Explicit huge pages, if charged to memory. Since Linux 6.13.
counter 1 .workingset_refault_anon = Refaults, anonymous: Swapped pages that soon came back.
counter 1 .workingset_refault_file = Refaults, file: Reclaimed cache pages that soon came back.
counter 1 .workingset_activate_anon = Refaults activated, anonymous: Those that were activated at once.
counter 1 .workingset_activate_file = Refaults activated, file: Those that were activated at once.
counter 1 .workingset_restore_anon = Refaults restored, anonymous: Those that had been active before.
counter 1 .workingset_restore_file = Refaults restored, file: Those that had been active before.
counter 1 .workingset_nodereclaim = Shadow nodes reclaimed: Times that the memory of refaults was reclaimed.
counter 1 .pswpin = Pages swapped in: Pages read from the swap device. Since Linux 6.15.
counter 1 .pswpout = Pages swapped out: Pages written to the swap device. Since Linux 6.15.
counter 1 .pgscan = Pages scanned: Inactive pages that reclaim looked at.
counter 1 .pgsteal = Pages reclaimed: Pages that reclaim took.
counter 1 .pgscan_kswapd = Pages scanned by kswapd: Pages looked at in the background.
counter 1 .pgscan_direct = Pages scanned directly: Pages looked at while a process waited for memory.
counter 1 .pgscan_khugepaged = Pages scanned by khugepaged: Pages looked at to make huge pages.
counter 1 .pgscan_proactive = Pages scanned proactively: Pages looked at because memory.reclaim was written.
counter 1 .pgsteal_kswapd = Pages reclaimed by kswapd: Pages taken in the background.
counter 1 .pgsteal_direct = Pages reclaimed directly: Pages taken while a process waited for memory.
counter 1 .pgsteal_khugepaged = Pages reclaimed by khugepaged: Pages taken to make huge pages.
counter 1 .pgsteal_proactive = Pages reclaimed proactively: Pages taken because memory.reclaim was written.
counter 1 .pgfault = Page faults: All page faults, minor and major.
counter 1 .pgmajfault = Major page faults: Page faults that had to read from storage.
counter 1 .pgrefill = Active pages scanned: Active pages that reclaim looked at.
counter 1 .pgactivate = Pages activated: Pages moved to the active list.
counter 1 .pgdeactivate = Pages deactivated: Pages moved to the inactive list.
counter 1 .pglazyfree = Pages marked free: Pages given back by MADV_FREE, to be taken under pressure.
counter 1 .pglazyfreed = Marked pages freed: Pages given back by MADV_FREE that were taken.
counter 1 .swpin_zero = Zero pages swapped in: Pages filled with zeros, for which no I/O was needed.
counter 1 .swpout_zero = Zero pages swapped out: Pages full of zeros, for which no I/O was needed.
counter 1 .zswpin = Pages from zswap: Pages brought back from the compressed swap cache.
counter 1 .zswpout = Pages to zswap: Pages moved to the compressed swap cache.
counter 1 .zswpwb = Pages from zswap to swap: Pages written on to the swap device.
counter 1 .thp_fault_alloc = Huge pages by faults: Huge pages given to a page fault.
counter 1 .thp_collapse_alloc = Huge pages by collapsing: Huge pages made from existing small ones.
counter 1 .thp_swpout = Huge pages swapped out: Huge pages swapped out in one piece.
counter 1 .thp_swpout_fallback = Huge pages split for swap: Huge pages split before they were swapped out.
counter 1 .numa_pages_migrated = NUMA pages migrated: Pages moved between nodes by NUMA balancing.
counter 1 .numa_pte_updates = NUMA page table updates: Entries changed to see the next access.
counter 1 .numa_hint_faults = NUMA hinting faults: Faults that told of an access.
counter 1 .pgdemote_kswapd = Pages demoted by kswapd: Pages moved to slower memory in the background.
counter 1 .pgdemote_direct = Pages demoted directly: Pages moved to slower memory while a process waited.
counter 1 .pgdemote_khugepaged = Pages demoted by khugepaged: Pages moved to slower memory by khugepaged.
counter 1 .pgdemote_proactive = Pages demoted proactively: Pages moved to slower memory by memory.reclaim.
counter 1 .pgpromote_success = Pages promoted: Pages moved to faster memory.

io.stat
counter bytes .rbytes = Bytes read: Read from block devices; stacked devices are not counted twice.
counter bytes .wbytes = Bytes written: Written to block devices, buffered writes when they are written back.
counter 1 .rios = Reads: Read requests to block devices.
counter 1 .wios = Writes: Write requests to block devices.
counter bytes .dbytes = Bytes discarded: Discarded (trimmed) on block devices.
counter 1 .dios = Discards: Discard requests to block devices.
io.pressure
counter us .some.total = I/O pressure, some: Time in which some task waited for I/O. Null: PSI off.
counter us .full.total = I/O pressure, full: Time in which all tasks at once waited for I/O.

pids.current
gauge 1 . = Threads: Processes and threads, as the kernel counts them against the limit.
pids.peak
gauge 1 . = Threads peak: Highest number of threads in the life of the cgroup. Since Linux 6.1.
pids.max
gauge@10 1 . = Thread limit: Processes and threads that may exist. Null is no limit.
pids.events
counter 1 .max = Thread limit events: Times that a fork failed at the limit.
pids.events.local
counter@10 1 .max = Thread limit events, own: Times that a fork failed at this cgroup's limit. Since Linux 6.11.
cgroup.procs
gauge 1 container.pid_count = Processes: Living processes, here and in cgroups below. Up to 2 s old on cgroup v1.
cgroup.events
gauge 1 .populated = Populated: 1 while there is a living process, here or in cgroups below.
gauge 1 .frozen = Frozen: 1 while the cgroup is frozen (paused).
cgroup.stat.local
counter@10 us .frozen_usec = Frozen time: Time from freezing to thawing, also by a cgroup above. Since Linux 6.18.
irq.pressure
counter@10 us .full.total = Interrupt pressure: Time in which interrupts held up tasks. Since Linux 6.1, if measured.
cgroup.stat
gauge 1 .nr_descendants = Cgroups below: Living cgroups below this one.
gauge 1 .nr_dying_descendants = Dying cgroups below: Removed cgroups below this one that still hold memory.

/proc/<pid>/net/dev
counter bytes network.rx_bytes = Bytes received: Through uplinks. Null: no network but the node's or the pod's.
counter 1 network.rx_packets = Packets received: Through uplinks.
counter 1 network.rx_errs = Receive errors: Packets received with an error.
counter 1 network.rx_drop = Received packets dropped: Packets dropped on receiving.
counter bytes network.tx_bytes = Bytes sent: Through uplinks.
counter 1 network.tx_packets = Packets sent: Through uplinks.
counter 1 network.tx_errs = Send errors: Packets not sent because of an error.
counter 1 network.tx_drop = Sent packets dropped: Packets dropped on sending.
/proc/<pid>/net/snmp
counter@10 1 tcp.active_opens = TCP connections opened: Attempts to connect; IPv4 and IPv6. Of series with network.*.
counter@10 1 tcp.passive_opens = TCP connections accepted: Connections that others opened to listening sockets.
counter@10 1 tcp.attempt_fails = TCP attempts failed: Connections that failed while they were opened.
counter@10 1 tcp.estab_resets = TCP connections reset: Established connections that ended with a reset.
gauge@10 1 tcp.curr_estab = TCP connections established: Established, or closed by the other side only.
counter@10 1 tcp.in_segs = TCP segments received: Segments received, those with errors included.
counter@10 1 tcp.out_segs = TCP segments sent: Segments sent, without retransmitted ones.
counter@10 1 tcp.retrans_segs = TCP segments retransmitted: Segments sent again, SYN included.
counter@10 1 tcp.in_errs = TCP segments with errors: Received with an error, such as a wrong checksum.
counter@10 1 tcp.out_rsts = TCP resets sent: Segments sent with RST, such as to ports that nothing listens on.
counter@10 1 udp.in_datagrams = UDP datagrams received: Delivered to sockets. UDP: IPv4 and IPv6 added up.
counter@10 1 udp.out_datagrams = UDP datagrams sent: Datagrams sent.
counter@10 1 udp.no_ports = UDP datagrams without a port: Received for ports that no socket has.
counter@10 1 udp.in_errors = UDP receive errors: Received and dropped, full buffers included.
counter@10 1 udp.rcvbuf_errors = UDP receive buffer full: Dropped because the socket's buffer was full.
counter@10 1 udp.sndbuf_errors = UDP send buffer full: Not sent because the socket's buffer was full.
/proc/<pid>/net/netstat
counter@10 1 tcp.listen_overflows = TCP listen overflows: Connections dropped because a listen queue was full.
counter@10 1 tcp.listen_drops = TCP listen drops: All connections that listening sockets dropped, overflows included.
counter@10 1 tcp.timeouts = TCP timeouts: Expired retransmission timers.
counter@10 1 tcp.syn_retrans = TCP SYN retransmitted: Segments that open a connection, sent again.
counter@10 1 tcp.backlog_drop = TCP backlog drops: Segments dropped because a busy socket had too many waiting.
counter@10 1 tcp.rcvq_drop = TCP receive queue drops: Segments dropped because the receive buffer was full.
counter@10 1 tcp.abort_on_memory = TCP aborts for memory: Connections dropped for lack of memory for sockets.
/proc/<pid>/net/sockstat
gauge@10 1 sockets.used = Sockets: Sockets of all kinds. Of series with network.*.
gauge@10 1 tcp.inuse = TCP sockets: TCP sockets, listening ones included, time-wait not. IPv4 and IPv6 added up.
gauge@10 1 tcp.time_wait = TCP sockets in time-wait: Closed connections whose ports are kept for a minute.
gauge@10 1 tcp.orphan = TCP orphans: Connections that no process has open any more. Of the node only.
gauge@10 bytes tcp.memory_bytes = TCP memory: Memory of the buffers of all TCP sockets. Of the node only.
gauge@10 1 udp.inuse = UDP sockets: UDP sockets. IPv4 and IPv6 added up.
gauge@10 bytes udp.memory_bytes = UDP memory: Memory of the buffers of all UDP sockets. Of the node only.
/proc/<pid>/statm
gauge@30 bytes processes.resident_bytes = Resident memory: Sum over processes; what they share counts often.
gauge@30 bytes processes.shared_bytes = Resident shared memory: Sum over processes of file and shared pages.
/proc/<pid>/fd
gauge@30 1 processes.fd_count = Open files: Open file descriptors, summed over processes. Since Linux 6.2.
/proc/<pid>/smaps_rollup
gauge@30 bytes smaps_rollup.pss = Memory, PSS: What its processes map; shared pages count in parts. Of containers.
gauge@30 bytes smaps_rollup.pss_anon = Anonymous memory, PSS: Its part without a file behind. Since Linux 5.2.
gauge@30 bytes smaps_rollup.pss_file = Mapped files, PSS: Its part that is mapped files. Since Linux 5.2.
gauge@30 bytes smaps_rollup.pss_shmem = Shared memory, PSS: Its part that is shared memory. Since Linux 5.2.
gauge@30 bytes smaps_rollup.swap_pss = Swap, PSS: What its processes have in swap; shared pages count in parts.
gauge@30 1 smaps_rollup.pids_read = Processes in PSS: Those read; one that is costly to read is left out.
gauge@30 1 smaps_rollup.pids_total = Processes for PSS: Those that there were to read.
gauge@30 s smaps_rollup.age_s = Age of PSS: How long ago the first process of the sum was read.

collector
counter us collector.cpu_usec = Collector CPU time: Processor time of the collector itself, all threads; of the node.
gauge bytes collector.anon_bytes = Collector memory: Its memory that no file is behind, from /proc/self/statm.
gauge us collector.sweep_usec = Collector sweep: How long reading everything took at this tick.
counter 1 collector.failed_reads = Collector failed reads: Reads of kernel files that failed and cost a null.
counter 1 collector.skipped_reads = Collector skipped reads: Reads left out because sweeps took too long.
counter 1 collector.missed_ticks = Collector missed ticks: Ticks that were overrun, or dropped for a slow disk.
"""


RECORDED: tuple[Metric, ...] = tuple(parse_table(_TABLE))
"""Every recorded metric, in the order of the columns."""

COLUMNS: tuple[str, ...] = tuple(metric.name for metric in RECORDED)
"""The names of the metric columns, in file order."""

_FRACTIONAL_UNITS = frozenset({"s", "millicores"})
COLUMN_TYPES: Mapping[str, Literal["integer", "number"]] = {
    metric.name: "number" if metric.unit in _FRACTIONAL_UNITS else "integer" for metric in RECORDED
}
"""The types of the metric columns in files, in file order. What the kernel counts is an integer."""

BY_NAME: dict[str, Metric] = {metric.name: metric for metric in RECORDED}
