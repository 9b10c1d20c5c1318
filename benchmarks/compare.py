"""Compare this checkout with another one, in the same run: `python -m benchmarks.compare OTHER`.

OTHER is the folder of another checkout of fgm whose `.venv` exists. Every measurement alternates between the two
checkouts, so that both see the same machine: the CPU time of a sampling tick next to that of a loop in C that reads the
same files, the viewer's first byte within the limits of its container, the CPU time of the last hour of a history,
with nothing cached (cold) and again (warm), and that of the first answer about a minute to `fgm ask`, and of a later
one. It needs root, cgroup v1 and a C compiler.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from benchmarks import history, limits, sampling, viewer
from benchmarks.node import node
from benchmarks.programs import compile_into
from tests.support.processes import free_port

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MINUTES = {"minute_first_cpu_ms": 600_000, "minute_later_cpu_ms": 1_200_000}
"""Time from the minutes that are asked about to the end of the history, in ms."""
SETTLE_S = 1.0
"""Pause between two viewers, so that the second does not compete with what the first leaves behind."""


@dataclass
class Checkout:
    """A working tree with its own environment, and what was measured of it."""

    folder: str
    measured: dict[str, list[float]] = field(default_factory=dict)

    @property
    def python(self) -> str:
        """Return the interpreter of the checkout's environment."""
        return os.path.join(self.folder, ".venv", "bin", "python")

    def note(self, name: str, value: float) -> None:
        """Add one measured value."""
        self.measured.setdefault(name, []).append(value)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("other", metavar="OTHER", help="folder of the other checkout, with a .venv in it")
    parser.add_argument(
        "--rounds", type=int, default=7, help="number of rounds for each viewer measurement (default: 7)"
    )
    parser.add_argument("--seconds", type=int, default=60, help="number of ticks to sample in each order (default: 60)")
    parser.add_argument("--containers", type=int, default=40, help="number of containers to sample (default: 40)")
    arguments = parser.parse_args(argv)
    this, other = Checkout(REPOSITORY), Checkout(os.path.abspath(arguments.other))
    for checkout in (this, other):
        if not os.access(checkout.python, os.X_OK):
            parser.error(f"{checkout.python} is not there; run `make check` in {checkout.folder} first")
        # Without bytecode, importing costs twice as much, and more in the checkout with more modules.
        subprocess.run(
            [checkout.python, "-m", "compileall", "-q", "src", "benchmarks"], cwd=checkout.folder, check=True
        )
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        compile_into(folder, "work", "readloop")
        # In both orders: the second Python process of a second finds the interpreter's code in the caches.
        for order in ((this, other), (other, this)):
            compare_sampling(order, folder, arguments.containers, arguments.seconds)
        history.main([os.path.join(folder, "history")])
        compare_viewers(this, other, os.path.join(folder, "history"), arguments.rounds)
    report(this, other)
    return 0


def compare_sampling(checkouts: Sequence[Checkout], programs: str, count: int, ticks: int) -> None:
    """Sample the same containers with the loop in C and then with each checkout, a third of a second apart."""
    pace = [str(sampling.WARM_UP_TICKS), str(ticks)]
    with node(count, programs), ExitStack() as stack:
        reads = "".join(f"{every} {path}\n" for path, every in sampling.list_reads())
        c_loop = stack.enter_context(sampling.Loop([os.path.join(programs, "readloop"), *pace]))
        loops = {}
        for checkout in checkouts:
            with working_in(checkout.folder):
                command = [checkout.python, "-m", "benchmarks.sampler_ticks", *pace]
                loops[checkout.folder] = stack.enter_context(sampling.Loop(command))
        for loop in loops.values():
            loop.wait_until_ready()
        start = time.monotonic() + sampling.START_IN_S
        c_loop.begin(start, reads)
        for position, loop in enumerate(loops.values(), start=1):
            loop.begin(start + position / 3)
        c_us = statistics.mean(c_loop.ticks_ns()) / 1000
        for checkout in checkouts:
            ticks_us = [tick_ns / 1000 for tick_ns in loops[checkout.folder].ticks_ns()]
            for tick_us in ticks_us:
                checkout.note("sampling_tick_us", tick_us)
            checkout.note("sampling_ratio_to_c_loop", statistics.mean(ticks_us) / c_us)


def compare_viewers(this: Checkout, other: Checkout, data_dir: str, rounds: int) -> None:
    """Start each checkout's viewer in turn, first without limits and then within those of its container."""
    requests = viewer.Requests(data_dir)
    path = requests.timeseries(viewer.HOUR_MS)
    for number in range(rounds):
        for checkout in (this, other) if number % 2 else (other, this):
            with working_in(checkout.folder):
                server = viewer.Viewer(checkout.python, data_dir, free_port())
                with server.running() as process:
                    server.wait("/api/metrics")
                    checkout.note("hour_cold_cpu_ms", viewer.cpu_ms_of(server, process.pid, path))
                    for _ in range(viewer.WARM_RUNS):
                        checkout.note("hour_warm_cpu_ms", viewer.cpu_ms_of(server, process.pid, path))
                with server.running() as process:
                    server.wait("/api/metrics")
                    for name, before_ms in MINUTES.items():
                        cpu_ms = cpu_ms_of_minute(checkout, server.port, process.pid, requests.end_ms - before_ms)
                        if cpu_ms is not None:
                            checkout.note(name, cpu_ms)
                time.sleep(SETTLE_S)
                with limits.limited(limits.VIEWER) as box:
                    started = time.monotonic()
                    with server.running(box):
                        checkout.note("box_first_byte_s", server.wait("/") - started)
                        checkout.note("box_ready_s", server.wait("/api/metrics") - started)
            time.sleep(SETTLE_S)


def cpu_ms_of_minute(checkout: Checkout, port: int, pid: int, at_ms: int) -> float | None:
    """Return the CPU time of a viewer for an answer to its own `fgm ask`; None if the checkout has no such command."""
    before_ms = viewer.threads_cpu_ms(pid)
    command = [checkout.python, "-m", "fgm", "ask", str(at_ms // 1000), f"http://127.0.0.1:{port}"]
    asked = subprocess.run(command, check=False, capture_output=True)
    return viewer.threads_cpu_ms(pid) - before_ms if asked.returncode == 0 else None


@contextmanager
def working_in(folder: str) -> Iterator[None]:
    """Run the block in another working directory, so that `python -m` finds that checkout's modules.

    PYTHONPATH would come before them: both checkouts would run the same code.
    """
    before, python_path = os.getcwd(), os.environ.pop("PYTHONPATH", None)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
        if python_path is not None:
            os.environ["PYTHONPATH"] = python_path


def report(this: Checkout, other: Checkout) -> None:
    """Print medians and lowest values of both, and the ratio of this checkout to the other."""
    revisions = [revision(checkout.folder) for checkout in (this, other)]
    print(f"{'':28}{'this ' + revisions[0]:>24}{'other ' + revisions[1]:>24}{'ratio':>18}")
    print(f"{'':28}{'median':>14}{'lowest':>10}{'median':>14}{'lowest':>10}{'median':>9}{'lowest':>9}")
    for name, values in this.measured.items():
        before = other.measured.get(name)
        if before is None:
            continue
        medians, lowest = (statistics.median(values), statistics.median(before)), (min(values), min(before))
        line = f"{name:28}{medians[0]:14.2f}{lowest[0]:10.2f}{medians[1]:14.2f}{lowest[1]:10.2f}"
        print(f"{line}{medians[0] / medians[1]:9.3f}{lowest[0] / lowest[1]:9.3f}")
    print(json.dumps({"this": this.measured, "other": other.measured}))


def revision(folder: str) -> str:
    """Return the short name of the commit that is checked out."""
    command = ["git", "-C", folder, "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
