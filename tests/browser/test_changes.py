"""What changed is told in words with numbers, the container that changed most first, each a click away."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.daemons import viewer
from tests.support.browser.page import lane
from tests.support.processes import free_port
from tests.support.viewer.data_directory import NODE, T0, USAGE, DataDirectory, chunk, container, counting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]


def test_what_changed_is_ranked_and_a_click_away(page: Page, tmp_path: Path, complaints: list[str]) -> None:
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
        what = page.get_by_role("region", name="What changed")
        what.get_by_role("button", name="What changed? Compare with the 5 min before").click()
        first = what.get_by_role("listitem").first
        expect(first).to_contain_text("web")
        expect(first).to_contain_text("CPU 200 → 2,800 millicores")
        first.get_by_role("button").first.click()
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator("tbody tr")).to_contain_text("web")

        page.get_by_role("button", name="1m", exact=True).click()
        expect(what.get_by_role("listitem")).to_have_count(0)
        page.get_by_role("button", name="6h", exact=True).click()
        expect(what).to_have_count(0)
    assert complaints == []


def test_a_refusal_is_told(page: Page, viewer_url: str) -> None:
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
