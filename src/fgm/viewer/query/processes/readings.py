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


class ProcessRows(NamedTuple):
    """Readings in the order of the processes, then of time.

    `identities`: key of the series, pid and start of each process; `starts`: first row of each, then the number of
    rows.
    """

    readings: Readings
    identities: list[tuple[str, int, int]]
    starts: list[int]

    @classmethod
    def of(cls, readings: Readings) -> "ProcessRows":
        """Return readings in this order. Those of a merged table have it already."""
        codes, keys = _series(readings)
        rows = cls._of_ordered(readings, codes, keys)
        if rows is not None:
            return rows
        order = np.lexsort((readings.time_ms, readings.start_time_ms, readings.pid, codes))
        rows = cls._of_ordered(readings.where(order), codes[order], keys)
        assert rows is not None
        return rows

    @classmethod
    def _of_ordered(cls, readings: Readings, codes: NDArray[np.int64], keys: list[str]) -> "ProcessRows | None":
        """Return these readings; None if they do not have the order."""
        count = len(codes)
        if not count:
            return cls(readings, [], [0])
        is_change = np.zeros(count - 1, np.bool_)
        for column in (codes, readings.pid, readings.start_time_ms):
            is_change |= column[1:] != column[:-1]
        if (np.diff(readings.time_ms)[~is_change] < 0).any():
            return None
        firsts = np.append(0, np.flatnonzero(is_change) + 1)
        parts = (codes[firsts].tolist(), readings.pid[firsts].tolist(), readings.start_time_ms[firsts].tolist())
        identities = [(keys[code], pid, start_ms) for code, pid, start_ms in zip(*parts, strict=True)]
        if len(set(identities)) < len(identities):
            return None
        return cls(readings, identities, [*firsts.tolist(), count])

    def where(self, chosen: NDArray[np.bool_]) -> "ProcessRows":
        """Return some of the rows, without processes that have none."""
        counts = np.add.reduceat(chosen.astype(np.int64), self.starts[:-1])
        identities = [identity for identity, count in zip(self.identities, counts.tolist(), strict=True) if count]
        return ProcessRows(self.readings.where(chosen), identities, [0, *np.cumsum(counts[counts > 0]).tolist()])


def _series(readings: Readings) -> tuple[NDArray[np.int64], list[str]]:
    """Return a number for the series of each row, and the key of the series of each number."""
    containers, cgroups = readings.container_id, readings.cgroup
    is_container = containers.codes >= 0
    codes = np.where(is_container, containers.codes, len(containers.values) + 1 + cgroups.codes).astype(np.int64)
    return codes, [*containers.values, "", *(f"cgroup:{path}" for path in cgroups.values)]
