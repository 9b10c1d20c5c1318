"""What each process of a series used in a range, added up table by table, with a bounded number of points."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import numpy as np

from fgm.metrics.rates import Floats, Times
from fgm.viewer.files.table_files import Readings
from fgm.viewer.query.lines import MAX_PER_COLUMN, Line
from fgm.viewer.query.m4 import m4

By = Literal["cpu", "memory"]
MAX_PROCESSES = 20_000
"""Maximum number of processes that are remembered. If there are more, those that used least are forgotten."""
MAX_POINTS = 200_000
"""Maximum number of points of all lines together. If there are more, lines of processes that used least are dropped."""


@dataclass(slots=True)
class Usage:
    """What one process used. `key`: key of its series (`Series.key`). Values are those of its last reading.

    `cpu_millicores`: mean since the reading before, or since the start of the process; NaN if both are unknown.
    `used_usec`, `covered_ms`: CPU time between readings in the range, and the time between these. `line`: the points.
    """

    key: str
    pid: int
    start_ms: int
    comm: str
    read_at_ms: float = np.nan
    cpu_usec: float = np.nan
    cpu_millicores: float = np.nan
    cpu_max: float = np.nan
    used_usec: float = 0.0
    covered_ms: float = 0.0
    rss_bytes: float = np.nan
    rss_first: float = np.nan
    rss_max: float = 0.0
    threads: float = np.nan
    fds: float = np.nan
    first_ms: int = 0
    last_ms: int = -1
    readings: int = 0
    line: Line = field(default_factory=Line)

    @property
    def mean_millicores(self) -> float:
        """Mean CPU in the range; NaN if it is unknown."""
        return self.used_usec / self.covered_ms if self.covered_ms > 0 else np.nan

    def rank(self, by: By) -> float:
        """Return the number by which processes are ranked: used CPU time, or the most memory."""
        return self.used_usec if by == "cpu" else self.rss_max


class Usages:
    """The processes of a range. Tables must be added in ascending time. Not thread-safe.

    `processes`: by series key, pid and start. `last_round_ms`: time of the last reading of each series. `points`:
    number of points of all lines. `is_cut`: whether processes were forgotten, or their lines.
    """

    def __init__(self, from_ms: int, to_ms: int, by: By, columns: int) -> None:
        """`from_ms`, `to_ms`: the range. `columns`: number of pixel columns of the lines; 0: no lines."""
        self.is_cut = False
        self.processes: dict[tuple[str, int, int], Usage] = {}
        self.last_round_ms: dict[str, int] = {}
        self.points = 0
        self._from_ms, self._to_ms, self._by, self._columns = from_ms, to_ms, by, columns

    def add(self, readings: Readings) -> None:
        """Add the rows of a table. Those before the range only serve to compute the first CPU values in it."""
        readings = readings.where(readings.time_ms < self._to_ms)
        codes, keys = _series(readings)
        readings = readings.where(order := np.lexsort((readings.time_ms, readings.start_time_ms, readings.pid, codes)))
        codes = codes[order]
        for start, end in _groups(codes, readings.pid, readings.start_time_ms):
            key = keys[int(codes[start])]
            identity = (key, int(readings.pid[start]), int(readings.start_time_ms[start]))
            usage = self.processes.get(identity)
            if usage is None:
                usage = self.processes[identity] = Usage(*identity, comm="")
            self._add(usage, readings, start, end)
        self._forget()

    def _add(self, usage: Usage, readings: Readings, start: int, end: int) -> None:
        """Add the rows [start, end) of one process. Rows that were added before, from another file, are ignored."""
        if usage.readings or usage.last_ms >= 0:
            start += int(np.searchsorted(readings.time_ms[start:end], usage.last_ms, side="right"))
        if start >= end:
            return
        time_ms, read_at, cpu = (
            readings.time_ms[start:end],
            readings.read_at_ms[start:end],
            readings.cpu_usec[start:end],
        )
        began_at, began_cpu = usage.read_at_ms, usage.cpu_usec
        if np.isnan(began_at):
            began_at, began_cpu = float(usage.start_ms), 0.0
            if read_at[0] - began_at > max(10_000.0, read_at[0] - self._from_ms):
                began_at = np.nan  # its mean since the start says nothing about the range
        before_at = np.concatenate(([began_at], read_at[:-1]))
        passed, used = read_at - before_at, np.diff(cpu, prepend=began_cpu)
        is_known = (passed > 0) & (used >= 0)
        millicores = np.full(len(cpu), np.nan)
        millicores[is_known] = used[is_known] / passed[is_known]
        usage.read_at_ms, usage.cpu_usec = float(read_at[-1]), float(cpu[-1])
        usage.cpu_millicores, usage.last_ms = float(millicores[-1]), int(time_ms[-1])
        usage.comm = readings.comm.values[readings.comm.codes[end - 1]]
        rss = readings.rss_bytes[start:end]
        usage.rss_bytes, usage.threads = float(rss[-1]), float(readings.threads[end - 1])
        usage.fds = float(readings.fds[end - 1])
        self.last_round_ms[usage.key] = max(self.last_round_ms.get(usage.key, 0), usage.last_ms)
        inside = time_ms >= self._from_ms
        if not inside.any():
            return
        if not usage.readings:
            usage.first_ms, usage.rss_first = int(time_ms[inside][0]), float(rss[inside][0])
        usage.readings += int(inside.sum())
        usage.rss_max = max(usage.rss_max, float(np.nanmax(rss[inside], initial=0.0)))
        known = is_known & inside
        if known.any():
            in_range = read_at[known] - np.maximum(before_at[known], self._from_ms)
            usage.used_usec += float((millicores[known] * in_range).sum())
            usage.covered_ms += float(in_range.sum())
            usage.cpu_max = float(np.fmax(usage.cpu_max, millicores[known].max()))
        if self._columns:
            self._draw(usage.line, time_ms[inside], (millicores if self._by == "cpu" else rss)[inside])

    def reduce(self, line: Line) -> None:
        """Keep only the points that the pixel columns need."""
        times, values = m4(*line.joined(), self._from_ms, self._to_ms, self._columns)
        line.time_ms, line.values, line.size = [times], [values], len(times)

    def _draw(self, line: Line, time_ms: Times, values: Floats) -> None:
        self.points -= line.size
        line.add(time_ms, values)
        if line.size > MAX_PER_COLUMN * self._columns:
            self.reduce(line)
        self.points += line.size

    def _forget(self) -> None:
        """Keep within the maximum numbers of processes and of points."""
        if len(self.processes) > MAX_PROCESSES:
            self.is_cut = True
            for usage in self._least_first()[: len(self.processes) - MAX_PROCESSES // 2]:
                del self.processes[usage.key, usage.pid, usage.start_ms]
                self.points -= usage.line.size
        if self.points > MAX_POINTS:
            self.is_cut = True
            for usage in self._least_first():
                self.points -= usage.line.size
                usage.line.clear()
                if self.points <= MAX_POINTS // 2:
                    break

    def _least_first(self) -> list[Usage]:
        return sorted(self.processes.values(), key=lambda usage: usage.rank(self._by))


def _series(readings: Readings) -> tuple[Times, list[str]]:
    """Return a number for the series of each row, and the key of the series of each number."""
    containers, cgroups = readings.container_id, readings.cgroup
    is_container = containers.codes >= 0
    codes = np.where(is_container, containers.codes, len(containers.values) + 1 + cgroups.codes).astype(np.int64)
    return codes, [*containers.values, "", *(f"cgroup:{path}" for path in cgroups.values)]


def _groups(*sorted_columns: Times) -> Iterator[tuple[int, int]]:
    """Yield the first and the end position of each run of rows that are equal in all columns."""
    rows = len(sorted_columns[0])
    if not rows:
        return
    changes = np.zeros(rows - 1, np.bool_)
    for column in sorted_columns:
        changes |= column[1:] != column[:-1]
    bounds = [0, *(np.flatnonzero(changes) + 1).tolist(), rows]
    yield from pairwise(bounds)
