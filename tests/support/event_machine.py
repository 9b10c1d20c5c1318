"""Ticks as small tables, and an event machine that takes them."""

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from fgm.events.columns import NEEDED_COLUMNS
from fgm.events.machine import EventMachine
from fgm.events.oom.oom_text import NO_EVIDENCE, KillEvidence
from fgm.store.events.event import Event, encode
from fgm.store.samples.series import Series

T0 = 1_767_110_400_000
MIB = 1 << 20
NODE = Series("node", node_name="node-1")
SHORT = {
    "oom": "memory.events.oom_kill",
    "throttled": "cpu.stat.nr_throttled",
    "periods": "cpu.stat.nr_periods",
    "waited": "cpu.stat.throttled_usec",
    "quota": "cpu_quota_usec",
    "period": "cpu_period_usec",
    "max": "memory.max",
    "pids_max": "pids.max",
    "memory": "memory.current",
    "pids": "pids.current",
    "populated": "cgroup.events.populated",
    "procs": "container.pid_count",
    "groups": "memory.events.oom_group_kill",
    "cpu": "cpu.stat.usage_usec",
    "peak": "memory.peak",
    "ooms": "memory.events.oom",
    "smallest_max": "effective_memory_max",
    "max_depth": "effective_memory_max_depth",
    "smallest_cpu": "effective_cpu_limit_millicores",
    "cpu_depth": "effective_cpu_limit_depth",
    "held": "cpu.stat.local.throttled_usec",
    "high_events": "memory.events.high",
    "smallest_high": "effective_memory_high",
    "high_depth": "effective_memory_high_depth",
    "sock_throttled": "memory.events.sock_throttled",
}
"""Short names of the needed columns, in their order."""
assert tuple(SHORT.values()) == NEEDED_COLUMNS
Row = dict[str, float]
Ticks = Sequence[dict[Series, Row]]
Brief = tuple[float, str, str]


def pod(uid: str) -> Series:
    """Return a pod."""
    return Series("pod", pod_uid=uid, cgroup=f"/kubepods/pod{uid}")


def container(name: str, uid: str | None = "p", container_name: str | None = None) -> Series:
    """Return a container, in a pod unless `uid` is None."""
    path = f"/kubepods/pod{uid}/{name}" if uid else f"/docker/{name}"
    return Series("container", name * 64, container_name=container_name, pod_uid=uid, cgroup=path)


A, B, C = container("a"), container("b"), container("c")
POD = pod("p")


class Machine:
    """An event machine that gets its ticks by the second."""

    def __init__(self) -> None:
        self.machine = EventMachine(NEEDED_COLUMNS, 1000)
        self._series: tuple[Series, ...] = ()

    def tick(
        self,
        second: float,
        rows: dict[Series, Row],
        late_ms: float = 3.0,
        *,
        opened: Collection[Series] = (),
        first: Mapping[Series, float] | None = None,
        removed: Collection[Series] = (),
    ) -> list[Event]:
        """Add a tick; return its events.

        `opened`: series with a new cgroup; `first`: second of their first tick; `removed`: series without one by now.
        """
        series = tuple(rows)
        if series == self._series:
            series = self._series
        self._series = series
        table = np.full((len(series), 1 + len(NEEDED_COLUMNS)), np.nan)
        table[:, 0] = late_ms
        for i, key in enumerate(series):
            for name, value in rows[key].items():
                table[i, 0 if name == "late" else 1 + NEEDED_COLUMNS.index(SHORT[name])] = value
        events = self.machine.add_tick(
            T0 + round(second * 1000),
            series,
            table,
            opened={each.key for each in opened},
            removed={each.key for each in removed},
            first_ms={each.key: T0 + round(at * 1000) for each, at in (first or {}).items()},
        )
        assert all(encode(event) for event in events)
        return events

    def exit(self, second: float, series: Series, row: Row, evidence: KillEvidence = NO_EVIDENCE) -> list[Event]:
        """Add an exit between two ticks, with the last row of the container; return its events."""
        values = np.array([0.0, *(row.get(short, math.nan) for short in SHORT)])
        return self.machine.add_exit(T0 + round(second * 1000), series, values, evidence)

    def run(self, ticks: Ticks) -> list[Brief]:
        """Add a tick each second; return all events in brief."""
        return [brief(event) for second, rows in enumerate(ticks) for event in self.tick(second, rows)]


def brief(event: Event) -> Brief:
    """Return the second, kind and series of an event, with the first letter of a container's id."""
    name = event.series if ":" in event.series or event.series == "node" else event.series[0]
    return (event.time_ms - T0) / 1000, event.kind, name


def run(*ticks: dict[Series, Row]) -> list[Brief]:
    """Return all events of ticks that are a second apart, in brief."""
    return Machine().run(ticks)


ALIVE: Row = {"populated": 1, "procs": 1, "oom": 0, "memory": 200 * MIB}
DEAD: Row = ALIVE | {"populated": 0, "procs": 0}


def alive(**values: float) -> Row:
    """Return the row of a living container with other values."""
    return ALIVE | values


def limited(cores: float | None, memory_mib: float | None = 64, pids: float | None = 50) -> Row:
    """Return the row of a living container with limits; None is no limit."""
    row = alive(pids=1, periods=10, period=100_000)
    if cores is not None:
        row["quota"] = cores * 100_000
    if memory_mib is not None:
        row["max"] = memory_mib * MIB
    return row | ({} if pids is None else {"pids_max": pids})
