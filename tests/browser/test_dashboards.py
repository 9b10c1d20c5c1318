"""A dashboard in the address chooses containers, range and lanes, and the page explains what is wrong with it."""

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.page import lane, titles, until
from tests.support.browser.page_state import view_s
from tests.support.incidents import PLANTED

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

GATEWAY: dict[str, Any] = {
    "schema_version": 1,
    "containers": {"label_selector": {"app": "{{APP}}"}, "name_pattern": "api-*"},
    "time_range": {"mode": "from_containers", "padding_seconds": 30},
    "panels": [
        {"metric": "cpu_percentage", "title": "CPU of {{APP}}"},
        {"metric": "cgroup.v2.memory.current", "title": "Memory", "study": "periodicity"},
    ],
}


def inline(dashboard: Any) -> str:
    text = dashboard if isinstance(dashboard, str) else json.dumps(dashboard)
    return f"?dashboard_inline={quote(base64.b64encode(text.encode()).decode())}"


def test_a_dashboard_in_the_address_chooses_containers_range_and_lanes(
    page: Page, incidents_url: str, page_errors: list[str]
) -> None:
    page.goto(f"{incidents_url}{inline(GATEWAY)}&APP=api-gateway")
    expect(lane(page, "CPU of api-gateway").locator(".peak")).to_be_attached()
    assert titles(page) == ["CPU of api-gateway", "Memory"]
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("api-gateway")
    from_s, to_s = view_s(page)
    assert from_s < PLANTED["throttling"]["began_ms"] / 1000
    assert to_s > PLANTED["throttling"]["ended_ms"] / 1000
    expect(lane(page, "Memory").locator(".study")).to_contain_text("periods:")
    assert page_errors == []


def test_the_studies_of_a_dashboard_are_drawn_on_their_lanes(
    page: Page, incidents_url: str, page_errors: list[str]
) -> None:
    """Levels are drawn in the colour of the line: the pixels of a study that is removed are missing."""
    panels = [
        {"metric": "total_cpu_usage_millicores", "title": "CPU", "study": "periodicity"},
        {"metric": "memory.current", "title": "Memory", "study": "trend"},
        {"metric": "io_bytes_per_s", "title": "I/O", "study": "changepoint"},
    ]
    page.goto(f"{incidents_url}{inline({'schema_version': 1, 'panels': panels})}")
    expect(lane(page, "I/O").locator(".study")).to_contain_text("change points: batch-import 17:50:1")
    expect(lane(page, "Memory").locator(".study")).to_contain_text("trends: ledger-db +")
    expect(lane(page, "CPU").locator(".study")).to_contain_text("periods:")
    assert page_errors == []  # before pixels are read, of which the browser warns
    studied = ink_of(page, "I/O")
    lane(page, "I/O").get_by_role("button", name="Change the I/O lane").click()
    page.keyboard.type("remove its change points")
    page.keyboard.press("Enter")
    expect(lane(page, "I/O").locator(".study")).to_have_count(0)
    until(page, lambda: ink_of(page, "I/O") < 0.9 * studied)
    assert "studies=periodicity:total_cpu_usage_millicores,trend:memory.current" in page.url


def ink_of(page: Page, title: str) -> int:
    """Return the number of dark pixels of the plot of a lane."""
    return int(lane(page, title).locator(".u-wrap canvas").evaluate(COUNT_DARK))


COUNT_DARK = """(canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] > 200 && data[i] + data[i + 1] + data[i + 2] < 200) count += 1;
    }
    return count;
}"""


@pytest.mark.parametrize("name", ["cpu", "memory", "io"])
def test_every_metric_of_the_dashboards_of_the_package_is_recorded(page: Page, incidents_url: str, name: str) -> None:
    page.goto(f"{incidents_url}?dashboard={name}")
    expect(page.locator(".lane .peak").first).to_be_attached()
    assert len(titles(page)) >= 4
    expect(page.get_by_text("is not recorded here")).to_have_count(0)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("?dashboard=nowhere", "This viewer has no dashboard “nowhere”"),
        ("?dashboard=..%2Fapi%2Fhealth", "This viewer has no dashboard"),
        ("?dashboard_inline=%FF%00", "is not base64"),
        (inline("{"), "The dashboard is not JSON"),
        (inline({"schema_version": 2}), "schema_version 2; only 1 is supported"),
        (inline({"schema_version": 1, "panels": 3}), "panels are not a list"),
        (inline({"schema_version": 1, "panels": [None]}), "Each panel of the dashboard needs a metric"),
        (inline({"schema_version": 1, "panels": [{"metric": {}}]}), "Each panel of the dashboard needs a metric"),
        (inline({"schema_version": 1, "containers": {"name_pattern": 7}}), "must be strings"),
        (inline({"schema_version": 1, "containers": {"name_pattern": "*a" * 40 + "Z"}}), "no container matches"),
        (inline(GATEWAY), "needs a value for APP"),
        (inline(GATEWAY) + "&APP=nobody", "no container matches its filters"),
        (
            inline({"schema_version": 1, "panels": [{"metric": "memory.current", "study": "fortune"}]}),
            "there is no study “fortune”",
        ),
        (inline({"schema_version": 1, "panels": [{"metric": "x.y"}]}), "x.y is not recorded here"),
    ],
)
def test_the_page_names_what_is_wrong_with_a_dashboard_and_still_works(
    page: Page, incidents_url: str, address: str, message: str
) -> None:
    page.goto(incidents_url + address)
    expect(page.get_by_text(message).first).to_be_visible()
    expect(page.locator(".containers li").nth(3)).to_be_visible()
