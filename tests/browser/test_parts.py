"""A long range is drawn as it is read, the newest first, and is whole in the end."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import viewer
from tests.browser.test_page import lane
from tests.processes import free_port
from tests.viewer.recorded import NODE, T0, DataDirectory, container, counting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

HOURS = 7
ONE = container(1)
DRAWN = """async () => {
    const { charts } = await import("/static/lane.js");
    const x = charts.get("memory").data[0];
    return [x.length, x.at(0), x.at(-1)];
}"""


def test_the_newest_part_is_drawn_first_and_the_rest_follows(page: Page, tmp_path: Path) -> None:
    data = DataDirectory(tmp_path, rotation_s=900)
    data.parquet(counting(NODE, T0, 3600 * HOURS), counting(ONE, T0, 3600 * HOURS))
    data.write_index((ONE, T0, T0 + 3_600_000 * HOURS - 1000))
    answered: list[tuple[int, int]] = []

    def one_part(route: Route) -> None:
        """Let there be time for one part only."""
        url = route.request.url
        asked = {name: int(values[0]) for name, values in parse_qs(urlsplit(url).query).items() if values[0].isdigit()}
        if "within_ms" in asked:
            answered.append((asked["from"], asked["to"]))
        route.continue_(url=re.sub(r"within_ms=\d+", "within_ms=1", url))

    with viewer(tmp_path, free_port()) as url:
        page.route("**/api/timeseries?*", one_part)
        page.goto(f"{url}#from=2025-12-30T16:00:00Z&to=2025-12-30T23:00:00Z&show={ONE.key[:12]}")
        expect(lane(page, "Memory").locator(".peak")).to_be_attached()
        page.wait_for_function(f"async () => (await ({DRAWN})())[1] < {T0 / 1000 + 60}")
        size, first_s, last_s = page.evaluate(DRAWN)

    assert [to_ms for _, to_ms in answered] == sorted((to_ms for _, to_ms in answered), reverse=True)
    assert len(answered) >= 3
    assert size > 1000
    assert last_s - first_s > 3600 * HOURS - 120
