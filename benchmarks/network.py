"""The page over a slow network, from a viewer with the limits of its container: `python -m benchmarks.network [DIR]`.

DIR is a history, as `python -m benchmarks.history --containers 40 --days 1` makes it. Without DIR one is made for this
run, or with `--live` a collector records one meanwhile. The viewer has a tenth of a processor and 128 MiB. The browser
has no limits and goes through a proxy with a round trip of 50 ms, which resets every connection a minute after it was
accepted. A script opens the page and uses it for some minutes: it zooms, goes back, changes the length and the
containers, moves the mouse, pauses and follows. It needs root, cgroup v1 and Chromium.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import history, limits
from benchmarks.browser import chromium, first_lines, fresh_page, page_link
from benchmarks.collector import anonymous_mib
from benchmarks.viewer import Viewer
from playwright.sync_api import Page, Request
from tests.support.browser.daemons import collector
from tests.support.browser.page_state import SNAPSHOT
from tests.support.processes import free_port
from tests.support.proxy import LIFETIME_S, proxy

from fgm.store.directory import layout
from fgm.store.index import index_file

CONTAINERS = 40
RECORDED_FIRST_S = 90
OBSERVE_S = 3.0
SETTLE_MS = 60_000
HOVERS = 40

SETTLED = """async (patience_ms) => {
    const [store, { shown }, { laneMetrics }] =
        await Promise.all(["state/store", "state/shown", "state/lanes"].map(fgm));
    const frame = () => new Promise(requestAnimationFrame);
    const began = performance.now();
    const covers = () => {
        const { from_ms, to_ms } = store.view.value;
        const seen = new Map(store.allSeries.value.map(({ id, first_seen_ms }) => [id, first_seen_ms]));
        const first_ms = (id) => Math.max(from_ms, store.health.value.oldest_ms, seen.get(id) ?? 0);
        const lines = store.laneSamples.value?.lines.get(laneMetrics.value.get("memory")) ?? [];
        const late_ms = 0.15 * (to_ms - from_ms);
        const there = ({ id, t }) => t.length > 0 && t[0] <= first_ms(id) + late_ms && t.at(-1) >= from_ms;
        return shown.value.length > 0
            && shown.value.every(({ ids }) => lines.some((line) => ids.includes(line.id) && there(line)));
    };
    const troubles = () => [
        store.loading.value && "loading",
        !store.connected.value && "disconnected",
        store.refusals.lines.value,
        !covers() && "lines missing",
    ].filter(Boolean);
    const rests = () => troubles().length === 0;
    await frame();
    await frame();
    while (!rests()) {
        if (performance.now() - began > patience_ms) return troubles().join(", ");
        await frame();
    }
    await frame();
    return performance.now() - began;
}"""
"""Script that returns the ms until nothing is loading and every line begins where the view or the life of its container
begins, or the reasons if that never happens."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.network", description=__doc__)
    parser.add_argument("data_dir", nargs="?", metavar="DIR", help="history to show (default: make one of a day)")
    parser.add_argument("--live", action="store_true", help="record the captured host of the tests, and show that")
    parser.add_argument(
        "--python", default=sys.executable, help="Python interpreter that runs the viewer (default: this one)"
    )
    parser.add_argument("--minutes", type=float, default=3, help="minutes in which the page is used (default: 3)")
    parser.add_argument(
        "--cut-after",
        type=float,
        default=LIFETIME_S,
        help=f"lifetime of a connection, seconds (default: {LIFETIME_S:.0f})",
    )
    arguments = parser.parse_args(argv)
    print(f"load average at the start: {os.getloadavg()[0]:.2f} of {os.cpu_count()} processors")
    with data(arguments.data_dir, is_live=arguments.live) as data_dir:
        result = measure(
            arguments.python,
            data_dir,
            60 * arguments.minutes,
            arguments.cut_after,
            link(data_dir, is_live=arguments.live),
        )
    print(f"load average at the end: {os.getloadavg()[0]:.2f}, including this benchmark")
    print("".join(f"{name:36}{as_text(value)}\n" for name, value in result.items()))
    print(json.dumps(result))
    return 0


def as_text(value: object) -> str:
    """Return one figure, or several, as one line of text."""
    if isinstance(value, dict):
        value = [f"{number} of {name}" for name, number in value.items()]
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)


@contextmanager
def data(directory: str | None, *, is_live: bool) -> Iterator[str]:
    """Yield the data directory that the viewer shows."""
    with tempfile.TemporaryDirectory(prefix="fgm-bench-") as folder:
        if is_live:
            with collector(Path(folder, "host"), Path(folder, "data")):
                time.sleep(RECORDED_FIRST_S)
                yield os.path.join(folder, "data")
        elif directory is None:
            history.main([folder, "--containers", str(CONTAINERS), "--days", "1"])
            yield folder
        else:
            yield directory


def link(data_dir: str, *, is_live: bool) -> str:
    """Return the fragment of a link to the last hour of a generated history, or none to follow live data."""
    if is_live:
        return ""
    end_ms = (index_file.load(os.path.join(data_dir, layout.INDEX_NAME)).latest_ms or 0) + 1000
    return page_link(end_ms - layout.HOUR_MS, end_ms)


@dataclass(slots=True)
class Session:
    """The use of one page: how long each action takes to settle, and what goes wrong meanwhile."""

    page: Page
    pid: int
    spent_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    unsettled: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    console_errors: list[str] = field(default_factory=list)
    failed_requests: Counter[str] = field(default_factory=Counter)
    anonymous_mib: float = 0.0

    def __post_init__(self) -> None:
        self.page.on(
            "console", lambda message: self.console_errors.append(message.text) if message.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self.console_errors.append(str(error)))
        self.page.on("requestfailed", lambda request: self.failed_requests.update([failure(request)]))

    def do(self, name: str, action: Callable[[], object]) -> None:
        """Do an action, wait until the page has settled, then check for some seconds that the view stays the same."""
        began = time.monotonic()
        action()
        done_ms = 1000 * (time.monotonic() - began)
        settled_ms: float | str = self.page.evaluate(SETTLED, SETTLE_MS)
        if isinstance(settled_ms, str):
            self.unsettled.append(f"{name}: {settled_ms}")
        else:
            self.spent_ms[name].append(done_ms + settled_ms)
        before = self.page.evaluate(SNAPSHOT)
        self.page.wait_for_timeout(1000 * OBSERVE_S)
        if self.page.evaluate(SNAPSHOT) != before:
            self.lost.append(f"{name}: {before}")
        with suppress(OSError, ValueError):
            self.anonymous_mib = max(self.anonymous_mib, anonymous_mib(self.pid))

    def drag(self) -> None:
        """Zoom into the middle third of the second lane."""
        x, y, width = self._lane()
        self.page.mouse.move(x + width / 3, y)
        self.page.mouse.down()
        self.page.mouse.move(x + width * 2 / 3, y, steps=4)
        self.page.mouse.up()

    def back(self) -> None:
        """Double-click on the second lane."""
        x, y, width = self._lane()
        self.page.mouse.dblclick(x + width / 2, y)

    def hover(self) -> None:
        """Move the mouse along the second lane."""
        x, y, width = self._lane()
        for number in range(HOVERS):
            self.page.mouse.move(x + width * number / HOVERS, y)

    def press(self, name: str) -> Callable[[], None]:
        """Return a function that presses a button."""
        return lambda: self.page.get_by_role("button", name=name, exact=True).click()

    def pick(self, number: int) -> Callable[[], None]:
        """Return a function that shows one container only and then adds the next one."""

        def click() -> None:
            rows = self.page.locator(".containers li .pick")
            rows.nth(number).click()
            rows.nth(number + 1).click(modifiers=["Shift"])

        return click

    def _lane(self) -> tuple[float, float, float]:
        box = self.page.locator(".lane .u-over").nth(1).bounding_box()
        if box is None:
            raise SystemExit("the page shows no lane")
        return box["x"], box["y"] + box["height"] / 2, box["width"]


def failure(request: Request) -> str:
    """Return the path of a failed request and the reason."""
    return f"{urlsplit(request.url).path} {request.failure}"


def script(session: Session, seconds: float, *, is_live: bool) -> None:
    """Use the page for some seconds; the live view is used only if data is being recorded."""
    until = time.monotonic() + seconds
    followed = (("live", lambda: follow(session.page)), ("pause", session.press("Pause"))) if is_live else ()
    for number in range(1, 1000):
        for name, action in (
            ("1h", session.press("1h")),
            ("zoom", session.drag),
            ("back", session.back),
            ("15m", session.press("15m")),
            ("other containers", session.pick(number)),
            ("hover", session.hover),
            ("6h", session.press("6h")),
            ("top six", session.press("Top 6 by CPU")),
            ("5m", session.press("5m")),
            ("24h", session.press("24h")),
            *followed,
            ("browser's back, twice", lambda: (session.page.go_back(), session.page.go_back())),
        ):
            session.do(name, action)
            if time.monotonic() > until:
                return


def follow(page: Page) -> None:
    """Follow live data, if the page does not do so already."""
    button = page.get_by_role("button", name="Live", exact=True)
    if button.count() > 0:
        button.click()


def measure(python: str, data_dir: str, seconds: float, lifetime_s: float, fragment: str) -> dict[str, object]:
    """Use the page of a viewer with the limits of its container; return the figures."""
    port = free_port()
    viewer = Viewer(python, data_dir, port)
    with (
        limits.limited(limits.VIEWER) as box,
        viewer.running(box) as process,
        proxy(port, lifetime_s=lifetime_s) as network,
        chromium() as browser,
        fresh_page(browser) as page,
    ):
        viewer.wait("/api/metrics")
        session = Session(page, process.pid)
        opened = first_lines(page, f"http://127.0.0.1:{network.port}/{fragment}")
        session.do("open", lambda: None)
        script(session, seconds, is_live=not fragment)
        banners = page.evaluate("() => watched.banners")
        gone = [banner for banner in banners if banner["to_ms"] is not None]
        result: dict[str, object] = {name: round(value) for name, value in opened.items()}
        for name, spent in session.spent_ms.items():
            result[f"{name}: settled after, ms"] = [round(value) for value in spent]
        return result | {
            "never settled": session.unsettled,
            "views that were lost": session.lost,
            "connections accepted": network.accepted,
            "connections cut": network.cuts,
            "failed requests": dict(session.failed_requests),
            "console errors": sorted(set(session.console_errors)),
            "banners, ms visible": [f"{banner['text']} {banner['to_ms'] - banner['from_ms']:.0f}" for banner in gone],
            "banners that stayed": len(banners) - len(gone),
            "anonymous MiB, highest": round(session.anonymous_mib, 1),
            "charged MiB, highest": round(box.highest_bytes() / (1 << 20), 1),
            "OOM kills": box.kills(),
            "share of periods throttled": round(box.throttled_share(), 2),
        }


if __name__ == "__main__":
    sys.exit(main())
