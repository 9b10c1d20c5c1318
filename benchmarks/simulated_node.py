"""A simulated node: its series and when they live, and the values of their metrics, window by window."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fgm.metrics.catalogue import BY_NAME, COLUMNS
from fgm.metrics.metric import has_share
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.series import Series

ROTATION_S = 90
ENCODED = 160
"""Number of windows that are simulated, four hours."""
PAGE_BYTES = 4096
CONTAINERS_A_POD = 2
ASKED_FOR = (
    "cpu.stat.usage_usec",
    "memory.current",
    "memory.stat.inactive_file",
    "io.stat.rbytes",
    "io.stat.wbytes",
    "memory.stat.anon",
    "cpu.pressure.some.total",
)
"""Columns that benchmarks and the page request. They always have values, which change."""
RARE = ("memory.events.", "pids.events.", "cgroup.events.")
"""Beginnings of the names of columns that count what hardly ever happens, such as OOM kills. They are constant."""


@dataclass(frozen=True, slots=True)
class Life:
    """A series and the first and last encoded window in which it exists."""

    series: Series
    first: int
    last: int


def columns_of(count: int) -> list[str]:
    """Return the names of so many columns, in file order, with those that are asked for among them."""
    chosen = {*ASKED_FOR, *[name for name in COLUMNS if name not in ASKED_FOR][: max(0, count - len(ASKED_FOR))]}
    return [name for name in COLUMNS if name in chosen]


def lives_of(containers: int, seed: int) -> list[Life]:
    """Return all series: the node, pods, and containers, one in ten of which is replaced within the encoded windows."""
    numbers = np.random.default_rng(seed)
    lives = [Life(Series("node", node_name="node-1"), 0, ENCODED)]
    for i in range(containers):
        pod_uid = str(uuid.UUID(int=int(numbers.integers(1 << 62))))
        if i % CONTAINERS_A_POD == 0:
            pod = Series(
                "pod",
                pod_name=f"app-{i // CONTAINERS_A_POD}",
                namespace=f"team-{i % 7}",
                pod_uid=pod_uid,
                qos_class="Burstable",
                cgroup=f"/kubepods.slice/kubepods-burstable.slice/pod{pod_uid}",
                node_name="node-1",
            )
            lives.append(Life(pod, 0, ENCODED))
        ends = int(numbers.integers(1, ENCODED)) if i % 10 == 9 else ENCODED
        for first, last in ((0, ends), (ends + 1, ENCODED)):
            container_id = numbers.bytes(32).hex()
            series = replace(
                pod,
                scope="container",
                container_id=container_id,
                container_name=f"app-{i % CONTAINERS_A_POD}",
                runtime="containerd",
                cgroup=f"{pod.cgroup}/cri-containerd-{container_id}.scope",
            )
            if first <= last:
                lives.append(Life(series, first, last))
    return lives


class Simulation:
    """Generates one window after another; counters and memory continue from the previous window."""

    def __init__(self, columns: Sequence[str], seed: int) -> None:
        self._columns = columns
        self._numbers = np.random.default_rng(seed + 1)
        self._state: dict[str, NDArray[np.float64]] = {}

    def window(self, start_ms: int, there: Sequence[Series], *, has_gap: bool) -> list[Chunk]:
        """Return the chunks of one window."""
        time_ms = start_ms + 1000 * np.arange(ROTATION_S, dtype=np.int64)
        if has_gap:
            time_ms = np.delete(time_ms, slice(30, 42))
        for series in there:
            if series.key not in self._state:
                first = self._numbers.integers(1, 1 << 16, len(self._columns)) * PAGE_BYTES
                self._state[series.key] = first.astype(np.float64)
        before = {key: state.copy() for key, state in self._state.items()}
        chunks = {series.key: self._chunk(series, time_ms) for series in there}
        containers = [chunk for chunk in chunks.values() if chunk.series.scope == "container"]
        for chunk in chunks.values():
            if chunk.series.scope == "pod":
                self._add_up(
                    chunk, [each for each in containers if each.series.pod_uid == chunk.series.pod_uid], before
                )
            elif chunk.series.scope == "node":
                self._add_up(chunk, containers, before)
        return list(chunks.values())

    def _add_up(self, whole: Chunk, parts: Sequence[Chunk], before: Mapping[str, NDArray[np.float64]]) -> None:
        """Make the values of a pod or of the node the sum of those of its containers, where a sum has a meaning."""
        state = self._state[whole.series.key]
        for place, name in enumerate(self._columns):
            metric = BY_NAME[name]
            is_counter = metric.kind == "counter"
            has_sum = has_share(name, f"{metric.unit}/s" if is_counter else metric.unit) and ".pressure." not in name
            if metric.interval_s > 1 or not has_sum:
                continue
            column = whole.values[name]
            column[:] = before[whole.series.key][place] if is_counter else 0.0
            for part in parts:
                column += part.values[name]
                if is_counter:
                    column -= before[part.series.key][place]
            state[place] = column[-1]

    def _chunk(self, series: Series, time_ms: NDArray[np.int64]) -> Chunk:
        ticks = len(time_ms)
        numbers = self._numbers
        state = self._state[series.key]
        busy = (numbers.random(ticks) < 0.1) * 20.0 + numbers.random(ticks)
        values = {}
        for place, name in enumerate(self._columns):
            metric = BY_NAME[name]
            is_constant = place % 3 and name not in ASKED_FOR  # most of what a kernel counts is constant
            if is_constant or metric.interval_s > 1 or name.startswith(RARE):
                column = np.full(ticks, state[place])
            elif metric.kind == "counter":
                scale = 1e4 if metric.unit == "us" else 3.0
                column = state[place] + np.cumsum(np.floor(busy * numbers.random() * scale))
            else:
                steps = numbers.integers(-3, 4, ticks) * (numbers.random(ticks) < 0.3)
                column = np.maximum(0.0, state[place] + np.cumsum(steps) * PAGE_BYTES)
            state[place] = column[-1]
            values[name] = column
        late_ms = np.round(2 + numbers.random(ticks), 3)
        return Chunk(series, time_ms, late_ms, values)
