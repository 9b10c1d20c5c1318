"""A live page that stays open keeps what it shows, and nothing of what it showed before."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page

from tests.support.browser.page import open_page, until
from tests.support.fast_daemons import recording, viewer
from tests.support.processes import free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]

SPEED = 10.0
CONTAINERS, CHURN_S = 12, 10
BEFORE_S = 300
WARM_UP_BEATS, BEATS = 20, 120
BEGIN_MS = 1_767_124_740_000  # 2025-12-30T19:59:00Z

WATCH = """async () => {
    const { effect } = await fgm("vendor/signals");
    const { allSeries, cpuUse, events, health, laneSamples } = await fgm("state/store");
    const responses = { allSeries, cpuUse, events, health, laneSamples };
    const refs = {};
    window.open_page = { refs, beats: 0 };
    for (const [name, signal] of Object.entries(responses)) {
        refs[name] = [];
        effect(() => signal.value && refs[name].push(new WeakRef(signal.value)));
    }
    effect(() => health.value && (window.open_page.beats += 1));
}"""
"""Script that from now on keeps a weak reference to each response that the page had, and counts the beats."""

KEPT = """async () => {
    const { laneSamples, explainingSamples, shown } = { ...await fgm("state/store"), ...await fgm("state/shown") };
    const { overviewData } = await fgm("state/overview-data");
    const all = Object.entries(window.open_page.refs);
    const counts = (count) => Object.fromEntries(all.map(([name, refs]) => [name, count(refs)]));
    const walker = document.createTreeWalker(document);
    let nodes = 1;
    while (walker.nextNode()) nodes += 1;
    const elements = new Set(), waiting = [document.getElementById("page").__k];
    while (waiting.length > 0) {
        const next = waiting.pop();
        if (Array.isArray(next)) waiting.push(...next);
        else if (next !== null && typeof next === "object" && "__k" in next && !elements.has(next)) {
            elements.add(next);
            waiting.push(next.__k, next.__, next.props?.children, next.__c?.__v);
        }
    }
    const lines = [laneSamples, explainingSamples].flatMap(({ value }) => [...value.lines.values()].flat());
    return {
        had: counts((refs) => refs.length),
        kept: counts((refs) => refs.filter((ref) => ref.deref() !== undefined).length),
        elements: elements.size, nodes, buttons: document.querySelectorAll("button").length,
        longest_line: Math.max(...lines.map(({ t }) => t.length)),
        other_lines: lines.filter(({ id, t }) => t.length === 0).length,
    };
}"""
"""Script that counts what is kept."""


@pytest.fixture
def fast_url(page: Page, tmp_path: Path) -> Iterator[str]:
    """The address of a viewer of a recording of a node whose containers come and go, for all of which time is fast."""
    made = {"containers": CONTAINERS, "churn_s": CHURN_S, "before_s": BEFORE_S}
    with recording(tmp_path, BEGIN_MS, SPEED, **made, environment={}) as clock:
        page.add_init_script(clock.script())
        with viewer(tmp_path, free_port(), clock, environment={}) as url:
            yield url


def _beats(page: Page, count: int) -> None:
    """Wait for some beats of the page."""
    first = page.evaluate("() => window.open_page.beats")
    page.wait_for_function("(end) => window.open_page.beats >= end", arg=first + count, polling=50, timeout=90_000)


def _kept(page: Page, protocol: CDPSession) -> dict[str, Any]:
    """Return what is kept after garbage was collected."""
    for _ in range(3):
        page.wait_for_timeout(100)  # a list is let go of with the next element of the page that is drawn
        protocol.send("HeapProfiler.collectGarbage")
    metrics = {entry["name"]: entry["value"] for entry in protocol.send("Performance.getMetrics")["metrics"]}
    kept: dict[str, Any] = page.evaluate(KEPT)
    return kept | {
        "detached": metrics["Nodes"] - kept["nodes"],
        "other_listeners": metrics["JSEventListeners"] - kept["buttons"],
    }


def test_a_live_page_keeps_only_what_it_shows(page: Page, fast_url: str, page_errors: list[str]) -> None:
    protocol = page.context.new_cdp_session(page)
    protocol.send("Performance.enable")
    open_page(page, f"{fast_url}#last=5m")
    page.evaluate(WATCH)
    _beats(page, WARM_UP_BEATS)
    early = _kept(page, protocol)
    _beats(page, BEATS)
    late: dict[str, Any] = {}

    def is_let_go() -> bool:
        """Return whether few nodes are outside of the document. A page that is just being drawn has more."""
        late.update(_kept(page, protocol))
        return bool(late["detached"] <= early["detached"] + 30)

    until(page, is_let_go)
    assert min(late["had"].values()) > 2
    assert max(late["kept"].values()) <= 3, late["kept"]
    assert late["elements"] / late["nodes"] <= 1.2 * early["elements"] / early["nodes"]
    assert late["other_listeners"] <= early["other_listeners"] + 10
    assert late["longest_line"] <= 600
    assert late["other_lines"] == 0
    assert page_errors == []
