"""What the responses of the viewer cost, and whether it is usable in its container: `python -m benchmarks.viewer DIR`.

DIR is a history, as `python -m benchmarks.history` makes it; without DIR one is made for this run. First the viewer
has no limits. Measured is the CPU time of its whole process for one request in binary form, with nothing cached
(cold), then for the same again (warm), next to DuckDB with one thread for the same rows of the same files. Then the
viewer gets the limits of its container, a tenth of a processor and 128 MiB. Measured are the time to its first byte
and until it is ready, the time of responses on the wire, and its memory while a script sends requests faster than it
responds. It needs root and cgroup v1.
"""

import argparse
import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import urlencode

from benchmarks import history, limits
from benchmarks.collector import anonymous_mib
from tests.support.processes import free_port

from fgm.store.directory import layout
from fgm.store.index import index_file

HOUR_MS, DAY_MS = layout.HOUR_MS, layout.DAY_MS
METRIC = "cpu.stat.usage_usec"
METRICS = (METRIC, "memory.current", "io.stat.rbytes", "memory.stat.anon", "cpu.pressure.some.total")
CONTAINERS = 5
WARM_RUNS = 5
POLL_S = 0.02
PART_MS = 700
"""Time after which the page wants a first part of a response."""
SCRIPT_RANGES_MS = (60_000, 300_000, 900_000, HOUR_MS, 6 * HOUR_MS, DAY_MS, 7 * DAY_MS)
SCRIPT_CONTAINERS = 20
PATIENCE_S = (0.3, 2.0, 60.0)
"""Times that the script waits for a response before it sends the next request."""

DUCKDB = """
import json, sys, time
import duckdb
files, ids, metric, from_ms, to_ms, times = json.load(sys.stdin)
connection = duckdb.connect()
connection.execute("SET threads = 1; SET enable_progress_bar = false")
question = f'SELECT container_id, epoch_ms("time"), late_ms, "{metric}" FROM read_parquet($files)'
question += " WHERE container_id IN (SELECT unnest($ids))"
question += ' AND epoch_ms("time") >= $begin AND epoch_ms("time") < $end ORDER BY container_id, "time"'
values = {"files": files, "ids": ids, "begin": from_ms, "end": to_ms}
for _ in range(times):
    begun = time.process_time()
    rows = len(connection.execute(question, values).fetchnumpy()["container_id"])
    print(rows, 1000 * (time.process_time() - begun))
"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.viewer", description=__doc__)
    parser.add_argument(
        "data_dir", nargs="?", metavar="DIR", help="history to show (default: make one of 11,000 windows)"
    )
    parser.add_argument(
        "--python", default=sys.executable, help="Python interpreter that runs the viewer (default: this one)"
    )
    parser.add_argument(
        "--minutes", type=float, default=10, help="minutes in which the script sends requests (default: 10)"
    )
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        if arguments.data_dir is None:
            history.main([folder])
        requests = Requests(arguments.data_dir or folder)
        viewer = Viewer(arguments.python, requests.data_dir, free_port())
        result = {**free(viewer, requests), **in_the_box(viewer, requests, arguments.minutes * 60)}
    sys.stdout.write("".join(f"{name:40}{value:>14}\n" for name, value in result.items()))
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


class Requests:
    """The requests for a history: ranges at its end, of containers that lived then."""

    def __init__(self, data_dir: str) -> None:
        self.data_dir = data_dir
        index = index_file.load(os.path.join(data_dir, layout.INDEX_NAME))
        self.end_ms = (index.latest_ms or 0) + 1000
        newest = sorted(index.entries.values(), key=lambda entry: -entry.last_seen_ms)
        self.ids = [entry.full_id for entry in newest]

    def timeseries(self, length_ms: int, containers: int = CONTAINERS, metric: str = METRIC, within_ms: int = 0) -> str:
        """Return the target of a request."""
        span = {"from": self.end_ms - length_ms, "to": self.end_ms, "format": "binary", "within_ms": within_ms}
        ids = ",".join(name[:12] for name in self.ids[:containers])
        return "/api/timeseries?" + urlencode({"metric": metric, "containers": ids, **span}, safe=",")

    def files(self, length_ms: int) -> list[str]:
        """Return the files of a range at the end of the history."""
        paths = []
        for start_ms in history.windows_before(self.end_ms, length_ms):
            for identifier in {history.identifier(start_ms)}:
                folder = os.path.join(layout.day_folder(start_ms), layout.identifier_folder(identifier))
                paths.append(os.path.join(self.data_dir, folder, layout.metrics_name(start_ms)))
        return paths


class Viewer:
    """A viewer that can be started and asked."""

    def __init__(self, python: str, data_dir: str, port: int) -> None:
        self._command = [python, "-m", "fgm.viewer", data_dir, "--port", str(port), "--no-browser"]
        self._command += ["--log-level", "warning"]
        self.port = port

    @contextmanager
    def running(self, inside: limits.Limited | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """Run the viewer until the block is left, within limits if `inside` is given."""
        process = limits.start(self._command, inside)
        try:
            yield process
        finally:
            limits.end(process)

    def get(self, path: str, patience_s: float = 120) -> tuple[int, float, int]:
        """Return the status of a response, the seconds until it was complete, and its size in bytes.

        Raises: OSError if the viewer does not respond within `patience_s`.
        """
        begun = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience_s)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            size = len(answer.read())
        finally:
            connection.close()
        return answer.status, time.monotonic() - begun, size

    def wait(self, path: str) -> float:
        """Wait until the status is 200; return the instant, by the monotonic clock."""
        while True:
            with suppress(OSError, http.client.HTTPException):
                if self.get(path)[0] == 200:
                    return time.monotonic()
            time.sleep(POLL_S)


def free(viewer: Viewer, requests: Requests) -> dict[str, float]:
    """Measure the CPU time of responses of a viewer without limits."""
    result: dict[str, float] = {}
    for name, length_ms in (("hour", HOUR_MS), ("day", DAY_MS)):
        path = requests.timeseries(length_ms)
        with viewer.running() as process:
            viewer.wait("/api/metrics")
            spent = [cpu_ms_of(viewer, process.pid, path) for _ in range(1 + WARM_RUNS)]
        result[f"{name}_cold_cpu_ms"] = round(spent[0], 1)
        result[f"{name}_warm_cpu_ms"] = round(statistics.median(spent[1:]), 1)
        duckdb_ms = duckdb_cpu_ms(requests, length_ms)
        result[f"{name}_cold_cpu_ms_duckdb"] = round(duckdb_ms[0], 1)
        result[f"{name}_warm_cpu_ms_duckdb"] = round(statistics.median(duckdb_ms[1:]), 1)
    return result


def cpu_ms_of(viewer: Viewer, pid: int, path: str) -> float:
    """Return the CPU time of the viewer's process for one response, ms."""
    before = threads_cpu_ms(pid)
    status, _, _ = viewer.get(path)
    if status != 200:
        raise SystemExit(f"the viewer responded with {status} to {path}")
    return threads_cpu_ms(pid) - before


def threads_cpu_ms(pid: int) -> float:
    """Return the CPU time of the living threads of a process, ms."""
    spent_ns = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            spent_ns += int(file.read().split()[0])
    return spent_ns / 1e6


def duckdb_cpu_ms(requests: Requests, length_ms: int) -> list[float]:
    """Return the CPU times of DuckDB for the same rows, ms; the first one is cold."""
    question = (
        requests.files(length_ms),
        requests.ids[:CONTAINERS],
        METRIC,
        requests.end_ms - length_ms,
        requests.end_ms,
        1 + WARM_RUNS,
    )
    done = subprocess.run(
        [sys.executable, "-c", DUCKDB], input=json.dumps(question), stdout=subprocess.PIPE, text=True, check=True
    )
    return [float(line.split()[1]) for line in done.stdout.splitlines()]


def in_the_box(viewer: Viewer, requests: Requests, script_s: float) -> dict[str, float]:
    """Measure how long a reader of the page waits, within the limits of the viewer's container."""
    result: dict[str, float] = {}
    with limits.limited(limits.VIEWER) as box:
        started = time.monotonic()
        with viewer.running(box) as process:
            result["box_first_byte_s"] = round(viewer.wait("/") - started, 2)
            result["box_ready_s"] = round(viewer.wait("/api/metrics") - started, 2)
            time.sleep(2)
            for name, path in (
                ("hour", requests.timeseries(HOUR_MS)),
                ("day_part", requests.timeseries(DAY_MS, within_ms=PART_MS)),
                ("day", requests.timeseries(DAY_MS)),
            ):
                _, seconds, size = viewer.get(path)
                result[f"box_{name}_s"], result[f"box_{name}_bytes"] = round(seconds, 2), size
            statuses, anonymous, working_set = send_requests(viewer, requests, process.pid, script_s, box)
            result["box_script_answers"] = statuses["200"]
            result["box_script_abandoned"] = statuses["abandoned"]
            result["box_script_busy"] = statuses["503"]
            result["box_script_other"] = statuses.total() - statuses["200"] - statuses["abandoned"] - statuses["503"]
            result["box_anonymous_mib_highest"] = round(anonymous, 1)
            result["box_working_set_mib_highest"] = round(working_set, 1)
            result["box_working_set_mib_last"] = round(box.memory_mib().working_set, 1)
            result["box_is_alive"] = process.poll() is None
        result["box_oom_kills"] = box.kills()
        result["box_charged_mib_highest"] = round(box.highest_bytes() / (1 << 20), 1)
    return result


def send_requests(
    viewer: Viewer, requests: Requests, pid: int, script_s: float, box: limits.Limited
) -> tuple[Counter[str], float, float]:
    """Send one request after another, many with a short patience.

    Return the statuses, and the highest anonymous memory and working set, MiB.
    """
    chance = random.Random(1)
    statuses: Counter[str] = Counter()
    highest, working_set, until = 0.0, 0.0, time.monotonic() + script_s
    while time.monotonic() < until:
        path = requests.timeseries(chance.choice(SCRIPT_RANGES_MS), SCRIPT_CONTAINERS, chance.choice(METRICS))
        try:
            status, _, _ = viewer.get(path, chance.choice(PATIENCE_S))
            statuses[str(status)] += 1
        except TimeoutError:
            statuses["abandoned"] += 1
        except (OSError, http.client.HTTPException):
            statuses["failed"] += 1
            time.sleep(POLL_S)
        with suppress(OSError, ValueError):
            highest = max(highest, anonymous_mib(pid))
        working_set = max(working_set, box.memory_mib().working_set)
    return statuses, highest, working_set


if __name__ == "__main__":
    sys.exit(main())
