"""The rows of process tables that are read, as columns."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fgm.store.parquet.table_pages import Texts
from fgm.viewer.files.tables.columns import Columns, rows, size_of, times_of

FIELDS = (
    "time_ms",
    "container_id",
    "pid",
    "start_time_ms",
    "comm",
    "cpu_usec",
    "rss_bytes",
    "threads",
    "fds",
    "cgroup",
    "late_ms",
    "children_cpu_usec",
)
"""Fields of a `ProcessRow` that are read."""


class Readings(NamedTuple):
    """The rows of a process table, as columns. All arrays have the same length.

    `read_at_ms`: when the process was really read. Texts are null if unknown.
    """

    time_ms: NDArray[np.int64]
    read_at_ms: NDArray[np.float64]
    container_id: Texts
    cgroup: Texts
    pid: NDArray[np.int64]
    start_time_ms: NDArray[np.int64]
    comm: Texts
    cpu_usec: NDArray[np.float64]
    rss_bytes: NDArray[np.float64]
    threads: NDArray[np.float64]
    fds: NDArray[np.float64]
    children_cpu_usec: NDArray[np.float64]

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Readings":
        """Return some of the rows. `chosen`: a mask, or positions in the wanted order."""
        columns: list[Any] = [rows(column, chosen) for column in self]
        return Readings(*columns)


def readings_of(columns: Columns) -> Readings:
    """Return the readings in these columns: `FIELDS`, or those of them that an older table has."""
    values: dict[str, Any] = dict(columns)
    count = size_of(columns)
    late_ms = values.pop("late_ms", None)
    read_at_ms = times_of(columns).astype(np.float64)
    if late_ms is not None:
        read_at_ms += np.nan_to_num(late_ms)
    values.setdefault("cgroup", Texts(np.full(count, -1, np.int32), ()))
    values.setdefault("children_cpu_usec", np.full(count, np.nan))
    return Readings(**values, read_at_ms=read_at_ms)
