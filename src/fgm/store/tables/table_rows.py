"""The rows of tables: processes, memory regions and labelled values; and which columns each format version has."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fgm.store.directory.layout import TableKind
from fgm.store.parquet.column_pages import ColumnType
from fgm.store.samples.header import FORMAT_VERSION


class ProcessRow(NamedTuple):
    """One process at one instant. (pid, start_time_ms) identifies the process.

    `cpu_usec`, `children_cpu_usec`: counters of its CPU time, and of that of its children that have ended.

    `late_ms`: how long after the tick it was read; None before format version 3.
    """

    time_ms: int
    container_id: str | None
    container_name: str | None
    pod_name: str | None
    namespace: str | None
    pod_uid: str | None
    pid: int
    start_time_ms: int
    comm: str
    cpu_usec: float
    rss_bytes: float
    threads: float
    fds: float | None
    cgroup: str | None = None
    late_ms: float | None = None
    children_cpu_usec: float | None = None


class RegionRow(NamedTuple):
    """The memory of all mappings with one name in one process, at one instant."""

    time_ms: int
    container_id: str | None
    container_name: str | None
    pod_name: str | None
    namespace: str | None
    pod_uid: str | None
    pid: int
    start_time_ms: int
    comm: str
    region: str
    size_bytes: float
    rss_bytes: float
    pss_bytes: float
    private_dirty_bytes: float
    swap_bytes: float
    cgroup: str | None = None


class LabelledRow(NamedTuple):
    """One of several values that a metric of a series has at an instant, such as the bytes read from one disk.

    `label`: name of the disk, file system or resource. Counters are recorded raw. See `fgm.metrics.labelled`.
    """

    time_ms: int
    scope: str
    container_id: str | None
    container_name: str | None
    pod_name: str | None
    namespace: str | None
    pod_uid: str | None
    cgroup: str | None
    metric: str
    label: str
    value: float


Row = ProcessRow | RegionRow | LabelledRow

ROWS: Mapping[TableKind, type[Row]] = {"processes": ProcessRow, "regions": RegionRow, "labelled": LabelledRow}
"""The type of the rows of each kind of table."""

RUN_FIELDS: Mapping[TableKind, Sequence[str]] = {
    "processes": ("container_id", "cgroup", "pod_uid"),
    "regions": ("container_id", "cgroup", "pod_uid"),
    "labelled": ("scope", "pod_uid", "container_id", "cgroup"),
}
"""Fields that say which series a row belongs to. Rows of a series follow each other."""
ORDER: Mapping[TableKind, Sequence[str]] = {
    "processes": (*RUN_FIELDS["processes"], "pid", "start_time_ms", "time_ms"),
    "regions": (*RUN_FIELDS["regions"], "pid", "start_time_ms", "region", "time_ms"),
    "labelled": (*RUN_FIELDS["labelled"], "metric", "label", "time_ms"),
}
"""Fields by which the rows of each kind of table are sorted. In an hour, few rows are equal in all of them."""

_TYPES: Mapping[str, ColumnType] = {
    **dict.fromkeys(("time_ms", "start_time_ms"), "time"),
    "pid": "integer",
    **dict.fromkeys(("scope", "container_id", "container_name", "pod_name", "namespace", "pod_uid", "cgroup"), "text"),
    **dict.fromkeys(("comm", "region", "metric", "label"), "text"),
}
_ADDED_IN_3 = {
    "processes": frozenset({"cgroup", "late_ms", "children_cpu_usec"}),
    "regions": frozenset({"cgroup"}),
    "labelled": frozenset(),
}
"""Columns that tables of the format versions 1 and 2 do not have."""


def field_types(kind: TableKind, format_version: int = FORMAT_VERSION) -> dict[str, ColumnType]:
    """Return the type of each field that tables of a format version have, in the order of the columns in the file.

    Numbers are float64 in memory. From format version 4 on, their columns have whole numbers.
    """
    absent = _ADDED_IN_3[kind] if format_version < 3 else frozenset()
    return {name: _TYPES.get(name, "number") for name in ROWS[kind]._fields if name not in absent}


def column_name(field: str, format_version: int = FORMAT_VERSION) -> str:
    """Return the name of a field's column in the file."""
    if field == "late_ms" and format_version >= 4:
        return "late_us"
    return field.removesuffix("_ms") if _TYPES.get(field) == "time" else field
