"""A live page that stays open for hours, in a time that passes ten times as fast: `python -m benchmarks.open_page`.

A recording of a generated node is written by the collector's own parts, a real viewer serves it, and a real Chromium
has the page open; for all three, time passes ten times as fast, so that eight hours of beats take 48 minutes. Every ten
minutes of that time the browser is made to collect garbage several times. Then the heap, the nodes and the listeners of
the page are counted, and the time that its main thread was busy, as a share of the time that seems to have passed.
`--source OTHER` measures the viewer and the page of another checkout.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.browser import chromium, fresh_page
from playwright.sync_api import Browser, CDPSession, Page
from tests.support.fast_daemons import recording, viewer
from tests.support.fast_time import FastClock
from tests.support.processes import free_port

from fgm.store.directory import layout

SPEED = 10.0
HOURS = 8.0
BEFORE_S = 1800
BEGIN_HOUR = 20
"""Hour of the day, UTC, at which the time begins, so that eight hours have a midnight in them."""
SAMPLE_S = 600.0
COLLECTIONS = 4
GOALS = {"heap_growth_mb": 3.0, "nodes_growth": 0, "listeners_growth": 0}

KEPT = """async () => {
    const store = await fgm("state/store");
    const samples = (signal) => {
        const lines = [...signal.value?.lines.values() ?? []].flat();
        return { lines: lines.length, samples: lines.reduce((sum, { t }) => sum + t.length, 0) };
    };
    const walker = document.createTreeWalker(document);
    let nodes = 1;
    while (walker.nextNode()) nodes += 1;
    return {
        nodes_in_document: nodes,
        buttons: document.querySelectorAll("button").length,
        series: store.allSeries.value?.length ?? 0,
        events: store.events.value.length,
        rows: document.querySelectorAll(".containers li").length,
        marks: document.querySelectorAll(".events .event").length,
        lanes: samples(store.laneSamples),
        explaining: samples(store.explainingSamples),
        behind_s: Math.round((Date.now() - store.newest_ms.value) / 1000),
    };
}"""
"""Script that counts what the page keeps and shows."""

WORK = "() => { for (let i = 0, sum = 0; i < 3e8; i += 1) sum += i; }"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.open_page", description=__doc__)
    parser.add_argument("--hours", type=float, default=HOURS, help=f"hours that seem to pass (default: {HOURS:.0f})")
    parser.add_argument("--speed", type=float, default=SPEED, help=f"speed of time (default: {SPEED:.0f})")
    parser.add_argument("--containers", type=int, default=1, help="containers at a time (default: 1: three series)")
    parser.add_argument(
        "--churn-seconds", type=int, default=0, help="interval between ends of containers (default: none)"
    )
    parser.add_argument("--view", default="", help="fragment of the page's address, such as last=6h (default: none)")
    parser.add_argument("--source", default="src", help="folder with the fgm package to measure (default: src)")
    parser.add_argument("--snapshots", help="folder for heap snapshots after the first ten minutes and at the end")
    arguments = parser.parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))  # so that the daemons and the browser end, too
    print(f"load average at the start: {os.getloadavg()[0]:.2f} of {os.cpu_count()} processors", flush=True)
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        samples = measure(folder, arguments)
    print(f"load average at the end: {os.getloadavg()[0]:.2f}, including this benchmark")
    result = summary(samples)
    for name, value in result.items():
        goal = f"   goal: {GOALS[name]}" if name in GOALS else ""
        print(f"{name:32}{value:>12}{goal}")
    print(json.dumps(result))
    return 0


def measure(folder: str, arguments: argparse.Namespace) -> list[dict[str, float]]:
    """Return the samples, one for each ten minutes that seemed to pass; the first one is of the open page."""
    now_ms = time.time_ns() // 1_000_000
    begin_ms = layout.day_start(now_ms) + layout.DAY_MS + BEGIN_HOUR * layout.HOUR_MS
    environment = {"PYTHONPATH": f"{Path(arguments.source).resolve()}:{Path.cwd()}"}
    with (
        recording(
            folder,
            begin_ms,
            arguments.speed,
            containers=arguments.containers,
            churn_s=arguments.churn_seconds,
            before_s=BEFORE_S,
            environment=environment,
        ) as clock,
        viewer(folder, free_port(), clock, environment) as url,
        chromium() as browser,
        fresh_page(browser) as page,
    ):
        page.add_init_script(clock.script())
        page.goto(f"{url}{arguments.view and '#'}{arguments.view}", wait_until="commit")
        page.wait_for_function("() => window.watched?.painted_ms !== null")
        return watch(OpenPage(browser, page), clock, arguments)


class OpenPage:
    """What a page holds, and how long its main thread was busy."""

    def __init__(self, browser: Browser, page: Page) -> None:
        self._page = page
        self.protocol: CDPSession = page.context.new_cdp_session(page)
        self.protocol.send("Performance.enable")
        self.protocol.send("HeapProfiler.enable")
        self._pid = renderer(browser, page)
        self._parts: list[str] = []
        self.protocol.on("HeapProfiler.addHeapSnapshotChunk", lambda part: self._parts.append(part["chunk"]))
        self.requests = 0
        page.on("request", self._count)

    def _count(self, request: Any) -> None:
        self.requests += request.url.endswith("/api/health")

    def wait(self, seconds: float) -> None:
        """Wait, and meanwhile count requests."""
        self._page.wait_for_timeout(1000 * seconds)

    def busy_s(self) -> tuple[float, float]:
        """Return the time of the main thread's tasks, and its CPU time, in s."""
        with open(f"/proc/{self._pid}/task/{self._pid}/schedstat", encoding="ascii") as file:
            cpu_s = int(file.read().split()[0]) / 1e9
        return self._metrics()["TaskDuration"], cpu_s

    def counts(self) -> dict[str, float]:
        """Return what is kept after collections of garbage."""
        for _ in range(COLLECTIONS):
            self.protocol.send("HeapProfiler.collectGarbage")
            self._page.wait_for_timeout(50)
        metrics = self._metrics()
        kept = self._page.evaluate(KEPT)
        flat = {
            f"{name}_{part}" if part else name: number
            for name, value in kept.items()
            for part, number in (value.items() if isinstance(value, dict) else [("", value)])
        }
        return {
            "heap_mb": metrics["JSHeapUsedSize"] / 1e6,
            "nodes": metrics["Nodes"],
            "listeners": metrics["JSEventListeners"],
            "anonymous_mb": self._anonymous_mb(),
            **flat,
        }

    def snapshot(self, path: Path) -> None:
        """Write a heap snapshot, which the developer tools of Chromium can open."""
        self._parts.clear()
        self.protocol.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
        path.write_text("".join(self._parts), encoding="utf-8")

    def _metrics(self) -> dict[str, float]:
        return {entry["name"]: entry["value"] for entry in self.protocol.send("Performance.getMetrics")["metrics"]}

    def _anonymous_mb(self) -> float:
        with open(f"/proc/{self._pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("RssAnon")) / 1000


def renderer(browser: Browser, page: Page) -> int:
    """Return the process that runs the page, which is the one that works when the page does."""
    session = browser.new_browser_cdp_session()

    def spent_s() -> dict[int, float]:
        processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
        return {process["id"]: process["cpuTime"] for process in processes if process["type"] == "renderer"}

    before = spent_s()
    page.evaluate(WORK)
    after = spent_s()
    session.detach()
    return max(after, key=lambda pid: after[pid] - before.get(pid, 0.0))


def watch(page: OpenPage, clock: FastClock, arguments: argparse.Namespace) -> list[dict[str, float]]:
    """Take a sample after every ten minutes of the clock."""
    samples: list[dict[str, float]] = []
    busy, since_s, requests = page.busy_s(), clock.elapsed_s(), page.requests
    next_s = since_s
    while True:
        left_s = next_s - clock.elapsed_s()
        if left_s > 0:
            page.wait(left_s / clock.speed)
        now_busy, now_s = page.busy_s(), clock.elapsed_s()
        passed_s = max(1e-9, now_s - since_s)
        sample = {
            "minutes": now_s / 60,
            "busy_%": 100 * (now_busy[0] - busy[0]) / passed_s,
            "cpu_%": 100 * (now_busy[1] - busy[1]) / passed_s,
            "beats": page.requests - requests,
            **page.counts(),
        }
        samples.append(sample)
        if len(samples) == 1:
            print("".join(f"{name[-11:]:>12}" for name in sample))
        print("".join(f"{round(value, 2):>12}" for value in sample.values()), flush=True)
        if arguments.snapshots and len(samples) == 2:
            page.snapshot(Path(arguments.snapshots, "early.heapsnapshot"))
        if now_s >= 3600 * arguments.hours:
            if arguments.snapshots:
                page.snapshot(Path(arguments.snapshots, "late.heapsnapshot"))
            return samples
        busy, since_s, requests = page.busy_s(), clock.elapsed_s(), page.requests
        next_s += SAMPLE_S


def summary(samples: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the growth since the first ten minutes, and the shares."""
    early, late = samples[1], samples[-1]
    after = samples[2:] or samples[1:]
    return {
        "hours": round(late["minutes"] / 60, 2),
        "beats": round(sum(sample["beats"] for sample in samples[1:])),
        "heap_mb_after_10_min": round(early["heap_mb"], 2),
        "heap_mb_highest": round(max(sample["heap_mb"] for sample in after), 2),
        "heap_mb_at_the_end": round(late["heap_mb"], 2),
        "heap_growth_mb": round(late["heap_mb"] - early["heap_mb"], 2),
        "nodes_after_10_min": early["nodes"],
        "nodes_growth": late["nodes"] - early["nodes"],
        "listeners_after_10_min": early["listeners"],
        "listeners_growth": late["listeners"] - early["listeners"],
        "main_thread_%": round(sum(sample["busy_%"] for sample in after) / len(after), 2),
        "main_thread_cpu_%": round(sum(sample["cpu_%"] for sample in after) / len(after), 2),
        "anonymous_growth_mb": round(late["anonymous_mb"] - early["anonymous_mb"], 1),
    }


if __name__ == "__main__":
    sys.exit(main())
