"""Whether "what changed" names the culprit: incidents are planted into generated history, and first ranks are counted.

    python -m benchmarks.changes [--incidents 20] [--seed 1]

40 containers with all metrics, half an hour each; the incident begins in the middle. `cpu_s_median` is the processor
time of this process for one comparison.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.simulated_node import ROTATION_S, Life, Simulation, lives_of

from fgm.clock import SystemClock
from fgm.metrics.catalogue import COLUMN_TYPES, COLUMNS
from fgm.store.directory import atomic, layout
from fgm.store.parquet import parquet_encoding
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.header import FileHeader
from fgm.viewer.api.analysis import changes
from fgm.viewer.contents.scanner import Scanner
from fgm.viewer.files.data_files import DataFiles
from fgm.viewer.files.journals import Journals
from fgm.viewer.files.reader import Sources
from fgm.viewer.files.skipped_files import SkippedFiles
from fgm.viewer.query.analysis.comparison import ComparedRanges, Comparison

WINDOWS = 20
CONTAINERS = 40
START_MS = 1_767_110_400_000
MIDDLE_MS = START_MS + WINDOWS // 2 * ROTATION_S * 1000
MIB = float(1 << 20)

Plant = Callable[[dict[str, Chunk], Sequence[str], np.random.Generator], str]
"""A function that changes the chunks of one window, by key. `keys`: those of the containers, the culprit first."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.changes", description=__doc__)
    parser.add_argument("--incidents", type=int, default=20, help="number of incidents (default: 20)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random numbers (default: 1)")
    arguments = parser.parse_args(argv)
    first, cpu_s = 0, []
    for number in range(arguments.incidents):
        kind = list(INCIDENTS)[number % len(INCIDENTS)]
        with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
            culprit = make(Path(folder), kind, arguments.seed + number)
            began = time.process_time()
            answer = compare(folder)
            cpu_s.append(time.process_time() - began)
        rank = next((i for i, series in enumerate(answer["series"], 1) if series["id"] == culprit), 0)
        first += rank == 1
        scores = " ".join(f"{series['score']:.1f}" for series in answer["series"][:4])
        metrics = ", ".join(change["metric"] for change in answer["series"][0]["changes"])
        sys.stdout.write(
            f"{kind:20} culprit's rank {rank or '-'}   scores {scores}   metrics of the first: {metrics}\n"
        )
    result = {"incidents": arguments.incidents, "first": first, "cpu_s_median": round(float(np.median(cpu_s)), 2)}
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


def compare(folder: str) -> dict[str, Any]:
    """Compare the second half with the first."""
    clock, skipped = SystemClock(), SkippedFiles()
    files = DataFiles(folder, clock)
    sources = Sources(files, Journals(files, clock, skipped), skipped)
    scanner = Scanner(sources)
    scanner.scan()
    while not scanner.has_nothing_to_read:
        scanner.read_more()
    ranges = ComparedRanges(START_MS, MIDDLE_MS, 2 * MIDDLE_MS - START_MS)
    holdings = scanner.holdings()
    comparison = Comparison(holdings, ranges, sources)
    while comparison.step():
        pass
    return changes.answer(comparison, 10, holdings)


def make(folder: Path, kind: str, seed: int) -> str:
    """Write half an hour with an incident; return the id of the culprit."""
    numbers = np.random.default_rng(seed)
    lives = [life for life in lives_of(CONTAINERS, seed) if life.first == 0]
    lives = [Life(life.series, 0, WINDOWS) for life in lives]
    simulation = Simulation(COLUMNS, seed)
    keys = [life.series.key for life in lives if life.series.scope == "container"]
    numbers.shuffle(keys)
    plant = INCIDENTS[kind](numbers)
    header = FileHeader("node-1", "made", 1000, ROTATION_S)
    bases = {key: numbers.uniform(0.05, 0.6) for key in keys}
    state: dict[str, float] = {}
    for window in range(WINDOWS):
        start_ms = START_MS + window * ROTATION_S * 1000
        chunks = simulation.window(start_ms, [life.series for life in lives], has_gap=False)
        by_key = {chunk.series.key: chunk for chunk in chunks}
        for key in keys:
            ordinary(by_key[key], bases[key], numbers)
        if start_ms >= MIDDLE_MS:
            plant(by_key, keys, (start_ms - MIDDLE_MS) / 1000)
        for key in keys:
            accumulate(by_key[key], state)
        path = folder / layout.day_folder(start_ms) / layout.identifier_folder("made")
        path.mkdir(parents=True, exist_ok=True)
        atomic.publish(str(path), layout.metrics_name(start_ms), parquet_encoding.encode(chunks, COLUMN_TYPES, header))
    return keys[0][:12]


PER_SECOND = (
    *("cpu.stat.usage_usec", "cpu.stat.user_usec", "cpu.stat.nr_periods", "cpu.stat.nr_throttled"),
    *("cpu.stat.throttled_usec", "io.stat.rbytes", "io.stat.wbytes", "io.pressure.some.total"),
    *("io.pressure.full.total", "cpu.pressure.some.total", "memory.stat.pgfault"),
)


def ordinary(chunk: Chunk, cores: float, numbers: np.random.Generator) -> None:
    """Write the ordinary behaviour of a container, as growth per second; `accumulate` makes counters of it."""
    ticks = len(chunk.time_ms)
    busy = cores * 1e6 * np.clip(1 + 0.3 * numbers.standard_normal(ticks), 0.05, None)
    busy[numbers.random(ticks) < 0.02] *= 2.5
    values = chunk.values
    values["cpu.stat.usage_usec"][:] = busy
    values["cpu.stat.user_usec"][:] = 0.8 * busy
    values["cpu.stat.nr_periods"][:] = 10
    values["cpu.stat.nr_throttled"][:] = numbers.random(ticks) < 0.02
    values["cpu.stat.throttled_usec"][:] = 2_000 * values["cpu.stat.nr_throttled"]
    values["io.stat.rbytes"][:] = numbers.exponential(2e5, ticks)
    values["io.stat.wbytes"][:] = numbers.exponential(3e5, ticks)
    values["io.pressure.some.total"][:] = numbers.exponential(800, ticks)
    values["io.pressure.full.total"][:] = numbers.exponential(300, ticks)
    values["cpu.pressure.some.total"][:] = numbers.exponential(3_000, ticks)
    values["memory.stat.pgfault"][:] = numbers.poisson(200, ticks)
    used = 200 * MIB * (0.5 + cores) + numbers.standard_normal(ticks).cumsum() * 30_000
    values["memory.current"][:] = used
    values["memory.stat.anon"][:] = 0.7 * used
    values["memory.stat.inactive_file"][:] = 0.1 * used


def accumulate(chunk: Chunk, state: dict[str, float]) -> None:
    for name in PER_SECOND:
        column = chunk.values[name]
        column[:] = state.get(chunk.series.key + name, 0.0) + np.cumsum(column)
        state[chunk.series.key + name] = float(column[-1])


Planted = Callable[[dict[str, Chunk], Sequence[str], float], None]


def leak(numbers: np.random.Generator) -> Planted:
    """Return a container that allocates memory and never frees it."""
    bytes_a_s = numbers.uniform(0.15, 0.6) * MIB

    def plant(chunks: dict[str, Chunk], keys: Sequence[str], since_s: float) -> None:
        grown = bytes_a_s * (since_s + np.arange(ROTATION_S))
        chunks[keys[0]].values["memory.current"][:] += grown
        chunks[keys[0]].values["memory.stat.anon"][:] += grown

    return plant


def burst(numbers: np.random.Generator) -> Planted:
    """Return a container that uses more than two cores for some ten seconds."""
    begin_s, length_s = numbers.integers(60, 700), int(numbers.integers(8, 40))

    def plant(chunks: dict[str, Chunk], keys: Sequence[str], since_s: float) -> None:
        seconds = since_s + np.arange(ROTATION_S)
        in_burst = (seconds >= begin_s) & (seconds < begin_s + length_s)
        for name, share in (("cpu.stat.usage_usec", 1.0), ("cpu.stat.user_usec", 0.9)):
            chunks[keys[0]].values[name][in_burst] += share * 2.5e6

    return plant


def throttle(numbers: np.random.Generator) -> Planted:
    """Return a container whose CPU limit is too low: most periods are throttled, and the average is as before."""
    share = numbers.uniform(0.4, 0.9)

    def plant(chunks: dict[str, Chunk], keys: Sequence[str], _: float) -> None:
        values = chunks[keys[0]].values
        periods = np.floor(10 * np.clip(share + 0.1 * numbers.standard_normal(ROTATION_S), 0, 1))
        values["cpu.stat.nr_throttled"][:] = periods
        values["cpu.stat.throttled_usec"][:] = 40_000 * periods

    return plant


def noisy_neighbour(numbers: np.random.Generator) -> Planted:
    """Return a container that reads and writes so much that the others wait."""
    rate = numbers.uniform(60, 250) * MIB

    def plant(chunks: dict[str, Chunk], keys: Sequence[str], _: float) -> None:
        values = chunks[keys[0]].values
        values["io.stat.rbytes"][:] += rate * numbers.uniform(0.7, 1.3, ROTATION_S)
        values["io.stat.wbytes"][:] += rate / 3 * numbers.uniform(0.7, 1.3, ROTATION_S)
        for key in keys[1:]:
            chunks[key].values["io.pressure.some.total"][:] += numbers.exponential(60_000, ROTATION_S)
            chunks[key].values["io.pressure.full.total"][:] += numbers.exponential(30_000, ROTATION_S)

    return plant


def periodic_stall(numbers: np.random.Generator) -> Planted:
    """Return a container that repeatedly waits for a disk for some seconds."""
    every_s, length_s = int(numbers.integers(15, 40)), int(numbers.integers(4, 9))

    def plant(chunks: dict[str, Chunk], keys: Sequence[str], since_s: float) -> None:
        is_stalled = (since_s + np.arange(ROTATION_S)) % every_s < length_s
        values = chunks[keys[0]].values
        for name in ("cpu.stat.usage_usec", "cpu.stat.user_usec"):
            values[name][is_stalled] = 0
        values["io.pressure.full.total"][is_stalled] += 900_000
        values["io.pressure.some.total"][is_stalled] += 950_000

    return plant


def deploy_step(numbers: np.random.Generator) -> Planted:
    """Return a container whose new version needs more of everything."""
    factor = numbers.uniform(1.6, 2.5)

    def plant(chunks: dict[str, Chunk], keys: Sequence[str], _: float) -> None:
        values = chunks[keys[0]].values
        for name in ("cpu.stat.usage_usec", "cpu.stat.user_usec", "memory.current", "memory.stat.anon"):
            values[name][:] *= factor
        values["memory.stat.pgfault"][:] *= 3

    return plant


INCIDENTS: dict[str, Callable[[np.random.Generator], Planted]] = {
    "leak": leak,
    "burst": burst,
    "throttle": throttle,
    "noisy neighbour": noisy_neighbour,
    "periodic stall": periodic_stall,
    "deploy step": deploy_step,
}


if __name__ == "__main__":
    sys.exit(main())
