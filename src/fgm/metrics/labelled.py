"""The catalogue of labelled metrics: those with several values at an instant, such as one for each disk.

They are not columns of the metrics files. Tables of their own (`labelled-….parquet`) have a row for each value, with
the metric and its label, every ten seconds. Counters are recorded raw, and are shown as rates.
"""

from dataclasses import dataclass

from fgm.metrics.metric import Metric, parse_table

INTERVAL_MS = 10_000
"""Interval between two readings."""

# See `parse_table`; the word before the table says what a label is.
_TABLES = {
    "disk": """
io.stat
counter@10 bytes .rbytes = Bytes read, by disk: The labels add up to the column with the same name.
counter@10 bytes .wbytes = Bytes written, by disk: Buffered writes when they are written back.
counter@10 1 .rios = Reads, by disk: Read requests.
counter@10 1 .wios = Writes, by disk: Write requests.
/proc/diskstats
counter@10 us disk.busy_usec = Disk busy: Time with a request in progress; 1 s per second is always busy. Of the node.
counter@10 us disk.read_wait_usec = Disk read time: How long reads took, added up over requests. Of the node.
counter@10 us disk.write_wait_usec = Disk write time: How long writes took, added up over requests. Of the node.
""",
    "resource": """
misc.current
gauge@10 1 . = Scalar resource: Use of a resource, such as the ids of encrypted machines (`sev`). Since Linux 5.13.
misc.max
gauge@10 1 . = Scalar resource limit: What may be used of the resource; of the node, what there is. Null is no limit.
misc.events
counter@10 1 .max = Scalar resource limit events: Times that use was about to go over the limit. Since Linux 5.16.
""",
    "region": """
dmem.current
gauge@10 bytes . = Device memory: Memory of a device, such as a GPU, by its region. Since Linux 6.14.
dmem.max
gauge@10 bytes . = Device memory limit: What may be used of the region; of the node, what there is. Null is no limit.
""",
    "mount point": """
statvfs
gauge@10 bytes filesystem.size_bytes = File system size: Size of a file system on a disk of the node, by mount point.
gauge@10 bytes filesystem.available_bytes = File system space left: What processes without privileges may still use.
gauge@10 bytes filesystem.free_bytes = File system space free: Unused, including what is reserved for root.
gauge@10 1 filesystem.inodes = File system inodes: Number of files that there can be. Null if there is no limit.
gauge@10 1 filesystem.free_inodes = File system inodes free: Number of files that can still be made.
""",
}


@dataclass(frozen=True, slots=True)
class LabelledMetric:
    """A labelled metric.

    `label`: what its labels are, such as `disk`; `unit`: of the values that are shown; `needs`: the recorded metrics
    that are added up; `scale`: factor from their sum, or from the rate of it, to the value that is shown.
    """

    metric: Metric
    label: str
    unit: str
    needs: tuple[str, ...]
    scale: float = 1.0


def _recorded(metric: Metric, label: str) -> LabelledMetric:
    unit = f"{metric.unit}/s" if metric.kind == "counter" else metric.unit
    return LabelledMetric(metric, label, unit, (metric.name,))


def _derived(  # noqa: PLR0917 - a row of the table
    name: str, title: str, text: str, unit: str, needs: tuple[str, ...], scale: float = 1.0
) -> LabelledMetric:
    metric = Metric(name, title, unit, "counter", ", ".join(needs), text, INTERVAL_MS / 1000)
    return LabelledMetric(metric, "disk", unit, needs, scale)


_DERIVED = (
    _derived(
        "io_bytes_per_s", "I/O by disk", "Bytes read and written.", "bytes/s", ("io.stat.rbytes", "io.stat.wbytes")
    ),
    _derived(
        "disk_busy_ratio",
        "Disks busy",
        "Share of time with a request in progress; a disk that does many at once is not full at 1. Of the node.",
        "ratio",
        ("disk.busy_usec",),
        1e-6,
    ),
)
RECORDED_LABELLED: dict[str, LabelledMetric] = {
    metric.name: _recorded(metric, label) for label, table in _TABLES.items() for metric in parse_table(table)
}
"""The labelled metrics that are recorded, by name."""

LABELLED: dict[str, LabelledMetric] = {**{each.metric.name: each for each in _DERIVED}, **RECORDED_LABELLED}
"""All labelled metrics that can be queried, by name."""
