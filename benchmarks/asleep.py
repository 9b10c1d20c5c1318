"""A viewer that sleeps, next to another one, each in a container: `python -m benchmarks.asleep DIR --other PYTHON`.

DIR is a history, as `python -m benchmarks.history` makes it. Each viewer runs from a copy of its files on disk, in the
box of its container. First nobody asks, and both get the probes of a kubelet. Then each is woken several times, in
turn, by a browser that wants the page and a program that wants the last hour. Then a page is opened, and at last a
script sends requests. A viewer that cannot sleep is started instead of being woken.

    alone     the files are read from the disk before each wake, and all of their page cache is charged to the viewer
    shared    the files are in the page cache already, as those that the collector of the same image has read

It needs root and cgroup v1.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from benchmarks import limits, page_load, viewer
from benchmarks.image import Image, evict, load
from tests.support.processes import free_port

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROBE_EVERY_S, LOOK_AGAIN_S, SETTLE_S = 15.0, 0.02, 2.0
SLEEP_AFTER_S = 3
FLAG = "--sleep-after-seconds"
CASES = ("alone", "shared")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.asleep", description=__doc__)
    parser.add_argument("data_dir", metavar="DIR", help="history to show")
    parser.add_argument("--python", default=sys.executable, help="interpreter of this checkout (default: this one)")
    parser.add_argument("--other", metavar="PYTHON", help="interpreter of another checkout, in its environment")
    parser.add_argument("--minutes", type=float, default=3, help="minutes without a question (default: 3)")
    parser.add_argument("--wakes", type=int, default=10, help="number of times to wake each (default: 10)")
    parser.add_argument("--script-minutes", type=float, default=0, help="minutes of requests at the end (default: 0)")
    parser.add_argument("--case", choices=CASES, action="append", help="measure only this case; can be repeated")
    arguments = parser.parse_args(argv)
    requests = viewer.Requests(os.path.abspath(arguments.data_dir))
    result: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="fgm-bench-", dir="/var/tmp") as folder:
        pythons = {"this": arguments.python} | ({"other": arguments.other} if arguments.other else {})
        images = {name: Image(python, os.path.join(folder, name)) for name, python in pythons.items()}
        for case in arguments.case or CASES:
            measured = measure(images, requests, case, arguments)
            result |= {f"{case}, {name}": facts for name, facts in measured.items()}
    names = dict.fromkeys(name for facts in result.values() for name in facts)
    print(f"{'':32}" + "".join(f"{column:>16}" for column in result))
    for name in names:
        print(f"{name:32}" + "".join(f"{facts.get(name, '-'):>16}" for facts in result.values()))
    print(json.dumps(result))
    return 0


def measure(
    images: dict[str, Image], requests: viewer.Requests, case: str, arguments: argparse.Namespace
) -> dict[str, dict[str, float]]:
    with ExitStack() as stack:
        contained = {}
        for name, image in images.items():
            box = stack.enter_context(limits.limited(limits.Limits(name, 10_000, 128 << 20)))
            contained[name] = stack.enter_context(Contained(image, box, requests, case == "alone").running())
        leave_alone(list(contained.values()), arguments.minutes * 60)
        for _ in range(arguments.wakes):
            for each in contained.values():
                each.wake()
        for keeps_assets in (False, True):
            for each in contained.values():
                each.open_page(keeps_assets=keeps_assets)
        if arguments.script_minutes:
            for each in contained.values():
                each.use(arguments.script_minutes * 60)
        return {name: each.result() for name, each in contained.items()}


def leave_alone(viewers: Sequence["Contained"], seconds: float) -> None:
    """Send only probes, and measure what the viewers need meanwhile."""
    for each in viewers:
        each.probes.wait("/readyz")
    time.sleep(SETTLE_S)
    before_ms = [each.cpu_ms() for each in viewers]
    until_s, next_s = time.monotonic() + seconds, 0.0
    while (now_s := time.monotonic()) < until_s:
        if now_s >= next_s:
            next_s = now_s + PROBE_EVERY_S
            for each in viewers:
                each.probe()
                each.note("asleep_mib", each.box.memory_mib().working_set)
        time.sleep(1)
    for each, cpu_ms in zip(viewers, before_ms, strict=True):
        each.note("asleep_cpu_ms_per_s", (each.cpu_ms() - cpu_ms) / seconds)


@dataclass
class Contained:
    """A viewer in the box of its container. `is_alone`: its files are read from the disk before each wake."""

    image: Image
    box: limits.Limited
    requests: viewer.Requests
    is_alone: bool
    measured: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.port, self.health_port = free_port(), free_port()
        self.client = viewer.Viewer("", self.requests.data_dir, self.port)
        self.probes = viewer.Viewer("", self.requests.data_dir, self.health_port)
        done = subprocess.run(
            self.image.command(self.requests.data_dir, "-m", "fgm.viewer", "--help"),
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.can_sleep = FLAG in done.stdout

    @contextmanager
    def running(self) -> Iterator["Contained"]:
        """Start it, and end it when the block is left."""
        self._start()
        try:
            yield self
        finally:
            limits.end(self.process)

    def _start(self) -> None:
        self._prepare()
        arguments = ["-m", "fgm.viewer", "/data", "--port", str(self.port), "--no-browser", "--log-level", "warning"]
        arguments += ["--health-host", "127.0.0.1", "--health-port", str(self.health_port)]
        arguments += [FLAG, str(SLEEP_AFTER_S)] if self.can_sleep else []
        self.process = limits.start(self.image.command(self.requests.data_dir, *arguments), self.box)

    def _prepare(self) -> None:
        if self.is_alone:
            evict(self.image.folder)
        else:
            load(self.image.folder)

    def note(self, name: str, value: float) -> None:
        """Add one measured value."""
        self.measured.setdefault(name, []).append(value)

    def pids(self) -> list[int]:
        """Return the processes in the box."""
        with open(f"{self.box.memory}/cgroup.procs", encoding="ascii") as file:
            return [int(line) for line in file]

    def cpu_ms(self) -> float:
        """Return the CPU time of the living processes."""
        return sum(viewer.threads_cpu_ms(pid) for pid in self.pids())

    def probe(self) -> None:
        """Send the two probes of a kubelet."""
        for path in ("/healthz", "/readyz"):
            if (status := self.probes.get(path, patience_s=5)[0]) != 200:
                self.note("failed_probes", status)

    def wake(self) -> None:
        """Ask for the page and for the last hour at the same instant, then wait until it sleeps again."""
        began_s = self._begin_to_wake()
        threads = [
            threading.Thread(target=self._ask, args=(name, path, began_s))
            for name, path in (("first_byte_s", "/"), ("last_hour_s", self.requests.timeseries(viewer.HOUR_MS)))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._fall_asleep()

    def open_page(self, *, keeps_assets: bool) -> None:
        """Send the requests of a page. `keeps_assets`: the browser has its files already."""
        page_load.load(self.port, self.requests, self._begin_to_wake(), self.note, keeps_assets=keeps_assets)
        self._fall_asleep()

    def use(self, seconds: float) -> None:
        """Send one request after another."""
        self._begin_to_wake()
        self.client.wait("/api/metrics")
        statuses, anonymous, working_set = viewer.send_requests(
            self.client, self.requests, max(self.pids()), seconds, self.box
        )
        self.note("script_anonymous_mib", anonymous)
        self.note("script_working_set_mib", working_set)
        self.note("script_answers", statuses["200"])
        self.note("script_other", statuses.total() - statuses["200"] - statuses["abandoned"] - statuses["503"])
        self._fall_asleep("after_script_mib")

    def result(self) -> dict[str, float]:
        """Return what was measured: of several values the median and the highest."""
        result: dict[str, float] = {}
        for name, values in self.measured.items():
            result[name] = round(statistics.median(values), 2)
            if len(values) > 1:
                result[f"{name}_highest"] = round(max(values), 2)
        return result | {"oom_kills": self.box.kills()}

    def _begin_to_wake(self) -> float:
        """Return the instant at which the questions are asked."""
        if not self.can_sleep:
            limits.end(self.process)
            self._start()
        else:
            self._prepare()
        return time.monotonic()

    def _ask(self, name: str, path: str, began_s: float) -> None:
        while True:
            with suppress(OSError):
                status, _, _ = self.client.get(path)
                if status == 200:
                    self.note(name, time.monotonic() - began_s)
                    return
                time.sleep(1)  # as Retry-After says
            time.sleep(LOOK_AGAIN_S)

    def _fall_asleep(self, name: str = "asleep_again_mib") -> None:
        while self.can_sleep and len(self.pids()) > 1:
            time.sleep(0.2)
        time.sleep(SETTLE_S)
        self.note(name, self.box.memory_mib().working_set)


if __name__ == "__main__":
    sys.exit(main())
