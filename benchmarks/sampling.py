"""CPU time of sampling, beside the least that reading the same files can cost: `python -m benchmarks.sampling`.

Makes containers of its own, asks the collector which files it reads for them and how often, and then reads these twice
at the same time: by a loop in C that keeps them open, and by the collector's Sampler, which also parses them, looks for
new cgroups and makes rows. Both tick once a second, half a second apart, in processes of their own, so that what one
leaves in the caches is as old for the other as the other way round, and the containers have worked in between. Only
CPU time within ticks counts, after a warm-up.
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

from benchmarks.programs import compile_into
from tests.support.cgroups import containers
from tests.support.vm import machine
from tests.support.vm.project import PYTHON, REPOSITORY, shared_folders

from fgm.collector.cgroups.hierarchies import detect

WARM_UP_TICKS = 11
"""As long as it takes until each slow file was read once and no container is looked at as a new one."""
START_IN_S = 2.0
"""The loop in C has opened its files by then, also in an emulated machine."""


@dataclass(frozen=True)
class Result:
    """What one run measured; CPU times are means over its ticks."""

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
    parser.add_argument("--seconds", type=int, default=60, help="how long to measure (default: 60)")
    parser.add_argument("--containers", type=int, default=40, help="how many containers to make (default: 40)")
    parser.add_argument("--in-vm", action="store_true", help="measure in the virtual machine, on cgroup v2")
    parser.add_argument("--programs", help="a folder with the compiled C programs (default: compile them)")
    given = parser.parse_args(argv)
    if given.in_vm:
        return in_vm(given.seconds, given.containers)
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        if given.programs is None:
            compile_into(folder, "work", "readloop")
        result = measure(given.programs or folder, given.containers, given.seconds)
    print(table(result))
    print(json.dumps(asdict(result)))
    return 0


def measure(programs: str, count: int, ticks: int) -> Result:
    """Run both loops beside each other."""
    hierarchies = detect("/sys/fs/cgroup")
    with containers(hierarchies, count, os.path.join(programs, "work")):
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
        raise SystemExit("one of the loops failed")
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
    """A process that says that it is ready, is told when to begin, ticks, and says what each tick cost."""

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
        """Return when it has imported and opened everything."""
        self._output.readline()

    def begin(self, start: float, more: str = "") -> None:
        """Let it tick every second from an instant of the monotonic clock on."""
        self._input.write(f"{start:.3f}\n{more}")
        self._input.close()

    def ticks_ns(self) -> list[int]:
        """Wait for its end; return the CPU time of each tick."""
        return [int(line) for line in self._output.read().split()]


def list_reads() -> list[tuple[str, int]]:
    """Ask the collector which files a tick reads, and every how many ticks."""
    command = [sys.executable, "-m", "fgm.collector", "--list-reads"]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [(read["path"], round(read["every_ticks"])) for read in map(json.loads, answer.splitlines())]


def table(result: Result) -> str:
    """Return the result for people."""
    count = result.containers
    return "\n".join(
        [
            f"{count} containers, {result.cgroups}, Linux {result.kernel}, {result.ticks} ticks",
            f"{result.files} files, {result.reads_a_tick} reads a tick",
            "",
            f"{'':10}{'µs a tick':>12}{'µs a container':>18}",
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
    """Return what runs Python in the machine, and where its modules are.

    Preferably Debian's own interpreter, which is what a Debian image has: it was built with profiles of what is run
    most, and needs a tenth fewer instructions than a plain build. Otherwise the one that runs this.
    """
    if sys.version_info[:2] == machine.PYTHON_VERSION:
        return "/usr/bin/python3", [str(REPOSITORY), str(REPOSITORY / "src"), sysconfig.get_paths()["platlib"]]
    return PYTHON, [str(REPOSITORY)]


if __name__ == "__main__":
    sys.exit(main())
