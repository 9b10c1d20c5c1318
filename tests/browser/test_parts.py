"""A long range is drawn as it is read, the newest first, and is whole in the end."""

import math
import re
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser.daemons import viewer
from tests.support.browser.page import lane, until
from tests.support.processes import free_port
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, container, counting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

HOURS = 7
ONE = container(1)
DRAWN = """async () => {
    const { charts } = await fgm('chart/lane');
    const x = charts.get("memory").data[0];
    return [x.length, x.at(0), x.at(-1)];
}"""


def test_the_newest_part_is_drawn_first_and_the_rest_follows(page: Page, tmp_path: Path) -> None:
    data = DataDirectory(tmp_path, rotation_s=900)
    data.parquet(counting(NODE, T0, 3600 * HOURS), counting(ONE, T0, 3600 * HOURS))
    data.write_index((ONE, T0, T0 + 3_600_000 * HOURS - 1000))
    held: list[Route] = []
    drawn_from: list[float] = []
    asked_to: list[int] = []

    def hold(route: Route) -> None:
        held.append(route)

    def whole() -> bool:
        """Let what is held go on, with time for one part; see from when on lines are drawn before that."""
        for route in held:
            drawn_from.append(page.evaluate(DRAWN)[1] if asked_to else math.inf)
            asked_to.append(int(parse_qs(urlsplit(route.request.url).query)["to"][0]))
            route.continue_(url=re.sub(r"within_ms=\d+", "within_ms=1", route.request.url))
        held.clear()
        return lane(page, "Memory").locator(".peak").count() > 0 and page.evaluate(DRAWN)[1] < T0 / 1000 + 60

    with viewer(tmp_path, free_port()) as url:
        page.route("**/api/timeseries?*within_ms*", hold)
        page.goto(f"{url}#from=2025-12-30T16:00:00Z&to=2025-12-30T23:00:00Z&show={ONE.key[:12]}")
        until(page, whole)
        size, first_s, last_s = page.evaluate(DRAWN)

    assert len(asked_to) >= 3
    assert asked_to == sorted(asked_to, reverse=True)
    assert drawn_from == sorted(drawn_from, reverse=True)
    assert drawn_from[1] > T0 / 1000 + 3600 * (HOURS - 3)
    assert size > 1000
    assert last_s - first_s > 3600 * HOURS - 120


def test_a_long_view_that_follows_asks_only_for_new_columns(page: Page, tmp_path: Path) -> None:
    """Two hours, reduced: what is recorded meanwhile is added, as the extremes of its own columns."""
    now_s = time.time_ns() // 10**9
    from_ms = (now_s - 7500) // 900 * 900_000
    first, rest_ms = 7200, from_ms + 7_200_000
    data = DataDirectory(tmp_path, rotation_s=900)
    data.parquet(counting(NODE, from_ms, first), counting(ONE, from_ms, first))
    data.write_index((ONE, from_ms, rest_ms - 1000))
    asked: list[str] = []
    last = "async () => (await fgm('chart/lane')).charts.get('cpu').data[0].at(-1)"
    with viewer(tmp_path, free_port()) as url:
        page.goto(f"{url}#last=2h&show={ONE.key[:12]}")
        expect(page.locator(".badge")).to_contain_text("/px")
        until(page, lambda: page.evaluate(last) >= rest_ms / 1000 - 20)
        page.on("request", lambda request: asked.append(request.url) if ONE.key[:12] in request.url else None)
        data.parquet(counting(NODE, rest_ms, 240), counting(ONE, rest_ms, 240))
        until(page, lambda: page.evaluate(last) >= rest_ms / 1000 + 180)
        xs = page.evaluate("async () => (await fgm('chart/lane')).charts.get('cpu').data[0]")
    ranges_asked = [parse_qs(urlsplit(url).query) for url in asked if "/api/timeseries" in url]
    spans_s = [(int(one["to"][0]) - int(one["from"][0])) / 1000 for one in ranges_asked]
    assert spans_s, "nothing new was asked for"
    assert max(spans_s) < 900
    assert xs == sorted(xs)
    assert len(xs) < 5 * 1200
