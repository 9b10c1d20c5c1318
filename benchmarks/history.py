"""A generated history of any length: `python -m benchmarks.history --days 11.5 --containers 40 DIR`.

The first 160 windows are simulated and encoded as the collector does it; the others are copies with other times stamped
into them. Values resemble real ones: constants, counters, page-sized steps, bursts, containers that start and end, some
gaps. The same seed gives the same bytes except for the times.
"""

import argparse
import io
import json
import os
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgm import __version__
from fgm.metrics.catalogue import BY_NAME, COLUMN_TYPES, COLUMNS
from fgm.store.directory import atomic, layout
from fgm.store.index import index_file
from fgm.store.index.index_file import Facts, Index, IndexEntry
from fgm.store.parquet import parquet_encoding
from fgm.store.parquet.block import PARQUET_MAGIC, read_block
from fgm.store.parquet.column_chunks import ColumnValues, encode_parts
from fgm.store.parquet.pages.page_table import ColumnChunk, PagePosition
from fgm.store.parquet.window_block import TIME
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.store.samples.series import Series

ROTATION_S = 90
ENCODED = 160
"""Number of windows that are encoded, four hours; the others repeat them."""
PAGE_BYTES = 4096
CONTAINERS_A_POD = 2
POD_DAYS = 3
"""Lifetime of a collector's pod; after it, files get another identifier."""
GAP_EVERY = 40
"""Interval, in windows, between those in which some ticks are missing."""


@dataclass(frozen=True, slots=True)
class Life:
    """A series and the first and last encoded window in which it exists."""

    series: Series
    first: int
    last: int


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("data_dir", metavar="DIR", help="directory to write into; it must be empty or missing")
    parser.add_argument(
        "--days", type=float, default=11.46, help="length in days (default: 11.46, which is 11,000 windows)"
    )
    parser.add_argument("--containers", type=int, default=40, help="number of containers at a time (default: 40)")
    parser.add_argument(
        "--metrics", type=int, default=len(COLUMNS), help=f"number of metrics with values (default: all {len(COLUMNS)})"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the random numbers (default: 1)")
    parser.add_argument("--until", type=int, help="end of the history, in ms since 1970 (default: now)")
    arguments = parser.parse_args(argv)
    if os.path.isdir(arguments.data_dir) and os.listdir(arguments.data_dir):
        parser.error(f"{arguments.data_dir} is not empty; give an empty or a new directory")
    until_ms = arguments.until or time.time_ns() // 1_000_000
    starts = list(windows_before(until_ms, round(arguments.days * layout.DAY_MS)))
    make(
        arguments.data_dir,
        starts,
        lives_of(arguments.containers, arguments.seed),
        Simulation(COLUMNS[: arguments.metrics], arguments.seed),
    )
    return 0


def make(data_dir: str, starts: Sequence[int], lives: Sequence[Life], simulation: "Simulation") -> None:
    """Write the history and its index, and the progress to standard error."""
    begun, written = time.monotonic(), 0
    encoded: list[Encoded] = []
    for number, start_ms in enumerate(starts):
        folder = os.path.join(data_dir, layout.day_folder(start_ms), layout.identifier_folder(identifier(start_ms)))
        os.makedirs(folder, exist_ok=True)
        header = FileHeader("node-1", identifier(start_ms), 1000, ROTATION_S, fgm_version=__version__)
        if number < ENCODED:
            there = [life.series for life in lives if life.first <= number <= life.last]
            chunks = simulation.window(start_ms, there, has_gap=number % GAP_EVERY == GAP_EVERY - 1)
            data = parquet_encoding.encode(chunks, COLUMN_TYPES, header)
        else:
            data = encoded[number % ENCODED].stamped(start_ms, header)
        atomic.publish(folder, layout.metrics_name(start_ms), data)
        if number < ENCODED:
            encoded.append(Encoded(os.path.join(folder, layout.metrics_name(start_ms))))
        written += len(data)
        if number % 500 == 499 or number == len(starts) - 1:
            spent_s = time.monotonic() - begun
            sys.stderr.write(f"{number + 1:6} of {len(starts)} windows, {written >> 20} MiB, {spent_s:.0f} s\n")
    atomic.publish(data_dir, layout.INDEX_NAME, index_file.dump(index_of(lives, starts)))


def windows_before(until_ms: int, length_ms: int) -> Iterator[int]:
    """Yield the starts of the whole windows of the last `length_ms`, oldest first."""
    window = layout.window_at(until_ms - length_ms, ROTATION_S)
    while window.end_ms <= until_ms:
        yield window.start_ms
        window = layout.window_at(window.end_ms, ROTATION_S)


def identifier(start_ms: int) -> str:
    """Return the identifier of the collector's pod at an instant."""
    return f"fine-grained-monitor-{start_ms // layout.DAY_MS // POD_DAYS:05x}"


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
        return [self._chunk(series, time_ms) for series in there]

    def _chunk(self, series: Series, time_ms: NDArray[np.int64]) -> Chunk:
        ticks, width = len(time_ms), len(self._columns)
        numbers = self._numbers
        if series.key not in self._state:
            self._state[series.key] = (numbers.integers(1, 1 << 16, width) * PAGE_BYTES).astype(np.float64)
        state = self._state[series.key]
        busy = (numbers.random(ticks) < 0.1) * 20.0 + numbers.random(ticks)
        values = {}
        for place, name in enumerate(self._columns):
            metric = BY_NAME[name]
            if place % 3 or metric.interval_s > 1:  # most of what a kernel counts is constant
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


class Encoded:
    """A window's file, which can be copied with other times: they are appended, and the old ones are no longer used."""

    def __init__(self, path: str) -> None:
        from fastparquet import ParquetFile  # noqa: PLC0415 - heavy, and only this function needs it

        with open(path, "rb") as whole:
            data = whole.read()
            _, end, _ = read_block(path, whole.fileno())
        file = WindowFile.open(path)
        self._directory, self._time_ms = file.block, file.time_ms()
        file.close()
        self._columns = data[:end]
        self._footer: Any = ParquetFile(io.BytesIO(data)).fmd

    def stamped(self, start_ms: int, header: FileHeader) -> bytes:
        """Return the file of another window."""
        directory = self._directory
        shift_ms = start_ms - layout.window_at(directory.first_ms, ROTATION_S).start_ms
        alone = encode_parts([ColumnValues(TIME, "time", self._time_ms + shift_ms, is_nullable=False)], {})
        (page,) = alone.positions[TIME].pages
        chunk = alone.chunks[page.offset : page.offset + page.size]
        place = page._replace(offset=len(self._columns))
        first_ms, last_ms = directory.first_ms + shift_ms, directory.last_ms + shift_ms
        footer = self._footer_with(place, first_ms, last_ms, header)
        columns = {**directory.columns, TIME: ColumnChunk("time", (place,))}
        block = replace(directory, header=header, first_ms=first_ms, last_ms=last_ms, columns=columns).to_bytes(footer)
        return self._columns + chunk + block + footer + len(footer).to_bytes(4, "little") + PARQUET_MAGIC

    def _footer_with(self, place: PagePosition, first_ms: int, last_ms: int, header: FileHeader) -> bytes:
        from fastparquet.writer import write_thrift  # noqa: PLC0415 - heavy, and only this function needs it

        column = self._footer.row_groups[0].columns[0]
        column.file_offset = place.offset
        facts = column.meta_data
        facts.data_page_offset, facts.total_compressed_size = place.offset, place.size
        facts.statistics.min_value = facts.statistics.min = first_ms.to_bytes(8, "little")
        facts.statistics.max_value = facts.statistics.max = last_ms.to_bytes(8, "little")
        for fact in self._footer.key_value_metadata:
            if fact.key in {"fgm.header", b"fgm.header"}:
                fact.value = json.dumps(header.to_json(), separators=(",", ":"))
        written = io.BytesIO()
        write_thrift(written, self._footer)
        return written.getvalue()


def index_of(lives: Sequence[Life], starts: Sequence[int]) -> Index:
    """Return the index of the history."""
    end_ms = starts[-1] + 1000 * ROTATION_S - 1000
    entries = {}
    for life in lives:
        series = life.series
        if series.container_id is None:
            continue
        seen = [start for number, start in enumerate(starts) if life.first <= number % ENCODED <= life.last]
        if not seen:
            continue
        facts = Facts(
            pod_name=series.pod_name,
            namespace=series.namespace,
            qos_class=series.qos_class,
            container_name=series.container_name,
            pod_uid=series.pod_uid,
            runtime=series.runtime,
        )
        last_ms = min(end_ms, seen[-1] + 1000 * ROTATION_S - 1000)
        entries[series.container_id[:12]] = IndexEntry(series.container_id, seen[0], last_ms, facts)
    return Index(entries, updated_ms=end_ms, earliest_ms=starts[0], latest_ms=end_ms, rotation_s=ROTATION_S)


if __name__ == "__main__":
    sys.exit(main())
