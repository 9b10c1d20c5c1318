"""The panel "What changed?" describes changes in words with numbers, and a click shows the container."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.daemons import viewer
from tests.support.browser.page import lane
from tests.support.processes import free_port
from tests.support.viewer.data_directory import NODE, T0, USAGE, DataDirectory, chunk, container, counting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]


def test_the_container_that_changed_most_is_first_and_a_click_shows_it(
    page: Page, tmp_path: Path, page_errors: list[str]
) -> None:
    data = DataDirectory(tmp_path)
    used = np.cumsum([2e5] * 300 + [2.8e6] * 300)
    data.parquet(
        counting(NODE, T0, 600),
        chunk(container(1, "web", "payments-7f"), T0, {USAGE: used.tolist()}),
        counting(container(2), T0, 600, per_second=3e5),
    )
    data.write_index(*((container(number), T0, T0 + 599_000) for number in (1, 2)))
    with viewer(tmp_path, free_port()) as url:
        page.goto(f"{url}#from=2025-12-30T16:05:00Z&to=2025-12-30T16:10:00Z")
        expect(lane(page, "CPU").locator(".peak")).to_be_attached()
        panel = page.get_by_role("region", name="What changed")
        panel.get_by_role("button", name="What changed? Compare with the 5 min before").click()
        first = panel.get_by_role("listitem").first
        expect(first).to_contain_text("web")
        expect(first).to_contain_text("CPU 200 → 2,800 millicores")
        first.get_by_role("button").first.click()
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator("tbody tr")).to_contain_text("web")

        page.get_by_role("button", name="1m", exact=True).click()
        expect(panel.get_by_role("listitem")).to_have_count(0)
        page.get_by_role("button", name="6h", exact=True).click()
        expect(panel.get_by_role("button", name="What changed?")).to_have_count(0)
    assert page_errors == []


def test_the_panel_shows_the_reason_of_a_refused_request(page: Page, viewer_url: str) -> None:
    page.route(
        "**/api/changes?*",
        lambda route: route.fulfill(
            status=503, content_type="application/problem+json", body='{"detail": "too busy", "status": 503}'
        ),
    )
    page.goto(viewer_url)
    expect(lane(page, "Memory").locator(".peak")).to_be_attached()
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="What changed?").click()
    expect(page.get_by_role("region", name="What changed").get_by_role("alert")).to_have_text("too busy")
