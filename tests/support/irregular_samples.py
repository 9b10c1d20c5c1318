"""Samples with all irregularities of recorded files: gaps, late ticks, missing values, and counters that restart."""

import numpy as np

from fgm.metrics.catalogue import BY_NAME, COLUMNS
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series

START_MS = 1_767_110_400_000
HEADER = FileHeader("node-1", "node-1", 1000, 90)
SERIES = (
    Series("node", node_name="node-1"),
    Series("pod", pod_uid="4287d066", cgroup="/kubepods/pod4287d066"),
    Series("cgroup", cgroup="/system.slice/a.service"),
    Series("outside"),
    Series("container", container_id="ab" * 32, container_name="payments", cgroup="/kubepods/pod4287d066/" + "ab" * 32),
)


def irregular(series: Series, seed: int, tick_ms: int = 1000) -> Chunk:
    """Return 3 windows with a gap, late ticks, missing values, counters that restart, and a limit that is removed."""
    numbers = np.random.default_rng(seed)
    ticks = np.delete(np.arange(270), slice(100, 107))
    count = len(ticks)
    values = {}
    for name in COLUMNS:
        grown = np.cumsum(numbers.integers(0, 50_000, count)).astype(float)
        grown[200:] -= grown[199] * (numbers.random() < 0.5)
        column = grown if BY_NAME[name].kind == "counter" else numbers.integers(0, 1 << 30, count).astype(float)
        column[numbers.random(count) < 0.05] = np.nan
        values[name] = column
    values["cpu_quota_usec"][50:90] = np.nan
    values["cpu_period_usec"][:] = 100_000
    late_ms = np.round(numbers.random(count) * 300, 2)
    late_ms[::40] = np.nan
    return Chunk(series, START_MS + tick_ms * ticks, late_ms, values)


def windows(chunk: Chunk) -> list[Chunk]:
    """Divide a chunk into one for each window."""
    return [between(chunk, first_ms, first_ms + 90_000) for first_ms in range(START_MS, START_MS + 270_000, 90_000)]


def between(chunk: Chunk, first_ms: int, end_ms: int) -> Chunk:
    """Return the samples from one time to another one, without those of the latter."""
    inside = (chunk.time_ms >= first_ms) & (chunk.time_ms < end_ms)
    columns = {name: column[inside] for name, column in chunk.values.items()}
    return Chunk(chunk.series, chunk.time_ms[inside], chunk.late_ms[inside], columns)
