"""What each process of a series used in a range, added up table by table, with a bounded number of points."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np

from fgm.metrics.rates import Floats, Times
from fgm.viewer.query.lines import MAX_PER_COLUMN, Line
from fgm.viewer.query.m4 import m4
from fgm.viewer.query.processes.readings import ProcessRows, Readings

By = Literal["cpu", "memory"]
MAX_PROCESSES = 6_000
"""Maximum number of processes that are remembered. If there are more, those that used least are forgotten."""
YOUNG_MS = 10_000
"""Maximum age of a process at its first reading for its CPU to be its mean since a start before the range."""
MAX_POINTS = 100_000
"""Maximum number of points of all lines together. If there are more, lines of processes that used least are dropped."""
MIN_ROWS_OF_ARRAYS = 24
"""Mean number of rows of a process from which arrays are faster than loops: a window has fewer, an hour more."""

_Row = tuple[int, float, float, float, float]
"""Time, time of the read, CPU, memory, CPU of ended children."""


@dataclass(slots=True)
class Usage:
    """What one process used. `key`: key of its series (`Series.key`). Values are those of its last reading.

    `cpu_millicores`: mean since the reading before, or since the start of the process; NaN if both are unknown.
    `cpu_max`: its maximum in the range; -1 if it is unknown. `used_usec`, `covered_ms`: CPU time between readings in
    the range, and the time between these. `children_usec`, `children_millicores`: the same as `cpu_usec` and
    `cpu_millicores` for children that have ended. `line`: the points.
    """

    key: str
    pid: int
    start_ms: int
    comm: str
    read_at_ms: float = np.nan
    cpu_usec: float = np.nan
    cpu_millicores: float = np.nan
    cpu_max: float = -1.0
    children_usec: float = np.nan
    children_millicores: float = np.nan
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

    def __init__(
        self,
        from_ms: int,
        to_ms: int,
        by: By,
        columns: int,
        *,
        max_processes: int = MAX_PROCESSES,
        max_points: int = MAX_POINTS,
    ) -> None:
        """`from_ms`, `to_ms`: the range. `columns`: number of pixel columns of the lines; 0: no lines."""
        self._max_processes, self._max_points = max_processes, max_points
        self.is_cut = False
        self.processes: dict[tuple[str, int, int], Usage] = {}
        self.last_round_ms: dict[str, int] = {}
        self.points = 0
        self._from_ms, self._to_ms, self._by, self._columns = from_ms, to_ms, by, columns

    def add(self, readings: Readings) -> None:
        """Add the rows of a table. Those before the range only serve to compute the first CPU values in it."""
        is_early = readings.time_ms < self._to_ms
        if not is_early.all():
            readings = readings.where(is_early)
        rows = ProcessRows.of(readings)
        if len(rows.starts) - 1 and rows.starts[-1] >= MIN_ROWS_OF_ARRAYS * (len(rows.starts) - 1):
            self._add_arrays(rows)
        else:
            self._add_loops(rows)
        self._forget()

    def _usage(self, identity: tuple[str, int, int]) -> Usage:
        usage = self.processes.get(identity)
        if usage is None:
            usage = self.processes[identity] = Usage(*identity, comm="")
        return usage

    def _add_loops(self, processes: ProcessRows) -> None:
        readings = processes.readings
        rows = list(
            zip(
                readings.time_ms.tolist(),
                readings.read_at_ms.tolist(),
                readings.cpu_usec.tolist(),
                readings.rss_bytes.tolist(),
                readings.children_cpu_usec.tolist(),
                strict=True,
            )
        )
        for identity, (start, end) in zip(processes.identities, pairwise(processes.starts), strict=True):
            usage = self._usage(identity)
            if rows[end - 1][0] > usage.last_ms:
                self._add(usage, rows[start:end])
                self._note_last(usage, readings, end - 1)

    def _note_last(self, usage: Usage, readings: Readings, row: int) -> None:
        usage.comm = readings.comm.values[int(readings.comm.codes[row])]
        usage.threads, usage.fds = float(readings.threads[row]), float(readings.fds[row])
        self.last_round_ms[usage.key] = max(self.last_round_ms.get(usage.key, 0), usage.last_ms)

    def _add_arrays(self, processes: ProcessRows) -> None:
        """Add the rows of processes with many rows each. The results are those of `_add_loops`."""
        usages = [self._usage(identity) for identity in processes.identities]
        is_new = processes.readings.time_ms > np.repeat([usage.last_ms for usage in usages], np.diff(processes.starts))
        if not is_new.all():
            processes = processes.where(is_new)
            usages = [self._usage(identity) for identity in processes.identities]
            if not usages:
                return
        readings = processes.readings
        firsts, ends = np.array(processes.starts[:-1]), np.array(processes.starts[1:])
        before = _before(processes, usages, self._from_ms)
        passed, used = readings.read_at_ms - before.read_at_ms, readings.cpu_usec - before.cpu_usec
        with np.errstate(divide="ignore", invalid="ignore"):
            millicores = np.where((passed > 0) & (used >= 0), used / passed, np.nan)
            children = (readings.children_cpu_usec - before.children_cpu_usec)[ends - 1] / passed[ends - 1]
        is_inside = readings.time_ms >= self._from_ms
        has_cpu = is_inside & ~np.isnan(millicores)
        in_range_ms = np.where(has_cpu, readings.read_at_ms - np.maximum(before.read_at_ms, self._from_ms), 0.0)
        counts = np.add.reduceat(is_inside.astype(np.int64), firsts).tolist()
        sums = zip(
            np.add.reduceat(np.where(has_cpu, millicores, 0.0) * in_range_ms, firsts).tolist(),
            np.add.reduceat(in_range_ms, firsts).tolist(),
            np.maximum.reduceat(np.where(has_cpu, millicores, -1.0), firsts).tolist(),
            np.maximum.reduceat(np.where(is_inside, readings.rss_bytes, 0.0), firsts).tolist(),
            np.where(passed[ends - 1] > 0, children, np.nan).tolist(),
            strict=True,
        )
        values = millicores if self._by == "cpu" else readings.rss_bytes
        for usage, count, end, (used_usec, covered_ms, cpu_max, rss_max, children_millicores) in zip(
            usages, counts, processes.starts[1:], sums, strict=True
        ):
            first, last = end - count, end - 1
            if count and not usage.readings:
                usage.first_ms, usage.rss_first = int(readings.time_ms[first]), float(readings.rss_bytes[first])
            usage.readings += count
            usage.rss_max, usage.cpu_max = max(usage.rss_max, rss_max), max(usage.cpu_max, cpu_max)
            usage.used_usec += used_usec
            usage.covered_ms += covered_ms
            usage.children_millicores = children_millicores
            usage.last_ms, usage.read_at_ms = int(readings.time_ms[last]), float(readings.read_at_ms[last])
            usage.cpu_usec, usage.children_usec = (
                float(readings.cpu_usec[last]),
                float(readings.children_cpu_usec[last]),
            )
            usage.rss_bytes, usage.cpu_millicores = float(readings.rss_bytes[last]), float(millicores[last])
            self._note_last(usage, readings, last)
            if self._columns and count:
                self._draw(usage.line, readings.time_ms[first:end].copy(), values[first:end].copy())

    def _add(self, usage: Usage, rows: Sequence[_Row]) -> None:
        """Add the rows of one process. Rows that were added before are ignored.

        A process has a few rows in a table of a window, for which a loop is three times as fast as arrays.
        """
        times, values, from_ms = list[int](), list[float](), self._from_ms
        before_at, before_cpu, before_children = usage.read_at_ms, usage.cpu_usec, usage.children_usec
        if math.isnan(before_at):
            read_at = rows[0][1]
            # If the process is older than the range, its mean since its start says nothing about the range.
            is_young = read_at - usage.start_ms <= max(YOUNG_MS, read_at - from_ms)
            before_at, before_cpu, before_children = float(usage.start_ms) if is_young else math.nan, 0.0, 0.0
        for time_ms, read_at, cpu, rss, children in rows:
            if time_ms <= usage.last_ms:
                continue
            passed, used = read_at - before_at, cpu - before_cpu
            millicores = used / passed if passed > 0 and used >= 0 else math.nan
            if time_ms >= from_ms:
                if not usage.readings:
                    usage.first_ms, usage.rss_first = time_ms, rss
                usage.readings += 1
                usage.rss_max = max(usage.rss_max, rss)
                if not math.isnan(millicores):
                    in_range = read_at - max(before_at, from_ms)
                    usage.used_usec += millicores * in_range
                    usage.covered_ms += in_range
                    usage.cpu_max = max(usage.cpu_max, millicores)
                times.append(time_ms)
                values.append(millicores if self._by == "cpu" else rss)
            usage.children_millicores = (children - before_children) / passed if passed > 0 else math.nan
            before_at, before_cpu, before_children = read_at, cpu, children
            usage.last_ms, usage.rss_bytes, usage.cpu_millicores = time_ms, rss, millicores
        usage.read_at_ms, usage.cpu_usec, usage.children_usec = before_at, before_cpu, before_children
        if self._columns and times:
            self._draw(usage.line, np.array(times, np.int64), np.array(values))

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
        if len(self.processes) > self._max_processes:
            self.is_cut = True
            for usage in self._least_first()[: len(self.processes) - self._max_processes // 2]:
                del self.processes[usage.key, usage.pid, usage.start_ms]
                self.points -= usage.line.size
        if self.points > self._max_points:
            self.is_cut = True
            for usage in self._least_first():
                self.points -= usage.line.size
                usage.line.clear()
                if self.points <= self._max_points // 2:
                    break

    def _least_first(self) -> list[Usage]:
        return sorted(self.processes.values(), key=lambda usage: usage.rank(self._by))


class _Before(NamedTuple):
    """For each row: time of the read, CPU time and that of ended children, at the reading before."""

    read_at_ms: Floats
    cpu_usec: Floats
    children_cpu_usec: Floats


def _before(processes: ProcessRows, usages: Sequence[Usage], from_ms: int) -> _Before:
    readings = processes.readings
    firsts = np.array(processes.starts[:-1])
    at = np.array([usage.read_at_ms for usage in usages])
    is_first = np.isnan(at)
    start_ms, read_at = readings.start_time_ms[firsts], readings.read_at_ms[firsts]
    is_young = read_at - start_ms <= np.maximum(YOUNG_MS, read_at - from_ms)
    at[is_first] = np.where(is_young, start_ms, np.nan)[is_first]
    columns = []
    for column, of_first in (
        (readings.read_at_ms, at),
        (readings.cpu_usec, np.where(is_first, 0.0, [usage.cpu_usec for usage in usages])),
        (readings.children_cpu_usec, np.where(is_first, 0.0, [usage.children_usec for usage in usages])),
    ):
        shifted = np.append(np.nan, column[:-1])
        shifted[firsts] = of_first
        columns.append(shifted)
    return _Before(*columns)
