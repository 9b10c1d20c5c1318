"""A bucket with the metrics of two nodes, and all irregularities of recorded files."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fgm.metrics.catalogue import COLUMN_TYPES
from fgm.store.directory import layout
from fgm.store.parquet.parquet_encoding import encode
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.series import Series
from tests.support.irregular_samples import HEADER, SERIES, START_MS, between, irregular

DAY = "2025-12-30"
SHORT_LIVED = Series("container", container_id="cd" * 32, container_name="job", cgroup="/kubepods/pod4287d066/job")
_CGROUP1 = ("cpu.stat.usage_usec", "cpu.stat.nr_periods", "cpu.stat.nr_throttled", "memory.current", "io.stat.rbytes")
"""Columns with values on a node of cgroup v1, which has no pressure."""


@dataclass(frozen=True, slots=True)
class ShippedBucket:
    """`chunks`: the samples by node and key of the series. `tick_ms`: the sampling interval of the nodes."""

    folder: Path
    tick_ms: int
    chunks: dict[tuple[str, str], Chunk]


def ship_two_nodes(folder: Path, tick_ms: int) -> ShippedBucket:
    """Write three files of each node. A container lives for 70 samples, and the second node is one of cgroup v1."""
    short = between(irregular(SHORT_LIVED, 9, tick_ms), START_MS + 40 * tick_ms, START_MS + 110 * tick_ms)
    newer = [*(irregular(series, seed, tick_ms) for seed, series in enumerate(SERIES)), short]
    older = [_of_cgroup1(irregular(series, 20 + seed, tick_ms)) for seed, series in enumerate(SERIES)]
    nodes = {"node-1": newer, "node-2": older}
    header = replace(HEADER, interval_ms=tick_ms)
    for node, chunks in nodes.items():
        writer = folder / "metrics" / "cluster=blue" / f"dt={DAY}" / f"identifier={node}"
        writer.mkdir(parents=True)
        for first_ms in range(START_MS, START_MS + 270 * tick_ms, 90 * tick_ms):
            parts = [between(chunk, first_ms, first_ms + 90 * tick_ms) for chunk in chunks]
            content = encode([part for part in parts if len(part.time_ms)], COLUMN_TYPES, header)
            (writer / layout.metrics_name(first_ms)).write_bytes(content)
    by_key = {(node, chunk.series.key): chunk for node, chunks in nodes.items() for chunk in chunks}
    return ShippedBucket(folder, tick_ms, by_key)


def _of_cgroup1(chunk: Chunk) -> Chunk:
    values = {
        name: column if name in _CGROUP1 else np.full(len(column), np.nan) for name, column in chunk.values.items()
    }
    return Chunk(chunk.series, chunk.time_ms, chunk.late_ms, values)
