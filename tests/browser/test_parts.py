"""A long range is drawn as it is read, the newest first, and is whole in the end."""

import math
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route

from tests.browser.conftest import until, viewer
from tests.browser.test_page import lane
from tests.processes import free_port
from tests.viewer.recorded import NODE, T0, DataDirectory, container, counting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

HOURS = 7
ONE = container(1)
DRAWN = """async () => {
    const { charts } = await fgm('lane');
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
