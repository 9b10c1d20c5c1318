"""Record real cgroups under changing load: `python -m benchmarks.recording DIR --minutes 120 --containers 40`.

Next to containers and services that work lightly all the time, containers start and end, and now and then one of the
others computes, takes memory or writes to the disk for some seconds. The seed decides when and which, but what the
kernel counts differs each time. Other cgroups of this machine are not recorded. It needs root, cgroup v1 and a C
compiler.
"""

import argparse
import glob
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from benchmarks import limits, own_cgroups
from benchmarks.collector import start_collector
from benchmarks.node import SERVICES
from benchmarks.programs import compile_into
from tests.support.cgroups import containers, services

from fgm.collector.cgroups.hierarchies import detect

MOUNT = "/sys/fs/cgroup"
SECONDS_ALIVE = (4, 90)
"""Shortest and longest life of the containers that come and go, seconds."""
MAX_AT_ONCE = 6
"""Maximum number of containers that start and end together."""
BURSTS = {
    "compute": "timeout {seconds} sh -c 'while :; do :; done'",
    "memory": "head -c {megabytes}M /dev/zero | tail -c 1 >/dev/null; sleep {seconds}",
    "disk": "timeout {seconds} dd if=/dev/zero of={folder}/burst bs=64k count=2000 oflag=dsync",
    "processes": "for i in $(seq {megabytes}); do sleep {seconds} & done; wait",
}
BURST_SECONDS = (1, 12)
PAUSE_SECONDS = (2, 15)
"""Shortest and longest time between two bursts, seconds."""
_ENTER = 'program=$1; shift; for procs; do echo $$ >"$procs" || exit; done; exec sh -c "$program"'


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recording", description=__doc__)
    parser.add_argument("data_dir", metavar="DIR", help="directory to record into")
    parser.add_argument("--minutes", type=float, default=120, help="length in minutes (default: 120)")
    parser.add_argument("--containers", type=int, default=40, help="number of containers that stay (default: 40)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random numbers (default: 1)")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if not arguments.inside:
        again = sys.argv[1:] if argv is None else list(argv)
        return own_cgroups.run([sys.executable, "-m", "benchmarks.recording", *again, "--inside"])
    os.makedirs(arguments.data_dir, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        compile_into(folder, "work")
        record(arguments.data_dir, folder, arguments.containers, arguments.minutes * 60, random.Random(arguments.seed))
    return 0


def record(data_dir: str, folder: str, count: int, seconds: float, chance: random.Random) -> None:
    """Record for some seconds. `folder`: has the program `work`, and gets what bursts write."""
    hierarchies, program = detect(MOUNT), os.path.join(folder, "work")
    with containers(hierarchies, count, program, with_networks=True) as ids, services(hierarchies, SERVICES, program):
        collector = start_collector(sys.executable, data_dir, None)
        try:
            deadline = time.monotonic() + seconds
            while (left := deadline - time.monotonic()) > 0:
                alive = min(left, chance.uniform(*SECONDS_ALIVE))
                with containers(hierarchies, chance.randint(1, MAX_AT_ONCE), program) as short_ids:
                    bursts(folder, [*ids, *short_ids], time.monotonic() + alive, chance)
        finally:
            limits.end(collector)


def bursts(folder: str, ids: Sequence[str], until: float, chance: random.Random) -> None:
    """Let one container after the other do more for some seconds, until an instant of the monotonic clock."""
    running: list[subprocess.Popen[bytes]] = []
    while (now := time.monotonic()) < until:
        script = chance.choice(list(BURSTS.values()))
        text = script.format(
            seconds=round(chance.uniform(*BURST_SECONDS), 1), megabytes=chance.randint(5, 60), folder=folder
        )
        procs = [f"{path}/cgroup.procs" for path in glob.glob(f"{MOUNT}/*/kubepods/*/*/{chance.choice(ids)}")]
        command = ["/bin/sh", "-c", _ENTER, "sh", text, *procs]
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        time.sleep(min(until - now, chance.uniform(*PAUSE_SECONDS)))
        running = [process for process in running if process.poll() is None]
    for process in running:
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
