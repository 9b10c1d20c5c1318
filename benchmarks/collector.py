"""What the whole collector costs: `python -m benchmarks.collector`.

Makes its own containers and services with working processes, each pod with a network of its own, and runs the real
collector on this machine, with everything switched on, next to a loop in C that only reads the same files at the same
rhythm. The result counts all CPU time of the collector's process after a warm-up: sampling, journal, closing of
windows, index, retention. Lateness and missed ticks are read from the recorded data. `--limited` gives the
collector the limits of its container: half a processor and 256 MiB. `--python` is an interpreter with fgm and only what
fgm needs. It needs root and a C compiler.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass

import numpy as np
from benchmarks import limits
from benchmarks.node import node
from benchmarks.programs import compile_into
from benchmarks.sampling import START_IN_S, Loop, list_reads

from fgm.store.check.directory_check import check
from fgm.store.directory.listing import data_files
from fgm.store.parquet.window_file import WindowFile

WARM_UP_TICKS = 15


@dataclass(frozen=True)
class Result:
    """The figures of one run. `ratio`: CPU time of the collector divided by that of the loop."""

    containers: int
    limited: bool
    seconds: int
    c_us_a_second: float
    collector_us_a_second: float
    ratio: float
    us_a_container: float
    anonymous_mib: float
    anonymous_mib_highest: float
    late_ms_p50: float
    late_ms_p99: float
    late_ms_highest: float
    missed_ticks: int
    problems: int


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.collector", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="seconds to measure (default: 600)")
    parser.add_argument("--containers", type=int, default=40, help="number of containers to make (default: 40)")
    parser.add_argument("--limited", action="store_true", help="give the collector the limits of its container")
    parser.add_argument(
        "--python", default=sys.executable, help="Python interpreter that runs the collector (default: this one)"
    )
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        compile_into(folder, "work", "readloop")
        result = measure(
            folder, arguments.containers, arguments.seconds, limited=arguments.limited, python=arguments.python
        )
    sys.stdout.write("".join(f"{name:24}{value:>12}\n" for name, value in asdict(result).items()))
    sys.stdout.write(json.dumps(asdict(result)) + "\n")
    return 0


def measure(folder: str, count: int, seconds: int, *, limited: bool, python: str) -> Result:
    """Run the collector and the loop next to each other."""
    data_dir = os.path.join(folder, "data")
    os.mkdir(data_dir)
    with ExitStack() as stack:
        stack.enter_context(node(count, folder))
        reads = list_reads()
        pace = [str(WARM_UP_TICKS), str(seconds)]
        c_loop = stack.enter_context(Loop([os.path.join(folder, "readloop"), *pace]))
        box = stack.enter_context(limits.limited(limits.COLLECTOR)) if limited else None
        collector = start_collector(python, data_dir, box)
        stack.callback(limits.end, collector)
        start = time.monotonic() + START_IN_S
        c_loop.begin(start + 0.5, "".join(f"{every} {path}\n" for path, every in reads))
        time.sleep(start + WARM_UP_TICKS - time.monotonic())
        begun_us, anonymous, first_ms = cpu_us(collector.pid), [], time.time() * 1000
        while time.monotonic() < start + WARM_UP_TICKS + seconds:
            time.sleep(1)
            anonymous.append(anonymous_mib(collector.pid))
        spent_us, last_ms = cpu_us(collector.pid) - begun_us, time.time() * 1000
        c_us = sum(c_loop.ticks_ns()) / 1000
        limits.end(collector)
    late_ms, missed = node_ticks(data_dir, first_ms, last_ms)
    return Result(
        containers=count,
        limited=limited,
        seconds=seconds,
        c_us_a_second=round(c_us / seconds, 1),
        collector_us_a_second=round(spent_us / seconds, 1),
        ratio=round(spent_us / c_us, 2),
        us_a_container=round(spent_us / seconds / count, 1),
        anonymous_mib=round(anonymous[-1], 1),
        anonymous_mib_highest=round(max(anonymous), 1),
        late_ms_p50=round(float(np.percentile(late_ms, 50)), 1),
        late_ms_p99=round(float(np.percentile(late_ms, 99)), 1),
        late_ms_highest=round(float(late_ms.max()), 1),
        missed_ticks=missed,
        problems=len(check(data_dir).problems),
    )


def start_collector(python: str, data_dir: str, inside: limits.Limited | None) -> subprocess.Popen[bytes]:
    """Start the real collector on this machine."""
    command = [python, "-m", "fgm.collector", "--data-dir", data_dir, "--log-level", "warning"]
    return limits.start(command, inside)


def cpu_us(pid: int) -> float:
    """Return the CPU time that a process, its threads and its reaped children have used so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) * 1e6 / os.sysconf("SC_CLK_TCK")


def anonymous_mib(pid: int) -> float:
    """Return the anonymous memory of a process, MiB."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        (line,) = (line for line in file if line.startswith("RssAnon:"))
    return int(line.split()[1]) / 1024


def node_ticks(
    data_dir: str, first_ms: float, last_ms: float
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], int]:
    """Return the lateness of the node's rows in a range of time, ms, and the number of ticks without a row."""
    times: list[int] = []
    late: list[float] = []
    for path in data_files(data_dir, "metrics"):
        window = WindowFile.open(path)
        for chunk in window.chunks([], {"node"}):
            times += chunk.time_ms.tolist()
            late += chunk.late_ms.tolist()
        window.close()
    inside = [(ms, late_ms) for ms, late_ms in zip(times, late, strict=True) if first_ms <= ms < last_ms]
    expected = int(last_ms // 1000) - int(first_ms // 1000)
    return np.array([late_ms for _, late_ms in inside]), expected - len({ms for ms, _ in inside})


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    sys.exit(main())
