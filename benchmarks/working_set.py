"""The working sets of two checkouts, side by side: `python -m benchmarks.working_set --other DIR`.

The working set (charged memory without inactive page cache) is what the kubelet compares with the request of a pod, if
memory on a node is short. The collectors of this checkout and of another one record the same containers and services
at the same time, everything switched on, each in cgroups with the limits of its container. Next to each runs a viewer
that nobody asks, which sleeps if its version can. Everything is in cgroup namespaces of its own, so that nothing else
on this machine is recorded. It needs root, cgroup v1 and a C compiler.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import astuple, dataclass, field, fields, replace

import numpy as np
from benchmarks import limits, own_cgroups
from benchmarks.collector import cpu_us, node_ticks
from benchmarks.compare import REPOSITORY, revision, working_in
from benchmarks.node import node
from benchmarks.pod import ask
from benchmarks.programs import compile_into
from tests.support.processes import free_port

from fgm.store.check.directory_check import check

WARM_UP_S = 20
"""Time in which the collectors start and read each file once, seconds."""
READ_EVERY_S = 1.0
"""Interval between two readings of the memory, seconds. The kubelet reads every 10 s."""
PROBE_EVERY_S, PROBE_TIMEOUT_S = 15, 5
SLEEP_FLAG = "--sleep-after-seconds"
PARTS = tuple(part.name for part in fields(limits.Memory))


@dataclass
class Daemon:
    """A process in cgroups of its own, and what was read of it."""

    box: limits.Limited
    process: subprocess.Popen[bytes]
    probe_port: int
    readings: list[limits.Memory] = field(default_factory=list)
    failed_probes: int = 0
    begun_us: float = 0

    def read(self) -> None:
        """Add a reading."""
        self.readings.append(self.box.memory_mib())

    def probe(self) -> None:
        """Send the two probes of a kubelet."""
        for path in ("/healthz", "/readyz"):
            status, _ = ask(self.probe_port, path, PROBE_TIMEOUT_S)
            self.failed_probes += status != 200

    def cpu_us(self) -> float:
        """Return the CPU time since `begun_us`, µs."""
        return cpu_us(self.process.pid) - self.begun_us

    def summary(self) -> dict[str, float]:
        """Return the lowest, highest and last reading of each part, MiB."""
        result: dict[str, float] = {}
        for part in PARTS:
            values = [getattr(reading, part) for reading in self.readings]
            for name, value in (("first", values[0]), ("highest", max(values)), ("last", values[-1])):
                result[f"{part}_mib_{name}"] = round(value, 1)
        return result | {"charged_mib_highest": self.box.highest_bytes() >> 20, "failed_probes": self.failed_probes}


@dataclass
class Checkout:
    """One of the two versions. `name`: this or other."""

    name: str
    folder: str
    python: str
    data_dir: str

    def options(self, probe_port: int) -> list[str]:
        """Return the flags of both daemons."""
        return ["--log-level", "warning", "--health-host", "127.0.0.1", "--health-port", str(probe_port)]

    def collector(self, probe_port: int) -> list[str]:
        """Return the command of the collector."""
        return [self.python, "-m", "fgm.collector", "--data-dir", self.data_dir, *self.options(probe_port)]

    def viewer(self, probe_port: int) -> list[str]:
        """Return the command of the viewer, which sleeps if it can."""
        with working_in(self.folder):
            help_text = subprocess.run([self.python, "-m", "fgm.viewer", "--help"], check=True, capture_output=True)
        sleep = [SLEEP_FLAG, "600"] if SLEEP_FLAG.encode() in help_text.stdout else []
        command = [self.python, "-m", "fgm.viewer", "--host", "127.0.0.1", "--port", str(free_port())]
        return [*command, *sleep, *self.options(probe_port), self.data_dir]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.working_set", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="minutes to measure (default: 60)")
    parser.add_argument("--containers", type=int, default=40, help="number of containers to make (default: 40)")
    parser.add_argument("--rotation-seconds", type=int, default=90, help="length of a window (default: 90)")
    parser.add_argument("--python", default=sys.executable, help="interpreter for this checkout (default: this one)")
    parser.add_argument("--other", metavar="DIR", required=True, help="folder of the other checkout")
    parser.add_argument("--other-python", metavar="PYTHON", help="its interpreter (default: DIR/.venv/bin/python)")
    parser.add_argument("--readings", metavar="FILE", help="write every reading of the collectors to a CSV file")
    parser.add_argument("--isolated", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if not arguments.isolated:
        again = sys.argv[1:] if argv is None else argv
        return own_cgroups.run([sys.executable, "-m", "benchmarks.working_set", "--isolated", *again])
    other = os.path.abspath(arguments.other)
    other_python = os.path.abspath(arguments.other_python or os.path.join(other, ".venv", "bin", "python"))
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="fgm-bench-"))
        readings = stack.enter_context(open(arguments.readings or os.devnull, "w", encoding="ascii"))
        checkouts = [
            Checkout("this", REPOSITORY, os.path.abspath(arguments.python), os.path.join(folder, "this")),
            Checkout("other", other, other_python, os.path.join(folder, "other")),
        ]
        measured = measure(folder, checkouts, arguments.containers, 60 * arguments.minutes, arguments.rotation_seconds)
        for name, (_, collector) in measured.items():
            lines = (",".join([name, *(f"{mib:.2f}" for mib in astuple(reading))]) for reading in collector.readings)
            readings.writelines(f"{line}\n" for line in lines)
    report(checkouts, {name: result for name, (result, _) in measured.items()})
    return 0


def measure(
    folder: str, checkouts: Sequence[Checkout], count: int, seconds: float, rotation_s: int
) -> dict[str, tuple[dict[str, float], Daemon]]:
    """Run the daemons of all checkouts at the same time; return by name the figures and the collector of each."""
    compile_into(folder, "work")
    with ExitStack() as stack:
        stack.enter_context(node(count, folder))
        pods: dict[str, list[Daemon]] = {}
        for checkout in checkouts:
            os.mkdir(checkout.data_dir)
            ports = free_port(), free_port()
            collector = [*checkout.collector(ports[0]), "--rotation-seconds", str(rotation_s)]
            pods[checkout.name] = [
                stack.enter_context(running(checkout, collector, limits.COLLECTOR, ports[0])),
                stack.enter_context(running(checkout, checkout.viewer(ports[1]), limits.VIEWER, ports[1])),
            ]
        daemons = [daemon for pod in pods.values() for daemon in pod]
        time.sleep(WARM_UP_S)
        for daemon in daemons:
            daemon.begun_us = cpu_us(daemon.process.pid)
        first_ms = time.time() * 1000
        watch(daemons, seconds)
        last_ms = time.time() * 1000
        result = {name: figures(pod[0], pod[1], seconds) for name, pod in pods.items()}
    for checkout in checkouts:
        late_ms, missed = node_ticks(checkout.data_dir, first_ms, last_ms)
        result[checkout.name] |= {
            "late_ms_p50": round(float(np.percentile(late_ms, 50)), 1),
            "late_ms_p99": round(float(np.percentile(late_ms, 99)), 1),
            "late_ms_highest": round(float(late_ms.max()), 1),
            "missed_ticks": missed,
            "problems": len(check(checkout.data_dir).problems),
        }
    return {name: (result[name], pod[0]) for name, pod in pods.items()}


@contextmanager
def running(checkout: Checkout, command: Sequence[str], most: limits.Limits, probe_port: int) -> Iterator[Daemon]:
    """Run a daemon of a checkout in cgroups of its own."""
    with limits.limited(replace(most, name=f"{most.name}-{checkout.name}")) as box:
        with working_in(checkout.folder):
            process = limits.start(command, box)
        try:
            yield Daemon(box, process, probe_port)
        finally:
            limits.end(process)


def watch(daemons: Sequence[Daemon], seconds: float) -> None:
    """Read the memory of all daemons, and send them the probes of a kubelet.

    Raises: SystemExit if a daemon has ended.
    """
    next_probe = began = time.monotonic()
    while (now := time.monotonic()) < began + seconds:
        for daemon in daemons:
            daemon.read()
            if daemon.process.poll() is not None:
                raise SystemExit(f"a daemon has ended with status {daemon.process.returncode}")
        if now >= next_probe:
            next_probe += PROBE_EVERY_S
            for daemon in daemons:
                daemon.probe()
        time.sleep(READ_EVERY_S)


def figures(collector: Daemon, viewer: Daemon, seconds: float) -> dict[str, float]:
    """Return the figures of a collector and its viewer."""
    both = [a.working_set + b.working_set for a, b in zip(collector.readings, viewer.readings, strict=True)]
    return {
        **{f"collector_{name}": value for name, value in collector.summary().items()},
        "collector_cpu_ms_a_second": round(collector.cpu_us() / seconds / 1000, 2),
        **{f"viewer_{name}": value for name, value in viewer.summary().items()},
        "viewer_cpu_ms_a_second": round(viewer.cpu_us() / seconds / 1000, 2),
        "both_working_set_mib_highest": round(max(both), 1),
        "both_working_set_mib_last": round(both[-1], 1),
    }


def report(checkouts: Sequence[Checkout], result: dict[str, dict[str, float]]) -> None:
    """Print the figures of both, and the ratio of their collectors' CPU time."""
    this, other = (result[checkout.name] for checkout in checkouts)
    ratio = this["collector_cpu_ms_a_second"] / other["collector_cpu_ms_a_second"]
    revisions = [f"{checkout.name} {revision(checkout.folder)}" for checkout in checkouts]
    print(f"{'':40}{revisions[0]:>16}{revisions[1]:>16}")
    for name, value in this.items():
        print(f"{name:40}{value:16}{other[name]:16}")
    print(f"{'collector_cpu_ratio':40}{ratio:16.3f}")
    print(json.dumps({**result, "collector_cpu_ratio": round(ratio, 3)}))


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    sys.exit(main())
