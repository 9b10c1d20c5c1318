"""CPU time of sampling, next to the minimum cost of reading the same files: `python -m benchmarks.sampling`.

Makes its own containers and asks the collector which files it reads for them and how often. Two processes then read
these files: a loop in C that keeps them open, and the collector's Sampler, which also parses them, looks for new
cgroups and makes rows. Both tick once a second, half a second apart, so that the containers work in between and
neither finds fresher caches than the other. Only CPU time within ticks counts, after a warm-up. It needs root and a C
compiler.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self

from benchmarks.node import node
from benchmarks.programs import compile_into
from tests.support.vm import machine
from tests.support.vm.project import PYTHON, REPOSITORY, shared_folders

from fgm.collector.cgroups.hierarchies import detect

WARM_UP_TICKS = 11
"""Number of ticks until each slow file was read once and no container counts as new."""
START_IN_S = 2.0
"""Time in which the loop in C opens its files, also in an emulated machine."""


@dataclass(frozen=True)
class Result:
    """The figures of one run; CPU times are means over its ticks."""

    kernel: str
    cgroups: str
    containers: int
    files: int
    reads_a_tick: float
    ticks: int
    c_us_a_tick: float
    fgm_us_a_tick: float
    ratio: float
    ratio_of_medians: float


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sampling", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="seconds to measure (default: 60)")
    parser.add_argument("--containers", type=int, default=40, help="number of containers to make (default: 40)")
    parser.add_argument("--in-vm", action="store_true", help="measure in the virtual machine, on cgroup v2")
    parser.add_argument("--programs", help="folder with the compiled C programs (default: compile them)")
    arguments = parser.parse_args(argv)
    if arguments.in_vm:
        return in_vm(arguments.seconds, arguments.containers)
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        if arguments.programs is None:
            compile_into(folder, "work", "readloop")
        result = measure(arguments.programs or folder, arguments.containers, arguments.seconds)
    print(table(result))
    print(json.dumps(asdict(result)))
    return 0


def measure(programs: str, count: int, ticks: int) -> Result:
    """Run both loops next to each other."""
    hierarchies = detect("/sys/fs/cgroup")
    with node(count, programs):
        reads = list_reads()
        pace = [str(WARM_UP_TICKS), str(ticks)]
        sampler = [sys.executable, "-m", "benchmarks.sampler_ticks", *pace]
        with Loop([os.path.join(programs, "readloop"), *pace]) as c_loop, Loop(sampler) as fgm_loop:
            fgm_loop.wait_until_ready()
            start = time.monotonic() + START_IN_S
            c_loop.begin(start, "".join(f"{every} {path}\n" for path, every in reads))
            fgm_loop.begin(start + 0.5)
            c_ns, fgm_ns = c_loop.ticks_ns(), fgm_loop.ticks_ns()
    if not len(c_ns) == len(fgm_ns) == ticks:
        raise SystemExit("a loop ended early; its message is above")
    c_us, fgm_us = statistics.mean(c_ns) / 1000, statistics.mean(fgm_ns) / 1000
    return Result(
        kernel=os.uname().release,
        cgroups=str(hierarchies),
        containers=count,
        files=len(reads),
        reads_a_tick=round(sum(1 / every for _, every in reads), 1),
        ticks=ticks,
        c_us_a_tick=round(c_us, 1),
        fgm_us_a_tick=round(fgm_us, 1),
        ratio=round(fgm_us / c_us, 2),
        ratio_of_medians=round(statistics.median(fgm_ns) / statistics.median(c_ns), 2),
    )


class Loop:
    """A process that reports when it is ready, receives its start time, ticks, and prints the CPU time of each tick."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._output.close()

    def wait_until_ready(self) -> None:
        """Wait until the process has imported and opened everything."""
        self._output.readline()

    def begin(self, start: float, more: str = "") -> None:
        """Let the process tick every second, starting at an instant of the monotonic clock."""
        self._input.write(f"{start:.3f}\n{more}")
        self._input.close()

    def ticks_ns(self) -> list[int]:
        """Wait for the end of the process; return the CPU time of each tick, ns."""
        return [int(line) for line in self._output.read().split()]


def list_reads() -> list[tuple[str, int]]:
    """Return the files that the collector reads, and the number of ticks between two reads of each."""
    command = [sys.executable, "-m", "fgm.collector", "--list-reads"]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [(read["path"], round(read["every_ticks"])) for read in map(json.loads, answer.splitlines())]


def table(result: Result) -> str:
    """Return the result as a table to read."""
    count = result.containers
    return "\n".join(
        [
            f"{count} containers, {result.cgroups}, Linux {result.kernel}, {result.ticks} ticks",
            f"{result.files} files, {result.reads_a_tick} reads per tick",
            "",
            f"{'':10}{'µs per tick':>12}{'µs per container':>18}",
            f"{'C loop':10}{result.c_us_a_tick:12.0f}{result.c_us_a_tick / count:18.1f}",
            f"{'fgm':10}{result.fgm_us_a_tick:12.0f}{result.fgm_us_a_tick / count:18.1f}",
            f"ratio {result.ratio:.2f} (of medians {result.ratio_of_medians:.2f})",
            "",
        ]
    )


def in_vm(seconds: int, count: int) -> int:
    """Run this benchmark in the virtual machine of the tests."""
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        compile_into(folder, "work", "readloop", static=True)
        python, modules = interpreter()
        arguments = ["--programs", folder, "--seconds", str(seconds), "--containers", str(count)]
        return machine.run(
            ["env", f"PYTHONPATH={':'.join(modules)}", python, "-m", "benchmarks.sampling", *arguments],
            share=folder,
            share_read_only=shared_folders(),
            timeout_s=seconds + 600,
            stdout=machine.write_through(sys.stdout),
            stderr=machine.write_through(sys.stderr),
        ).status


def interpreter() -> tuple[str, list[str]]:
    """Return the Python interpreter for the machine, and the folders of its modules.

    Debian's own interpreter is preferred, because a Debian image has it: it was built with profile-guided optimisation
    and needs a tenth fewer instructions than a plain build. Otherwise the interpreter that runs this is used.
    """
    if sys.version_info[:2] == machine.PYTHON_VERSION:
        return "/usr/bin/python3", [str(REPOSITORY), str(REPOSITORY / "src"), sysconfig.get_paths()["platlib"]]
    return PYTHON, [str(REPOSITORY)]


if __name__ == "__main__":
    sys.exit(main())
