"""Two built images side by side: what their daemons need to start. `python -m benchmarks.image_starts ROOT OTHER DIR`.

ROOT and OTHER are folders with the files of the images, as `buildah mount` gives them; DIR is a history, as
`python -m benchmarks.history` makes it. The daemons start in turn, with the users, rights, mounts and limits of the
manifest: the viewer with the history, the collector with an empty directory and made containers. Before each start the
files of the image are removed from the page cache (alone), or read by this process (shared): page cache is charged to
the container that reads a file first. It needs root, cgroup v1 and a C compiler.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence

from benchmarks import image, limits, pod
from benchmarks.collector import anonymous_mib
from benchmarks.programs import compile_into
from benchmarks.viewer import Requests
from tests.support.cgroups import containers

from fgm.collector.cgroups.hierarchies import detect

CASES = ("alone", "shared")
FIVE_MINUTES_MS = 300_000
SETTLE_S = 10.0
"""Time after the first tick until the memory of the collector is read: it has read every kind of file by then."""

Measured = dict[str, list[float]]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.image_starts", description=__doc__)
    parser.add_argument("root", metavar="ROOT", help="folder with the files of the image")
    parser.add_argument("other", metavar="OTHER", help="folder with the files of the image to compare with")
    parser.add_argument("history", metavar="DIR", help="history that the viewers show")
    parser.add_argument("--rounds", type=int, default=7, help="number of starts of each daemon (default: 7)")
    parser.add_argument("--containers", type=int, default=40, help="number of containers to record (default: 40)")
    parser.add_argument("--case", choices=CASES, action="append", help="measure only this case; can be repeated")
    arguments = parser.parse_args(argv)
    roots = {"this": arguments.root, "other": arguments.other}
    for root in roots.values():
        for folder in ("data", "host/cgroup"):
            os.makedirs(os.path.join(root, folder), exist_ok=True)
    os.sync()  # only files without unwritten changes can be removed from the page cache
    measured: dict[str, Measured] = {name: defaultdict(list) for name in roots}
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        os.chmod(folder, 0o755)
        compile_into(folder, "work")
        with containers(detect("/sys/fs/cgroup"), arguments.containers, os.path.join(folder, "work")):
            for number in range(arguments.rounds):
                for case in arguments.case or CASES:
                    order = list(roots) if number % 2 else list(reversed(roots))
                    for name in order:
                        start_both(case, roots[name], arguments.history, measured[name])
    report(measured)
    return 0


def start_both(case: str, root: str, history: str, measured: Measured) -> None:
    """Start the viewer and then the collector, and add what they needed."""
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as data_dir:
        os.chmod(data_dir, 0o755)
        prepare(case, root)
        needed = start_viewer(root, history)
        prepare(case, root)
        needed |= start_collector(root, data_dir)
    for name, value in needed.items():
        measured[f"{case}, {name}"].append(value)


def prepare(case: str, root: str) -> None:
    """Remove the files of the image from the page cache, or read them all."""
    if case == "alone":
        image.evict(root)
    else:
        image.load(root)


def start_viewer(root: str, history: str) -> dict[str, float]:
    """Start a viewer, which sleeps, ask it for the page and the last five minutes; return what it needed."""
    question = Requests(history).timeseries(FIVE_MINUTES_MS)
    began = time.monotonic()
    with pod.running("viewer", root, history, limits.VIEWER) as viewer:
        wait_for(viewer, "health", "/healthz")
        asleep = cost(viewer, began)
        anonymous_asleep = sum(map(anonymous_mib, viewer.pids()))
        wait_for(viewer, "page", "/")
        first_byte = cost(viewer, began)
        wait_for(viewer, "page", question)
        answer = cost(viewer, began)
        return {
            "viewer asleep, s": asleep[0],
            "viewer asleep, CPU ms": asleep[1],
            "viewer asleep, anonymous MiB": anonymous_asleep,
            "viewer first byte, s": first_byte[0],
            "viewer first byte, CPU ms": first_byte[1],
            "viewer first answer, s": answer[0],
            "viewer first answer, CPU ms": answer[1],
            "viewer anonymous MiB": sum(map(anonymous_mib, viewer.pids())),
            "viewer highest charged MiB": viewer.box.highest_bytes() / (1 << 20),
        }


def start_collector(root: str, data_dir: str) -> dict[str, float]:
    """Start a collector, wait until it has recorded a tick and then some seconds more; return what it needed."""
    began = time.monotonic()
    with pod.running("monitor", root, data_dir, limits.COLLECTOR) as collector:
        wait_for(collector, "health", "/readyz")
        ready = cost(collector, began)
        time.sleep(SETTLE_S)
        return {
            "collector ready, s": ready[0],
            "collector ready, CPU ms": ready[1],
            "collector anonymous MiB": anonymous_mib(collector.process.pid),
            "collector highest charged MiB": collector.box.highest_bytes() / (1 << 20),
        }


def wait_for(daemon: pod.Daemon, port: str, path: str) -> None:
    """Ask until the answer is 200."""
    while pod.ask(daemon.ports[port], path, pod.ASK_TIMEOUT_S)[0] != 200:
        if daemon.process.poll() is not None:
            raise SystemExit(f"{daemon.name} has ended with status {daemon.process.returncode}")
        time.sleep(0.01)


def cost(daemon: pod.Daemon, began: float) -> tuple[float, float]:
    """Return the time since `began`, s, and the CPU time of the threads that the daemon has, ms."""
    took_s = time.monotonic() - began
    spent_ns = 0
    for pid in daemon.pids():
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                spent_ns += int(file.read().split()[0])
    return took_s, spent_ns / 1e6


def report(measured: dict[str, Measured]) -> None:
    """Print the medians, the lowest and highest values, and the ratio of the medians."""
    this, other = measured["this"], measured["other"]
    print(f"{'':40}{'this':>10}{'lowest':>10}{'highest':>10}{'other':>10}{'lowest':>10}{'highest':>10}{'ratio':>8}")
    for name, values in this.items():
        columns = [
            spread for each in (values, other[name]) for spread in (statistics.median(each), min(each), max(each))
        ]
        ratio = columns[0] / columns[3]
        print(f"{name:40}" + "".join(f"{value:10.2f}" for value in columns) + f"{ratio:8.3f}")
    print(json.dumps(measured))


if __name__ == "__main__":
    sys.exit(main())
