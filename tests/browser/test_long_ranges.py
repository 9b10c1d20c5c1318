"""A long range is loaded in parts, the newest first, and each part is drawn as soon as it arrives."""

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
from tests.support.viewer.merged_hours import merge_hour

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

HOURS = 7
CONTAINER = container(1)
IS_LOADED = """async () => {
    const { meanSamples, loading, loadingMeans, loadingExplanations, loadingPods } = await fgm('state/store');
    const isLoading = [loading, loadingMeans, loadingExplanations, loadingPods].some(({ value }) => value);
    return meanSamples.value !== null && !isLoading;
}"""
"""Whether the first view has all its samples: means are loaded after the lanes, and the others after the means."""
DRAWN = """async () => {
    const { charts } = await fgm('chart/lane');
    const x = charts.get("memory").data[0];
    return [x.length, x.at(0), x.at(-1)];
}"""


def test_the_newest_part_is_drawn_first_and_the_rest_follows(page: Page, tmp_path: Path) -> None:
    data = DataDirectory(tmp_path, rotation_s=900)
    data.parquet(counting(NODE, T0, 3600 * HOURS), counting(CONTAINER, T0, 3600 * HOURS))
    data.write_index((CONTAINER, T0, T0 + 3_600_000 * HOURS - 1000))
    held: list[Route] = []
    drawn_from: list[float] = []
    requested_to: list[int] = []
    within_ms: list[int] = []

    def hold(route: Route) -> None:
        held.append(route)

    def is_whole() -> bool:
        """Let held requests continue, with time for one part each; return whether the whole range is drawn."""
        for route in held:
            drawn_from.append(page.evaluate(DRAWN)[1] if requested_to else math.inf)
            query = parse_qs(urlsplit(route.request.url).query)
            requested_to.append(int(query["to"][0]))
            within_ms.append(int(query["within_ms"][0]))
            route.continue_(url=re.sub(r"within_ms=\d+", "within_ms=1", route.request.url))
        held.clear()
        return lane(page, "Memory").locator(".peak").count() > 0 and page.evaluate(DRAWN)[1] < T0 / 1000 + 60

    with viewer(tmp_path, free_port()) as url:
        page.route("**/api/timeseries?*within_ms*", hold)
        page.goto(f"{url}#from=2025-12-30T16:00:00Z&to=2025-12-30T23:00:00Z&show={CONTAINER.key[:12]}")
        until(page, is_whole)
        size, first_s, last_s = page.evaluate(DRAWN)

    assert len(requested_to) >= 3
    assert requested_to == sorted(requested_to, reverse=True)
    assert within_ms[0] < within_ms[1] == within_ms[-1]  # what follows may take longer, for fewer responses
    assert drawn_from == sorted(drawn_from, reverse=True)
    assert drawn_from[1] > T0 / 1000 + 3600 * (HOURS - 3)
    assert size > 1000
    assert last_s - first_s > 3600 * HOURS - 120


def test_a_long_live_view_requests_only_new_columns(page: Page, tmp_path: Path) -> None:
    """The view has two hours, reduced to extremes; new samples are added as the extremes of their own columns."""
    now_s = time.time_ns() // 10**9
    from_ms = (now_s - 7500) // 900 * 900_000
    first, rest_ms = 7200, from_ms + 7_200_000
    data = DataDirectory(tmp_path, rotation_s=900)
    data.parquet(counting(NODE, from_ms, first), counting(CONTAINER, from_ms, first))
    data.write_index((CONTAINER, from_ms, rest_ms - 1000))
    requests: list[str] = []
    last = "async () => (await fgm('chart/lane')).charts.get('cpu').data[0].at(-1)"
    with viewer(tmp_path, free_port()) as url:
        page.goto(f"{url}#last=2h&show={CONTAINER.key[:12]}")
        expect(page.locator(".badge")).to_contain_text("/px")
        until(page, lambda: page.evaluate(last) >= rest_ms / 1000 - 20)
        until(page, lambda: page.evaluate(IS_LOADED))
        page.on("request", lambda request: requests.append(request.url) if CONTAINER.key[:12] in request.url else None)
        data.parquet(counting(NODE, rest_ms, 240), counting(CONTAINER, rest_ms, 240))
        until(page, lambda: page.evaluate(last) >= rest_ms / 1000 + 180)
        xs = page.evaluate("async () => (await fgm('chart/lane')).charts.get('cpu').data[0]")
    queries = [parse_qs(urlsplit(url).query) for url in requests if "/api/timeseries" in url]
    spans_s = [(int(query["to"][0]) - int(query["from"][0])) / 1000 for query in queries]
    assert spans_s, "the page requested no new samples"
    assert max(spans_s) < 900
    assert xs == sorted(xs)
    assert len(xs) < 5 * 1200


def test_the_page_says_when_points_are_those_of_minutes(page: Page, tmp_path: Path) -> None:
    """On a narrow page a pixel column of seven hours is longer than a minute. The newest hour is not merged yet."""
    data = DataDirectory(tmp_path, rotation_s=900)
    data.parquet(counting(NODE, T0, 3600 * HOURS), counting(CONTAINER, T0, 3600 * HOURS))
    data.write_index((CONTAINER, T0, T0 + 3_600_000 * HOURS - 1000))
    for hour in range(HOURS - 1):
        merge_hour(data, T0 + 3_600_000 * hour)
    page.set_viewport_size({"width": 390, "height": 844})
    with viewer(tmp_path, free_port()) as url:
        page.goto(f"{url}#from=2025-12-30T16:00:00Z&to=2025-12-30T23:00:00Z&show={CONTAINER.key[:12]}")
        expect(page.locator(".badge")).to_have_text("minutes")
        expect(page.locator(".badge")).to_have_attribute(
            "title", re.compile(r"a minute's lowest or highest value, at its second")
        )
        expect(page.locator(".ledger .head")).to_contain_text("from minutes")
        until(page, lambda: page.evaluate(DRAWN)[1] * 1000 < T0 + 300_000)
        gaps = page.evaluate(
            "async () => (await fgm('chart/lane')).charts.get('memory').data[1].filter((v) => v === null).length"
        )
        assert gaps == 0
        near = page.evaluate("""async () => {
            const { highestNear } = await fgm('lib/lines');
            const line = { t: [10_000, 50_000, 130_000], v: [7, 5, 6] };
            return [highestNear(line, 51_000, 129_000, 60_000), highestNear(line, 131_000, 200_000, 60_000)];
        }""")
        assert near == [7, None]  # a pixel column between two minutes, and one after the end
        page.goto(f"{url}#from=2025-12-30T16:00:00Z&to=2025-12-30T16:15:00Z&show={CONTAINER.key[:12]}")
        expect(page.locator(".badge")).to_have_text("1 s")
        expect(page.locator(".ledger .head")).not_to_contain_text("from minutes")
