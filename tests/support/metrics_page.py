"""docs/metrics.md, generated from the catalogue: `python -m tests.support.metrics_page > docs/metrics.md`."""

import sys

from fgm.metrics.catalogue import RECORDED
from fgm.metrics.derived import DERIVED
from fgm.metrics.labelled import LABELLED, RECORDED_LABELLED

COSTS = {
    "adds up counters of all processors": ("cpu.stat", "io.stat", "memory.stat"),
    "asks all processors": ("cpu.pressure", "io.pressure", "memory.pressure"),
    "walks page tables and holds up the process": ("/proc/<pid>/smaps_rollup",),
    "walks the processes": ("cgroup.procs",),
    "one `stat` per process": ("/proc/<pid>/fd",),
    "one read per process": ("/proc/<pid>/statm",),
    "one read per pod": ("/proc/<pid>/net/dev", "/proc/<pid>/net/sockstat"),
    "one read per pod, which adds up counters of all processors": ("/proc/<pid>/net/netstat", "/proc/<pid>/net/snmp"),
}
HEAD = """# Metrics

Generated from the catalogue in `src/fgm/metrics`; a test compares this page with it.

Every recorded metric is a nullable column of whole numbers, or of doubles for those in seconds or millicores. A value
is **null** if the kernel has no such file or key (a controller that is off, an older kernel, PSI switched off), if a
read failed, and for a limit that is not set; further
reasons stand with the metric. A missing value is never 0. If a controller is in a
cgroup v1 hierarchy, the column holds the value with the same meaning, or null if there is none; in the row of the node
it comes from `/proc`. Counters are recorded raw and shown as
rates: null for the first sample of a life, after a gap of more than 2.5 intervals, and if the counter went down.

The kernel updates `memory.stat` after large changes, or every 2 s. For a small container its values move in steps, and
`memory.current` does not.

The cost of a read stands with its file; a file without a remark is a plain counter. The column *every* says how often a
value is read: at every tick, every 10 s, or, as sums over processes (`processes.*`, `smaps_rollup.*`), every 30 s at
best. Limits are repeated in the rows between; other values are null there. Expensive files are read at every second
tick while the sweeps of the collector take too long. While a machine has no swap
space, `memory.swap.*` of cgroups (v2) is read every 10 s and repeated, like limits.
"""
DEVICES = (
    ("devices", "node", "containers, pods and other cgroups"),
    ("---", "---", "---"),
    ("whole disks, real or virtual (`sda`, `nvme0n1`, `vda`, `cciss/c0d0`, `rbd0`)", "counted", "counted"),
    ("partitions", "no, their disk is", "no, their disk is"),
    (
        "LVM, dm-crypt and other device-mapper volumes, `md`, bcache, whatever has `slaves` in sysfs",
        "no, the disks below are",
        "no, the disks below are",
    ),
    (
        "`md` with parity: RAID 4, 5 and 6",
        "no, the disks below are",
        "its writes and discards; its reads at the disks below",
    ),
    (
        "NVMe with native multipath",
        "the hidden paths (`nvme0c0n1`); the head counts only since Linux 6.4",
        "the head (`nvme0n1`), because the kernel cannot name a path",
    ),
    ("ZFS volumes (`zd0`)", "no, the disks below are", "counted; the disks below are used by threads of ZFS"),
    ("`loop`, `ram`, `zram`, `sr`, `fd`", "no", "no"),
    ("network interfaces of hardware, also of virtual hardware", "counted", "counted, if a pod has one"),
    (
        "hardware below other hardware: the VF of Azure, ports of a DSA switch, representors of virtual functions",
        "no, the synthetic interface, the conduit or the uplink is",
        "as for the node",
    ),
    (
        "bond, team, bridge, VLAN, macvlan, ipvlan, veth, tunnels",
        "no, the hardware is; without hardware, as in kind, as for a pod",
        "uplinks of a pod (`eth0`, `net1`) are, of any kind; others inside the pod are not",
    ),
)
AFTER_DEVICES = """
A new device is looked up before its first number is used. A sum does not jump when a device comes or goes: a device
that leaves keeps its part of the sum, and an interface that joins counts from its first read. So the sums of the node
and of pods can differ from those of the kernel by a constant, which is 0 when the collector starts.

Containers without a pod that share a network have the same values of it.

The interfaces of a pod are known by their names only: a bridge or tunnel in a pod that is not named as Docker, Podman,
a VPN or a network plugin usually name theirs is counted, too.
"""

LABELLED_HEAD = """
## Labelled

These have several values at an instant, one for each label. They are in tables of their own, `labelled-….parquet`,
every 10 s, and `GET /api/labelled` returns them. Disks are those that are counted in the sums, at most eight
of a series at a time: those with most bytes since the reading before. Their values come from texts that are read
for the sums anyway.
"""


def page() -> str:
    """Return the text of the page."""
    cost_of = {file: cost for cost, files in COSTS.items() for file in files}
    lines = [
        HEAD,
        "## Devices",
        "",
        "`io.stat.*` and `network.*` are sums over devices, and each byte counts once:",
        "",
    ]
    lines += ["| " + " | ".join(row) + " |" for row in DEVICES]
    lines += [AFTER_DEVICES, "## Recorded"]
    file = None
    for metric in RECORDED:
        source = metric.source.split()[0]
        if source != file:
            file = source
            cost = f" ({cost_of[file]})" if file in cost_of else ""
            lines += [
                "",
                f"### `{file}`{cost}",
                "",
                "| metric | unit | kind | every | meaning |",
                "|---|---|---|---|---|",
            ]
        facts = f"{metric.unit} | {metric.kind} | {metric.interval_s:g} s"
        lines.append(f"| `{metric.name}` | {facts} | **{metric.title}.** {metric.help} |")
    lines += [LABELLED_HEAD, "| metric | label | unit | kind | meaning |", "|---|---|---|---|---|"]
    for name, labelled in LABELLED.items():
        kind = labelled.metric.kind if name in RECORDED_LABELLED else "derived"
        facts = f"{labelled.label} | {labelled.metric.unit} | {kind}"
        lines.append(f"| `{name}` | {facts} | **{labelled.metric.title}.** {labelled.metric.help} |")
    lines += ["", "## Derived", "", "Computed from the recorded ones when they are requested.", ""]
    lines += ["| metric | unit | meaning |", "|---|---|---|"]
    lines += [f"| `{metric.name}` | {metric.unit} | **{metric.title}.** {metric.help} |" for metric in DERIVED]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.stdout.write(page())
