"""What merging an hour costs, and whether it delays ticks: `python -m benchmarks.merging RECORDED`.

`RECORDED` is a data directory with at least an hour of windows of real load. Its newest windows are moved to full hours
of the past, and merged by the real child process, without rests. Then two collectors record this machine at the same
time, each with the limits of its container (500m, 256 MiB): one merges such hours, and one has nothing to merge. It
needs root and cgroup v1.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from benchmarks import limits
from benchmarks.collector import node_ticks
from benchmarks.node import node
from benchmarks.programs import compile_into

from fgm.collector.merging import publishing
from fgm.collector.merging.due_jobs import DueJobs
from fgm.collector.merging.job import Job, Outcome
from fgm.metrics.catalogue import COLUMN_TYPES, COLUMNS
from fgm.store.check.directory_check import check
from fgm.store.directory import layout
from fgm.store.directory.listing import data_files
from fgm.store.parquet import parquet_encoding
from fgm.store.parquet.window_file import WindowFile
from fgm.store.samples.header import FORMAT_VERSION
from fgm.store.tables import process_tables

WINDOWS = layout.HOUR_MS // 90_000
"""Number of windows of an hour."""
REPEATS = 3
WARM_UP_S = 45


WITHOUT_PRESSURE = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /proc/pressure && exec "$@"')
"""Command that hides the pressure of this machine, which would keep hours from being merged while it is busy."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.merging", description=__doc__)
    parser.add_argument("recorded", help="data directory with an hour of windows")
    parser.add_argument("--seconds", type=int, default=0, help="seconds to record with two collectors (default: none)")
    parser.add_argument("--containers", type=int, default=40, help="number of containers to record (default: 40)")
    parser.add_argument(
        "--python", default=sys.executable, help="interpreter of collector and child (default: this one)"
    )
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        compile_into(folder, "work", "readloop")
        figures = cost(Path(folder, "hour"), arguments.recorded, arguments.python)
        if arguments.seconds:
            make_hour(arguments.recorded, Path(folder, "made"), past_hours(1)[0])
            figures |= lateness(folder, Path(folder, "made"), arguments)
    sys.stdout.write("".join(f"{name:32}{value}\n" for name, value in figures.items()))
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0


def cost(data_dir: Path, recorded: str, python: str) -> dict[str, Any]:
    """Merge one hour several times; return the lowest processor time, the highest memory, and the sizes."""
    hour_ms = past_hours(1)[0]
    data_dir.mkdir()
    make_hour(recorded, data_dir, hour_ms)
    values = sum(values_of(path) for path in data_files(str(data_dir), "metrics"))
    before = bytes_of(data_dir, "metrics-"), bytes_of(data_dir, "")
    job = DueJobs(str(data_dir), 3).next(time.time_ns(), 0.0)
    assert job is not None
    outcomes = [run_child(python, job) for _ in range(REPEATS)]
    last = outcomes[-1]
    both_ms = publish(str(data_dir), last)
    return {
        "problems": len(check(str(data_dir)).problems),
        "windows": len(job.windows),
        "tables": len(job.tables),
        "values": values,
        "cpu_s": min(outcome.cpu_s for outcome in outcomes),
        "peak_mib": round(max(outcome.peak_bytes for outcome in outcomes) / (1 << 20), 1),
        "seconds_a_glob_sees_both": round(both_ms / 1000, 4),
        "bytes_a_value_windows": round(before[0] / values, 3),
        "bytes_a_value_merged": round(bytes_of(data_dir, "metrics-") / values, 3),
        "bytes_a_value_minutes": round(bytes_of(data_dir, "minutes-") / values, 3),
        "bytes_of_tables": [before[1] - before[0], sum(bytes_of(data_dir, kind) for kind in ("proc", "lab", "reg"))],
    }


def run_child(python: str, job: Job) -> Outcome:
    command = [python, "-m", "fgm.collector.merging", str(os.getpid()), ""]
    done = subprocess.run(command, input=job.to_json().encode(), stdout=subprocess.PIPE, check=True)
    outcome = Outcome.from_json(done.stdout)
    assert outcome.kind == "merged", outcome
    return outcome


def publish(data_dir: str, outcome: Outcome) -> float:
    """Publish, and return the milliseconds from the rename of the metrics to the removal of their last source."""
    at_ns: list[tuple[str, int]] = []
    with noted("rename", at_ns, 1), noted("unlink", at_ns, 0):
        publishing.publish(data_dir, outcome)
    metrics = [ns for name, ns in at_ns if name.startswith("metrics-")]
    return (metrics[-1] - metrics[0]) / 1e6


@contextmanager
def noted(name: str, at_ns: list[tuple[str, int]], argument: int) -> Iterator[None]:
    """Note the name of a file and the time after each call of a function of `os`."""
    call: Callable[..., None] = getattr(os, name)

    def instead(*arguments: str, **more: Any) -> None:
        call(*arguments, **more)
        at_ns.append((os.path.basename(arguments[argument]), time.perf_counter_ns()))

    setattr(os, name, instead)
    try:
        yield
    finally:
        setattr(os, name, call)


def lateness(folder: str, hour: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Record with two collectors at the same time, one of which merges; return figures of both.

    `hour`: a data directory with the windows of an hour.
    """
    figures: dict[str, Any] = {}
    with ExitStack() as stack:
        stack.enter_context(node(arguments.containers, folder))
        boxes, collectors, empty = {}, {}, os.path.join(folder, "empty")
        os.mkdir(empty)
        for name in ("merging", "not_merging"):
            data_dir = Path(folder, name)
            data_dir.mkdir()
            if name == "merging":
                copy_hours(hour, data_dir, arguments.seconds // 30 + 2)
            boxes[name] = stack.enter_context(limits.limited(replace(limits.COLLECTOR, name=name)))
            command = [arguments.python, "-m", "fgm.collector", "--data-dir", str(data_dir), "--min-free", "0"]
            collectors[name] = limits.start([*WITHOUT_PRESSURE, empty, *command], boxes[name])
            stack.callback(limits.end, collectors[name])
        time.sleep(WARM_UP_S)
        first_ms = time.time() * 1000
        time.sleep(arguments.seconds)
        last_ms = time.time() * 1000
        for name, collector in collectors.items():
            limits.end(collector)
            late_ms, missed = node_ticks(str(Path(folder, name)), first_ms, last_ms)
            figures |= {
                f"{name}_late_ms_p50": round(float(np.percentile(late_ms, 50)), 1),
                f"{name}_late_ms_p99": round(float(np.percentile(late_ms, 99)), 1),
                f"{name}_late_ms_highest": round(float(late_ms.max()), 1),
                f"{name}_missed_ticks": missed,
                f"{name}_throttled_share": round(boxes[name].throttled_share(), 4),
                f"{name}_highest_mib": round(boxes[name].highest_bytes() / (1 << 20), 1),
                f"{name}_memory_failures": boxes[name].failures(),
            }
    figures["merged_hours"] = len([*Path(folder, "merging").glob("dt=*/*/metrics-*--PT1H.parquet")])
    return figures


def copy_hours(hour: Path, data_dir: Path, count: int) -> None:
    """Copy an hour several times, as if several collectors had written it."""
    for folder in hour.glob("dt=*/identifier=*"):
        for number in range(count):
            shutil.copytree(folder, data_dir / folder.parent.name / f"{folder.name}-{number}")


def past_hours(count: int) -> list[int]:
    """Return the starts of that many hours that have ended long ago, newest first."""
    now_ms = int(time.time() * 1000)
    newest = now_ms - now_ms % layout.HOUR_MS - 2 * layout.HOUR_MS
    return [newest - number * layout.HOUR_MS for number in range(count)]


def make_hour(recorded: str, data_dir: Path, hour_ms: int) -> None:
    """Write the newest windows of a recording as those of an hour, in today's format, with their tables."""
    paths = sorted(path for path in data_files(recorded, "metrics") if "--" not in path)[-WINDOWS:]
    assert len(paths) == WINDOWS, f"{recorded} has only {len(paths)} windows"
    parsed = layout.parse_name(os.path.basename(paths[0]))
    assert parsed is not None
    moved_ms = hour_ms - parsed.start_ms
    for path in paths:
        parsed = layout.parse_name(os.path.basename(path))
        assert parsed is not None
        start_ms = parsed.start_ms + moved_ms
        folder = data_dir / layout.day_folder(start_ms) / os.path.basename(os.path.dirname(path))
        folder.mkdir(parents=True, exist_ok=True)
        file = WindowFile.open(path)
        chunks = [replace(chunk, time_ms=chunk.time_ms + moved_ms) for chunk in file.chunks_on_access(COLUMNS)]
        header = replace(file.header, format_version=FORMAT_VERSION)
        (folder / layout.metrics_name(start_ms)).write_bytes(parquet_encoding.encode(chunks, COLUMN_TYPES, header))
        file.close()
        for kind in get_args(layout.TableKind):
            table = os.path.join(os.path.dirname(path), layout.table_name(kind, parsed.start_ms))
            if os.path.exists(table):
                rows = [row._replace(time_ms=row.time_ms + moved_ms) for row in process_tables.rows(table)]
                (folder / layout.table_name(kind, start_ms)).write_bytes(process_tables.encode(kind, rows, header))


def values_of(path: str) -> int:
    """Return the number of values in a metrics file, without lateness."""
    file = WindowFile.open(path)
    try:
        return sum(file.block.columns[name].present for name in file.metrics)
    finally:
        file.close()


def bytes_of(data_dir: Path, prefix: str) -> int:
    """Return the size of all Parquet files whose name begins with a prefix."""
    return sum(path.stat().st_size for path in data_dir.rglob(f"{prefix}*.parquet"))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    sys.exit(main())
