"""A real Chromium for benchmarks of the page, with a script that observes the page from within."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from tests.support.browser.browsers import CHROMIUM, FLAGS, MODULES
from tests.support.browser.pixels import COLOURED_PIXELS

PATIENCE_MS = 120_000

WATCH = """(() => {
    const watched = (window.watched = { painted_ms: null, lcp_ms: null, banners: [] });
    new PerformanceObserver((list) => (watched.lcp_ms = list.getEntries().at(-1).startTime))
        .observe({ type: "largest-contentful-paint", buffered: true });
    const coloured = COLOURED_PIXELS;
    const shaded = (canvas) => {
        const copy = new OffscreenCanvas(canvas.width, 8).getContext("2d", { willReadFrequently: true });
        copy.drawImage(canvas, 0, 0);
        const { data } = copy.getImageData(canvas.width >> 1, 0, canvas.width >> 1, 8);
        return data.reduce((sum, part, i) => sum + (i % 4 === 3 && part === 255), 0);
    };
    const look = () => {
        const plot = document.querySelector(".lane :is(.plot, .rows)"), canvas = plot?.querySelector("canvas");
        const drawn = canvas?.width > 0 && (plot.matches(".rows") ? shaded(canvas) : coloured(plot)) > 50;
        requestAnimationFrame(drawn ? () => (watched.painted_ms = performance.now()) : look);
    };
    requestAnimationFrame(look);
    const compare = () => {
        const texts = [...document.querySelectorAll(".banner")].map((banner) => banner.textContent.trim().slice(0, 60));
        const open = watched.banners.filter(({ to_ms }) => to_ms === null);
        for (const banner of open) if (!texts.includes(banner.text)) banner.to_ms = performance.now();
        for (const text of texts) {
            if (!open.some((banner) => banner.text === text))
                watched.banners.push({ text, from_ms: performance.now(), to_ms: null });
        }
    };
    new MutationObserver(compare).observe(document, { childList: true, subtree: true, characterData: true });
})()""".replace("COLOURED_PIXELS", COLOURED_PIXELS)
"""Script that runs before the page's own. It notes when the first lane has coloured lines, or a wall has shades in its
right half (checked in each frame, noted in the next one), and which banners were visible from when to when. All times
count from the start of the navigation."""

QUESTIONS = """(until_ms) => {
    const all = performance.getEntriesByType("resource").filter(({ name }) => /api.(timeseries|wall)/.test(name));
    const last = all.findLast(({ responseEnd }) => responseEnd > 0 && responseEnd <= until_ms);
    return [last.startTime, last.responseEnd];
}"""
"""Script that returns when the painted samples were requested, and when their last byte arrived. The page sends other
requests before that one."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium, headless."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def fresh_page(browser: Browser) -> Iterator[Page]:
    """Open a page whose cache is empty."""
    page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light")
    page.set_default_timeout(PATIENCE_MS)
    page.add_init_script(MODULES)
    page.add_init_script(WATCH)
    yield page
    page.context.close()


def first_lines(page: Page, url: str) -> dict[str, float]:
    """Open an address and wait until the first lane has lines; return the times of painting and the work, in ms."""
    protocol = page.context.new_cdp_session(page)
    protocol.send("Performance.enable")
    page.goto(url, wait_until="commit")
    page.wait_for_function("() => window.watched?.painted_ms !== null")
    metrics = {entry["name"]: entry["value"] for entry in protocol.send("Performance.getMetrics")["metrics"]}
    paints: dict[str, float] = page.evaluate(
        "() => Object.fromEntries(performance.getEntriesByType('paint').map((paint) => [paint.name, paint.startTime]))"
    )
    watched: dict[str, Any] = page.evaluate("() => watched")
    requested, answered = page.evaluate(QUESTIONS, watched["painted_ms"])
    protocol.detach()
    return {
        "first_contentful_paint_ms": paints["first-contentful-paint"],
        "largest_contentful_paint_ms": watched["lcp_ms"],
        "samples_requested_ms": requested,
        "samples_received_ms": answered,
        "first_lines_ms": watched["painted_ms"],
        "main_thread_ms": 1000 * metrics["TaskDuration"],
        "script_ms": 1000 * metrics["ScriptDuration"],
        "layout_ms": 1000 * (metrics["LayoutDuration"] + metrics["RecalcStyleDuration"]),
    }


def page_link(from_ms: int, to_ms: int) -> str:
    """Return the fragment of a link to a range."""
    first, end = (datetime.fromtimestamp(ms / 1000, UTC) for ms in (from_ms, to_ms))
    return f"#from={first:%Y-%m-%dT%H:%M:%SZ}&to={end:%Y-%m-%dT%H:%M:%SZ}"
