"""Long ranges within the limits of the viewer's container, and what a longer history costs; for `benchmarks.ranges`."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from benchmarks import limits
from benchmarks.browser import chromium, fresh_page, page_link
from benchmarks.page_load import METRICS, TOP
from benchmarks.viewer import Requests, Viewer, cpu_ms_of, threads_cpu_ms
from playwright.sync_api import Page
from tests.support.processes import free_port

from fgm.store.directory import layout

HOUR_MS, DAY_MS = layout.HOUR_MS, layout.DAY_MS
LONG_MS = {"7d": 7 * DAY_MS, "30d": 30 * DAY_MS}
GOALS_S = {"7d": 2.0, "30d": 4.0}
SETTLE_S = 6.0
"""Pause before a measurement, in which the viewer answers what the page has asked for before."""
QUARTER_MS = 900_000

ZOOM = """async ([from_ms, to_ms]) => {
    const [{ zoom }, store, { charts }] = await Promise.all(["state/view", "state/store", "chart/lane"].map(fgm));
    const frame = () => new Promise(requestAnimationFrame);
    const drawn = () => [...charts.values()].filter(({ data }) => data.length > 1 && data[0].length > 1);
    const shows = (share) => drawn().some(({ data }) => {
        const [first, last] = [1000 * data[0].at(0), 1000 * data[0].at(-1)];
        return Math.min(last, to_ms) - Math.max(first, from_ms) > share * (to_ms - from_ms);
    });
    const isWhole = () => !store.loading.value && shows(0.95);
    const began = performance.now(), noted = {};
    zoom(from_ms, to_ms);
    while (!isWhole()) {
        if (noted.first === undefined && shows(0.03)) noted.first = performance.now() - began;
        if (performance.now() - began > 120_000) throw new Error("the range never came");
        await frame();
    }
    await frame();
    return [noted.first ?? performance.now() - began, performance.now() - began];
}"""
"""Script that shows a range, and returns the ms until its first part is drawn, and until all of it is."""


def on_screen(python: str, data_dir: str, rounds: int) -> dict[str, list[float]]:
    """Measure how long a reader of the page waits for a long range, in s, and print it.

    A range is requested as the page does: three metrics of six containers. `api`: the response over HTTP, `zoom`: from
    a click on an open page until the lines are drawn, `link`: from opening the page until lines are drawn.
    """
    result: dict[str, list[float]] = {}
    requests = Requests(data_dir)
    port = free_port()
    viewer = Viewer(python, data_dir, port)
    with chromium() as browser:
        for _ in range(rounds):
            for name, length_ms in LONG_MS.items():
                span = (requests.end_ms - length_ms, requests.end_ms)

                def note(kind: str, seconds: float, name: str = name) -> None:
                    result.setdefault(f"{name} {kind}", []).append(seconds)

                with ready_in_the_box(viewer):
                    note("api", viewer.get(requests.timeseries(length_ms, TOP, METRICS))[1])
                    note("api again", viewer.get(requests.timeseries(length_ms, TOP, METRICS))[1])
                fresh = page_link(requests.end_ms - QUARTER_MS, requests.end_ms)
                with ready_in_the_box(viewer), fresh_page(browser) as page:
                    zoom(page, f"http://127.0.0.1:{port}/{fresh}", span, note)
                with ready_in_the_box(viewer), fresh_page(browser) as page:
                    began = time.monotonic()
                    page.goto(f"http://127.0.0.1:{port}/{page_link(*span)}", wait_until="commit")
                    page.wait_for_function("() => window.watched?.painted_ms !== null")
                    note("link", time.monotonic() - began)
    print_seconds(result)
    return result


def zoom(page: Page, url: str, span: tuple[int, int], note: Callable[[str, float], None]) -> None:
    """Open the page on a short range, show a long one, and note when it is drawn."""
    page.goto(url, wait_until="commit")
    page.wait_for_function("() => window.watched?.painted_ms !== null")
    page.wait_for_timeout(1000 * SETTLE_S)
    first_ms, whole_ms = page.evaluate(ZOOM, list(span))
    note("zoom, first part", first_ms / 1000)
    note("zoom", whole_ms / 1000)


def ready_in_the_box(viewer: Viewer) -> ExitStack:
    """Run a viewer within its limits; it is ready and has had a moment to come to rest."""
    with ExitStack() as stack:
        box = stack.enter_context(limits.limited(limits.VIEWER))
        stack.enter_context(viewer.running(box))
        viewer.wait("/api/metrics")
        time.sleep(SETTLE_S)
        return stack.pop_all()
    raise AssertionError  # mypy: a context manager may suppress exceptions


def one_day_and_all(python: str, one_day: str, whole: str, rounds: int) -> dict[str, list[float]]:
    """Compare start-up, the list of containers and the last hour of two histories; print it.

    `cpu` values in ms of CPU time without limits; `box` values in s within the limits of the container.
    """
    result: dict[str, list[float]] = {}
    histories = {"one day": one_day, "all": whole}
    for number in range(rounds):
        for which, data_dir in histories.items() if number % 2 else reversed(histories.items()):
            for name, value in costs(python, data_dir).items():
                result.setdefault(f"{name}, {which}", []).append(value)
    print("| | one day | all | ratio of the medians |\n|---|---|---|---|")
    for name in dict.fromkeys(key.rsplit(", ", 1)[0] for key in result):
        short, long = (statistics.median(result[f"{name}, {which}"]) for which in histories)
        print(f"| {name} | {short:.2f} | {long:.2f} | {long / short:.2f} |")
    return result


def costs(python: str, data_dir: str) -> dict[str, float]:
    """Return what a viewer costs until it is ready, and what the requests at the end of the history cost."""
    requests = Requests(data_dir)
    hour = requests.timeseries(HOUR_MS)
    viewer = Viewer(python, data_dir, free_port())
    with viewer.running() as process:
        viewer.wait("/api/metrics")
        time.sleep(SETTLE_S)
        measured = {"start-up, CPU ms": threads_cpu_ms(process.pid)}
        measured["containers, CPU ms"] = cpu_ms_of(viewer, process.pid, "/api/containers")
        measured["containers again, CPU ms"] = cpu_ms_of(viewer, process.pid, "/api/containers")
        measured["last hour, CPU ms"] = cpu_ms_of(viewer, process.pid, hour)
        measured["last hour again, CPU ms"] = cpu_ms_of(viewer, process.pid, hour)
    with ExitStack() as stack:
        box = stack.enter_context(limits.limited(limits.VIEWER))
        started = time.monotonic()
        stack.enter_context(viewer.running(box))
        measured["box: first byte, s"] = viewer.wait("/") - started
        measured["box: ready, s"] = viewer.wait("/api/metrics") - started
        time.sleep(SETTLE_S)
        measured["box: last hour, s"] = viewer.get(hour)[1]
        measured["box: highest memory, MiB"] = box.highest_bytes() / (1 << 20)
    return measured


def print_seconds(result: Mapping[str, Sequence[float]]) -> None:
    print("| within 100 millicores and 128 MiB | s, median | lowest | goal |\n|---|---|---|---|")
    for name, values in result.items():
        goal = GOALS_S[name.split()[0]]
        print(f"| {name} | {statistics.median(values):.2f} | {min(values):.2f} | {goal:.0f} |")
