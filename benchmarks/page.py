"""What the page costs the browser, and how long its reader waits: `python -m benchmarks.page [DIR]`.

DIR is a history of an hour, as `python -m benchmarks.history --containers 165 --days 0.0416667` makes it; without DIR
one is made for this run. A real Chromium opens the whole of it, with the six containers that the page chooses, with
lines of all of them, and with walls of all of them. Measured are the time until there are lines or shades, the work of
the main thread for each move of the mouse, and the time until another metric is on a lane. The mouse moves after the
viewer has nothing to do any more: on a node, it is not on the machine of the browser. `move_frame_ms` is the time from
the task that dispatches a move until its frame is handed to the compositor; the round trip of the benchmark is no part
of it, and neither are raster threads and the display. `move_ms` is the length of all tasks up to the next move, also of
garbage collection and of polls; `move_cpu_ms` is their CPU time. The viewer has no limits here; `python -m
benchmarks.network` gives it those of its container, and a slow network.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from benchmarks import history
from benchmarks.browser import chromium, first_lines, fresh_page, page_link
from benchmarks.viewer import Viewer, threads_cpu_ms
from playwright.sync_api import Browser, Page
from tests.support.processes import free_port

from fgm.store.directory import layout
from fgm.store.index import index_file

CONTAINERS = 165
MAX_SHOWN = 300
"""Maximum number of workloads that the page shows as lines."""
RUNS = 5
MOVES = 200
MOVE_EVERY_S = 0.05
SETTLED_MS = 1500
IDLE_SHARE = 0.05
"""Share of a processor below which the viewer has nothing to do."""
IDLE_LOOKS = 120
"""Maximum number of seconds for which the benchmark waits for that."""
GOALS = {"first_lines_ms": 1500, "move_frame_ms": 16, "metric_switch_ms": 150}
METRICS = ("memory.stat.anon", "memory.stat.file", "memory.stat.kernel_stack", "memory.stat.slab", "memory.stat.shmem")
"""Metrics that a lane is switched to, one after the other; the page has requested none of them before."""

SWITCH = """async ([index, metric]) => {
    const [{ laneSamples }, { setLane }, { charts }] =
        await Promise.all(["state/store", "state/lanes", "chart/lane"].map(fgm));
    const frame = () => new Promise(requestAnimationFrame);
    const lines = () => laneSamples.value?.lines.get(metric) ?? [];
    const has = () => lines().some((line) => line.v.some((value) => value !== null));
    if (has()) throw new Error(`${metric} is there already`);
    await frame();
    const began = performance.now();
    setLane(index, metric);
    while (!has() || !(charts.get(metric)?.data.length > 1)) {
        if (performance.now() - began > 60_000) throw new Error(`${metric} never came`);
        await frame();
    }
    await frame();
    return performance.now() - began;
}"""
"""Script that returns the ms from the call to the frame after the first one that has lines of the metric."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("data_dir", nargs="?", metavar="DIR", help="history to show (default: make one)")
    parser.add_argument(
        "--python", default=sys.executable, help="Python interpreter that runs the viewer (default: this one)"
    )
    parser.add_argument(
        "--runs", type=int, default=RUNS, help=f"number of times that the page is opened (default: {RUNS})"
    )
    parser.add_argument(
        "--choices", default="six,all,wall", help="what is on the lanes, separated by commas (default: six,all,wall)"
    )
    arguments = parser.parse_args(argv)
    print(f"load average at the start: {os.getloadavg()[0]:.2f} of {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        if arguments.data_dir is None:
            history.main([folder, "--containers", str(CONTAINERS), "--days", str(1 / 24)])
        result = measure(arguments.python, arguments.data_dir or folder, arguments.runs, arguments.choices)
    print(f"load average at the end: {os.getloadavg()[0]:.2f}, including this benchmark")
    print(f"{'':44}{'median':>10}{'p95':>10}{'worst':>10}{'goal':>8}")
    for name, values in result.items():
        goal = next((str(goal) for key, goal in GOALS.items() if name.endswith(key)), "")
        row = (statistics.median(values), percentile(values, 0.95), max(values))
        print(f"{name:44}" + "".join(f"{value:>10.1f}" for value in row) + f"{goal:>8}")
    print(json.dumps({name: round(statistics.median(values), 1) for name, values in result.items()}))
    return 0


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of all values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure(python: str, data_dir: str, runs: int, choices: str) -> dict[str, list[float]]:
    """Return the samples of every figure, by name. `choices`: names of links, separated by commas."""
    result: dict[str, list[float]] = {}
    with chromium() as browser:
        for choice, fragment in links(data_dir).items():
            if choice not in choices.split(","):
                continue
            port = free_port()
            url = f"http://127.0.0.1:{port}/{fragment}"
            viewer = Viewer(python, data_dir, port)
            for _ in range(runs):
                with viewer.running():
                    viewer.wait("/api/metrics")
                    for state in ("cold", "warm"):
                        with fresh_page(browser) as page:
                            for name, value in first_lines(page, url).items():
                                result.setdefault(f"{choice}_{state}_{name}", []).append(value)
            with viewer.running() as process:
                viewer.wait("/api/metrics")
                with settled_page(browser, url) as page:
                    wait_until_idle(page, process.pid)
                    result |= {f"{choice}_{name}": values for name, values in moves(browser, page).items()}
                if choice == "wall":
                    continue
                with settled_page(browser, url) as page:
                    result[f"{choice}_metric_switch_ms"] = switches(page)
    return result


def links(data_dir: str) -> dict[str, str]:
    """Return the fragment of a link to the whole history, for each choice of what is on the lanes."""
    index = index_file.load(os.path.join(data_dir, layout.INDEX_NAME))
    if index.earliest_ms is None or index.latest_ms is None:
        raise SystemExit(f"there is no history in {data_dir}")
    span = page_link(index.earliest_ms, index.latest_ms + 1000)
    lanes = "cpu,memory,io"
    shown = ",".join(list(index.entries)[:MAX_SHOWN])
    return {"six": span, "all": f"{span}&show={shown}&lines={lanes}", "wall": f"{span}&walls={lanes}"}


@contextmanager
def settled_page(browser: Browser, url: str) -> Iterator[Page]:
    """Open the page and wait until it is idle."""
    with fresh_page(browser) as page:
        first_lines(page, url)
        page.wait_for_timeout(SETTLED_MS)
        yield page


def wait_until_idle(page: Page, pid: int) -> None:
    """Wait until the viewer has computed what the page requests in the background, such as findings."""
    for _ in range(IDLE_LOOKS):
        before_ms, began = threads_cpu_ms(pid), time.monotonic()
        page.wait_for_timeout(1000)
        if threads_cpu_ms(pid) - before_ms < 1000 * IDLE_SHARE * (time.monotonic() - began):
            return
    raise SystemExit(f"the viewer is still busy after {IDLE_LOOKS} s")


def moves(browser: Browser, page: Page) -> dict[str, list[float]]:
    """Move the mouse over the first lane; return the time of the main thread for each move, in ms.

    `move_ms` counts everything from the task that dispatches a move up to the task of the next move: events, the frames
    after them, style, layout, paint, and sometimes the heartbeat of the page.
    """
    box = page.locator(".lane :is(.plot, .rows)").first.bounding_box()
    if box is None:
        raise SystemExit("the page shows no lane")
    browser.start_tracing(page=page, categories=["devtools.timeline", "disabled-by-default-devtools.timeline"])
    for number in range(MOVES):
        x = box["x"] + 80 + (box["width"] - 100) * ((number * 7) % MOVES) / MOVES
        began = time.monotonic()
        page.mouse.move(x, box["y"] + box["height"] * (0.1 + 0.8 * ((number * 13) % MOVES) / MOVES))
        page.wait_for_timeout(max(0, 1000 * (MOVE_EVERY_S - (time.monotonic() - began))))
    return main_thread_ms(json.loads(browser.stop_tracing())["traceEvents"])


def main_thread_ms(events: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Return the time until the frame of each pointer move, and the length and CPU time of all tasks up to the next."""
    dispatched = [
        event
        for event in events
        if event["name"] == "EventDispatch" and event["ph"] == "X" and event["args"]["data"]["type"] == "pointermove"
    ]
    if len(dispatched) < MOVES / 2:
        raise SystemExit(f"the trace has {len(dispatched)} of {MOVES} moves")
    thread = {(event["pid"], event["tid"]) for event in dispatched}
    runs = [event for event in events if event["name"] == "RunTask" and (event["pid"], event["tid"]) in thread]
    tasks = [event for event in runs if "dur" in event]  # one that ran when the trace ended has no duration
    starts = sorted(event["ts"] for event in dispatched)
    commits = sorted(
        (event["ts"], event["ts"] + event["dur"])
        for event in events
        if event["name"] == "Commit" and event["ph"] == "X" and (event["pid"], event["tid"]) in thread
    )
    begins = [task["ts"] for task in sorted(tasks, key=lambda task: float(task["ts"]))]
    frames = []
    for start in starts[:-1]:
        committed = next((end for ts, end in commits if ts >= start), None)
        if committed is not None:
            frames.append((committed - begins[bisect_right(begins, start) - 1]) / 1000)
    sums, cpu = [0.0] * len(starts), [0.0] * len(starts)
    at = -1
    for task in sorted(tasks, key=lambda task: float(task["ts"])):
        while at + 1 < len(starts) and starts[at + 1] < task["ts"] + task["dur"]:
            at += 1
        if at >= 0:
            sums[at] += task["dur"] / 1000
            cpu[at] += task.get("tdur", 0) / 1000
    return {"move_frame_ms": frames, "move_ms": sums[:-1], "move_cpu_ms": cpu[:-1]}


def switches(page: Page) -> list[float]:
    """Put one metric after the other on the first lane; return the time of each, ms."""
    spent = []
    for metric in METRICS:
        spent.append(float(page.evaluate(SWITCH, [0, metric])))
        page.wait_for_timeout(SETTLED_MS)
    return spent


if __name__ == "__main__":
    sys.exit(main())
