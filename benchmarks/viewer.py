"""What the viewer's answers cost, and whether it is usable in its container: `python -m benchmarks.viewer DIR`.

DIR is a history, as `python -m benchmarks.history` makes it; without one, one is made for this run. First the viewer
is free: the processor time of its whole process for one request, answered in binary form, with nothing cached (cold),
then again (warm), beside DuckDB, with one thread, for the same rows of the same files. Then it gets the limits of its
container, a tenth of a processor and 128 MiB: how long it takes to its first byte and until it is ready, how long
answers take on the wire, and what becomes of it when somebody clicks around for a while, faster than it answers.
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
LOOK_AGAIN_S = 0.02
PART_MS = 700
"""As the page asks."""
SCRIPT_RANGES_MS = (60_000, 300_000, 900_000, HOUR_MS, 6 * HOUR_MS, DAY_MS, 7 * DAY_MS)
SCRIPT_CONTAINERS = 20
PATIENCE_S = (0.3, 2.0, 60.0)
"""How long somebody who clicks around waits for an answer before the next click."""

DUCKDB = """
import json, sys, time
import duckdb
files, ids, metric, from_ms, to_ms, times = json.load(sys.stdin)
connection = duckdb.connect()
connection.execute("SET threads = 1")
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
    parser.add_argument("data_dir", nargs="?", metavar="DIR", help="the history (default: make one of 11,000 windows)")
    parser.add_argument("--python", default=sys.executable, help="what runs the viewer (default: this one)")
    parser.add_argument("--minutes", type=float, default=10, help="how long somebody clicks around (default: 10)")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        if given.data_dir is None:
            history.main([folder])
        asked = Asked(given.data_dir or folder)
        viewer = Viewer(given.python, asked.data_dir, free_port())
        result = {**free(viewer, asked), **in_the_box(viewer, asked, given.minutes * 60)}
    sys.stdout.write("".join(f"{name:40}{value:>14}\n" for name, value in result.items()))
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


class Asked:
    """What is asked of a history: ranges that end with it, of containers that lived then."""

    def __init__(self, data_dir: str) -> None:
        self.data_dir = data_dir
        known = index_file.load(os.path.join(data_dir, layout.INDEX_NAME))
        self.end_ms = (known.latest_ms or 0) + 1000
        newest = sorted(known.entries.values(), key=lambda entry: -entry.last_seen_ms)
        self.ids = [entry.full_id for entry in newest]

    def timeseries(self, length_ms: int, containers: int = CONTAINERS, metric: str = METRIC, within_ms: int = 0) -> str:
        """Return the path of a question."""
        span = {"from": self.end_ms - length_ms, "to": self.end_ms, "format": "binary", "within_ms": within_ms}
        ids = ",".join(name[:12] for name in self.ids[:containers])
        return "/api/timeseries?" + urlencode({"metric": metric, "containers": ids, **span}, safe=",")

    def files(self, length_ms: int) -> list[str]:
        """Return the files that hold a range."""
        found = []
        for start_ms in history.windows_before(self.end_ms, length_ms):
            for identifier in {history.identifier(start_ms)}:
                folder = os.path.join(layout.day_folder(start_ms), layout.identifier_folder(identifier))
                found.append(os.path.join(self.data_dir, folder, layout.metrics_name(start_ms)))
        return found


class Viewer:
    """How the viewer is started, and asked."""

    def __init__(self, python: str, data_dir: str, port: int) -> None:
        self._command = [python, "-m", "fgm.viewer", data_dir, "--port", str(port), "--no-browser"]
        self._command += ["--log-level", "warning"]
        self._port = port

    @contextmanager
    def running(self, inside: limits.Limited | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """Run it."""
        process = limits.start(self._command, inside)
        try:
            yield process
        finally:
            limits.end(process)

    def get(self, path: str, patience_s: float = 120) -> tuple[int, float, int]:
        """Return the status of an answer, after how many seconds it was whole, and its size. Raises OSError."""
        begun = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=patience_s)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            size = len(answer.read())
        finally:
            connection.close()
        return answer.status, time.monotonic() - begun, size

    def wait(self, path: str) -> float:
        """Wait until the answer is 200; return when, by the monotonic clock."""
        while True:
            with suppress(OSError, http.client.HTTPException):
                if self.get(path)[0] == 200:
                    return time.monotonic()
            time.sleep(LOOK_AGAIN_S)


def free(viewer: Viewer, asked: Asked) -> dict[str, float]:
    """Measure the processor time of answers, without limits."""
    result: dict[str, float] = {}
    for name, length_ms in (("hour", HOUR_MS), ("day", DAY_MS)):
        path = asked.timeseries(length_ms)
        with viewer.running() as process:
            viewer.wait("/api/metrics")
            spent = [cpu_ms_of(viewer, process.pid, path) for _ in range(1 + WARM_RUNS)]
        result[f"{name}_cold_cpu_ms"] = round(spent[0], 1)
        result[f"{name}_warm_cpu_ms"] = round(statistics.median(spent[1:]), 1)
        duckdb_ms = duckdb_cpu_ms(asked, length_ms)
        result[f"{name}_cold_cpu_ms_duckdb"] = round(duckdb_ms[0], 1)
        result[f"{name}_warm_cpu_ms_duckdb"] = round(statistics.median(duckdb_ms[1:]), 1)
    return result


def cpu_ms_of(viewer: Viewer, pid: int, path: str) -> float:
    """Return the processor time of the viewer's process for one answer."""
    before = threads_cpu_ms(pid)
    status, _, _ = viewer.get(path)
    if status != 200:
        raise SystemExit(f"the viewer answered {status} to {path}")
    return threads_cpu_ms(pid) - before


def threads_cpu_ms(pid: int) -> float:
    """Return the processor time of a process's living threads."""
    spent_ns = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            spent_ns += int(file.read().split()[0])
    return spent_ns / 1e6


def duckdb_cpu_ms(asked: Asked, length_ms: int) -> list[float]:
    """Return the processor time of DuckDB for the same rows, cold and then warm."""
    question = (
        asked.files(length_ms),
        asked.ids[:CONTAINERS],
        METRIC,
        asked.end_ms - length_ms,
        asked.end_ms,
        1 + WARM_RUNS,
    )
    done = subprocess.run(
        [sys.executable, "-c", DUCKDB], input=json.dumps(question), stdout=subprocess.PIPE, text=True, check=True
    )
    return [float(line.split()[1]) for line in done.stdout.splitlines()]


def in_the_box(viewer: Viewer, asked: Asked, script_s: float) -> dict[str, float]:
    """Measure what somebody at the page waits for, within the limits of the viewer's container."""
    result: dict[str, float] = {}
    with limits.limited(limits.VIEWER) as box:
        started = time.monotonic()
        with viewer.running(box) as process:
            result["box_first_byte_s"] = round(viewer.wait("/") - started, 2)
            result["box_ready_s"] = round(viewer.wait("/api/metrics") - started, 2)
            time.sleep(2)
            for name, path in (
                ("hour", asked.timeseries(HOUR_MS)),
                ("day_part", asked.timeseries(DAY_MS, within_ms=PART_MS)),
                ("day", asked.timeseries(DAY_MS)),
            ):
                _, seconds, size = viewer.get(path)
                result[f"box_{name}_s"], result[f"box_{name}_bytes"] = round(seconds, 2), size
            statuses, anonymous = click_around(viewer, asked, process.pid, script_s)
            result["box_script_answers"] = statuses["200"]
            result["box_script_abandoned"] = statuses["abandoned"]
            result["box_script_busy"] = statuses["503"]
            result["box_script_other"] = statuses.total() - statuses["200"] - statuses["abandoned"] - statuses["503"]
            result["box_anonymous_mib_highest"] = round(anonymous, 1)
            result["box_is_alive"] = process.poll() is None
        result["box_oom_kills"] = box.kills()
        result["box_charged_mib_highest"] = round(box.highest_bytes() / (1 << 20), 1)
    return result


def click_around(viewer: Viewer, asked: Asked, pid: int, script_s: float) -> tuple[Counter[str], float]:
    """Ask one thing after another, often without patience; return what came, and the highest anonymous memory, MiB."""
    chance = random.Random(1)
    statuses: Counter[str] = Counter()
    highest, until = 0.0, time.monotonic() + script_s
    while time.monotonic() < until:
        path = asked.timeseries(chance.choice(SCRIPT_RANGES_MS), SCRIPT_CONTAINERS, chance.choice(METRICS))
        try:
            status, _, _ = viewer.get(path, chance.choice(PATIENCE_S))
            statuses[str(status)] += 1
        except TimeoutError:
            statuses["abandoned"] += 1
        except (OSError, http.client.HTTPException):
            statuses["failed"] += 1
            time.sleep(LOOK_AGAIN_S)
        with suppress(OSError, ValueError):
            highest = max(highest, anonymous_mib(pid))
    return statuses, highest


if __name__ == "__main__":
    sys.exit(main())
