"""A made recording: the columns of all series of a made node as a collector would have recorded them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.catalogue import BY_NAME
from fgm.store.events.event import Event, in_order
from fgm.store.samples.series import Series
from tests.support.life.cluster import Node, pod_of
from tests.support.life.physics import MAX_WAIT, Capacity, Columns, columns_of_leaves
from tests.support.life.wants import MIB, Array

TICK_MS = 1000
PRESSURE = ".pressure."
GROUP_ONLY = ("network.",)
"""Prefixes of columns that pods and the node have, and containers do not: these have the network of their pod."""
NOT_OF_NODE = (
    *("cpu.stat.nr_", "cpu.stat.throttled", "container.pid_count", "cgroup.events", "processes."),
    *("memory.events.high", "memory.events.max", "memory.events.oom_group_kill", "memory.events.oom"),
)
"""Prefixes of columns that the node does not have, except `memory.events.oom_kill`."""
OF_OUTSIDE = (
    "cpu.stat.usage_usec",
    "memory.current",
    "memory.stat.anon",
    "memory.stat.file",
    "io.stat.",
    "pids.current",
)
"""Prefixes of the columns that the row has of what is outside of the others."""


@dataclass(frozen=True, slots=True)
class Made:
    """A made recording. `begin`: first tick of the view; those before it are the time before.

    Shape: `time_ms` is int64[ticks], `late_ms` and each column float64[series, ticks], NaN for null.
    """

    series: Sequence[Series]
    time_ms: NDArray[np.int64]
    late_ms: Array
    columns: Mapping[str, Array]
    events: Sequence[Event]
    begin: int


def made(node: Node, capacity: Capacity, begin: int) -> Made:
    """Return the recording of a node: its leaves, their pods and the node itself."""
    numbers = node.draw.numbers
    of_leaves = columns_of_leaves(node, capacity)
    alive = node.alive
    pods: dict[str, list[int]] = {}
    for row, leaf in enumerate(node.leaves):
        if leaf.scope == "container":
            pods.setdefault(str(leaf.pod_uid), []).append(row)
    groups = [list(range(len(node.leaves))), *pods.values()]
    series = [Series("node", node_name="node-1"), *(pod_of(node.leaves[rows[0]]) for rows in pods.values())]
    at = np.arange(alive.shape[1])
    spans = [(at >= node.first[rows].min()) & (at < node.end[rows].max()) for rows in groups]
    lives = np.vstack([*spans, alive])
    everything = [*series, *node.leaves]
    count, ticks = lives.shape
    columns: Columns = {}
    for name, values in of_leaves.items():
        own = np.where(alive, values, 0.0)
        combine = _any_of if PRESSURE in name else _sum_of
        whole = np.vstack([*(combine(own[rows]) for rows in groups), own])
        if name in BY_NAME and BY_NAME[name].kind == "counter":
            origin = np.floor(numbers.uniform(0, 1e9, (count, 1)))
            origin[len(groups) :][node.first > 0] = 0
            whole = origin + np.cumsum(np.floor(whole), axis=1)
        if name.startswith(GROUP_ONLY):
            whole[len(groups) :] = np.nan
        columns[name] = whole
    columns["cpu.pressure.full.total"][0] = 0.0
    _limits(node, columns, series, groups)
    _occasional(columns, numbers)
    columns["cgroup.events.populated"] = np.ones((count, ticks))
    outside = next(row for row, each in enumerate(everything) if each.scope == "outside")
    for name, column in columns.items():
        if name.startswith(NOT_OF_NODE) and name != "memory.events.oom_kill":
            column[0] = np.nan
        if not name.startswith(OF_OUTSIDE):
            column[outside] = np.nan
    _collector(columns, numbers, count, ticks)
    for column in columns.values():
        column[~lives] = np.nan
    late_ms = np.round(1.5 + np.sort(numbers.uniform(0, 3, count))[:, None] + numbers.gamma(2, 0.3, (1, ticks)), 2)
    return Made(
        everything,
        node.draw.second * 1000,
        np.where(lives, late_ms, np.nan),
        columns,
        in_order(node.events),
        begin,
    )


def _sum_of(values: Array) -> Array:
    total: Array = values.sum(axis=0)
    return total


def _any_of(values: Array) -> Array:
    """Return the time in which any of several waits, if they wait independently."""
    waits: Array = 1e6 * np.minimum(MAX_WAIT, 1 - np.prod(1 - np.minimum(values, 1e6) / 1e6, axis=0))
    return waits


def _limits(node: Node, columns: Columns, groups_of: Sequence[Series], groups: Sequence[Sequence[int]]) -> None:
    """Add the limits: of containers, of pods whose containers have one each, and the smallest on the way up."""
    depth = np.array([len((series.cgroup or "").strip("/").split("/")) for series in (*groups_of, *node.leaves)])
    for name, own in (("memory.max", node.memory_max), ("memory.high", node.memory_high), ("quota", node.quota)):
        of_groups = np.vstack([own[rows].sum(axis=0) for rows in groups])  # NaN if one has none
        of_groups[0] = np.nan
        if name == "memory.high":
            of_groups[:] = np.nan
        whole = np.vstack([of_groups, own])
        if name == "quota":
            columns["cpu_quota_usec"] = 1e5 * whole
            columns["cpu_period_usec"] = np.where(np.isnan(whole), np.nan, 1e5)
            columns["effective_cpu_limit_millicores"] = 1000 * whole
            columns["effective_cpu_limit_depth"] = np.where(np.isnan(whole), np.nan, depth[:, None])
        else:
            columns[name] = whole
            columns[f"effective_{name.replace('.', '_')}"] = whole.copy()
            columns[f"effective_{name.replace('.', '_')}_depth"] = np.where(np.isnan(whole), np.nan, depth[:, None])


def _occasional(columns: Columns, numbers: np.random.Generator) -> None:
    """Leave only the ticks at which columns are read that are not read at each tick; limits are repeated between."""
    phase: dict[float, Array] = {}
    for name, column in columns.items():
        every = BY_NAME[name].interval_s if name in BY_NAME else 1.0
        if every <= 1 or name.startswith(("memory.max", "memory.high", "effective", "cpu_")):
            continue
        at = phase.setdefault(every, numbers.integers(0, int(every), len(column)).astype(np.float64))
        column[(np.arange(column.shape[1]) - at[:, None]) % every != 0] = np.nan


def _collector(columns: Columns, numbers: np.random.Generator, count: int, ticks: int) -> None:
    """Add what the collector records of itself, in the row of the node."""
    for name, values in (
        ("collector.cpu_usec", np.cumsum(np.floor(numbers.gamma(20, 900, ticks)))),
        ("collector.anon_bytes", np.full(ticks, 30 * MIB)),
        ("collector.sweep_usec", np.floor(numbers.gamma(30, 200, ticks))),
        ("collector.failed_reads", np.zeros(ticks)),
        ("collector.skipped_reads", np.zeros(ticks)),
        ("collector.missed_ticks", np.zeros(ticks)),
    ):
        columns[name] = np.full((count, ticks), np.nan)
        columns[name][0] = values
