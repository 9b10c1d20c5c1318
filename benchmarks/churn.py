"""Containers that live for a second: `python -m benchmarks.churn`.

For a minute, 100 cgroups with a process each start and end every second while the real collector records. The result
has the ticks that it missed, its open descriptors before and after, its anonymous memory, and the problems that
`fgm check` finds. It needs root and a C compiler.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from benchmarks.collector import anonymous_mib, node_ticks, start_collector
from benchmarks.limits import end
from benchmarks.programs import compile_into
from tests.support.cgroups import containers

from fgm.collector.cgroups.hierarchies import detect
from fgm.store.check.directory_check import check
from fgm.store.index.index_file import load

START_IN_S = 5.0
REST_S = 15.0
"""Wait after the last container ended; by then the collector has freed everything that it kept for them."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.churn", description=__doc__)
    parser.add_argument(
        "--seconds", type=int, default=60, help="seconds in which containers start and end (default: 60)"
    )
    parser.add_argument("--containers", type=int, default=100, help="number of containers per second (default: 100)")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        compile_into(folder, "work")
        result = measure(folder, arguments.containers, arguments.seconds)
    sys.stdout.write("".join(f"{name:28}{value:>10}\n" for name, value in result.items()))
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


def measure(folder: str, count: int, seconds: int) -> dict[str, float]:
    """Record while containers come and go."""
    data_dir = os.path.join(folder, "data")
    os.mkdir(data_dir)
    hierarchies = detect("/sys/fs/cgroup")
    collector = start_collector(sys.executable, data_dir, None)
    try:
        time.sleep(START_IN_S)
        before, first_ms = descriptors(collector), time.time() * 1000
        started = 0
        deadline = time.monotonic() + seconds
        while (now := time.monotonic()) < deadline:
            with containers(hierarchies, count, os.path.join(folder, "work")):
                started += count
                time.sleep(max(0.0, now + 1 - time.monotonic()))
        time.sleep(REST_S)
        after, anonymous, last_ms = descriptors(collector), anonymous_mib(collector.pid), time.time() * 1000
    finally:
        end(collector)
    late_ms, missed = node_ticks(data_dir, first_ms, last_ms)
    return {
        "started": started,
        "in_the_index": len(load(os.path.join(data_dir, "index.json")).keys),
        "missed_ticks": missed,
        "late_ms_highest": round(float(late_ms.max()), 1),
        "descriptors_before": before,
        "descriptors_after": after,
        "anonymous_mib_after": round(anonymous, 1),
        "problems": len(check(data_dir).problems),
    }


def descriptors(process: subprocess.Popen[bytes]) -> int:
    """Return how many files a process has open."""
    return len(os.listdir(f"/proc/{process.pid}/fd"))


if __name__ == "__main__":
    sys.exit(main())
