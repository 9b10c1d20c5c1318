"""The panel of findings says what stood out, and a click or a key shows it on the lanes."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.support.browser.page import lane, open_page, plot_box, titles
from tests.support.browser.page_state import state, view_s
from tests.support.incidents import PLANTED

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

NOISY = PLANTED["noisy_neighbour"]


def found(kind: str, planted: str, name: str, metric: str, text: str, **more: Any) -> dict[str, Any]:
    incident = PLANTED[planted]
    return {
        "kind": kind,
        "id": incident["id"][:12],
        "name": name,
        "pod_name": f"{name}-0",
        "namespace": "data",
        "metric": metric,
        "from_ms": incident["began_ms"] // 1000 * 1000,
        "to_ms": incident.get("ended_ms", incident.get("at_ms")),
        "strength": 6.0,
        "text": text,
        "others": [],
        "facts": {},
        **more,
    }


def answer_to(route: Route) -> None:
    query = {name: int(values[0]) for name, values in parse_qs(urlparse(route.request.url).query).items()}
    findings = [
        found(
            "oom_kill",
            "oom_kill",
            "payments",
            "memory_working_set",
            "payments grew by 10 MiB/s from 17:46:34 on and was killed at its limit of 64 MiB at 17:46:39.",
        ),
        found(
            "neighbour",
            "noisy_neighbour",
            "batch-import",
            "io_bytes_per_s",
            "batch-import may slow down ledger-db from 17:50:14 on. This is evidence, not proof.",
            others=[{"id": NOISY["victim_id"][:12], "name": "ledger-db"}],
        ),
        found(
            "throttling",
            "throttling",
            "api-gateway",
            "throttle_ratio",
            "api-gateway was throttled in 60 % of its periods from 17:47:54 on.",
        ),
        found(
            "step",
            "short_life",
            "db-migrate",
            "total_cpu_usage_millicores",
            "db-migrate used 0.9 cores from 17:47:16 on for 8 s.",
        ),
    ]
    inside = [finding for finding in findings if query["from"] <= finding["from_ms"] < query["to"]]
    body = {
        "from_ms": query["from"],
        "to_ms": query["to"],
        "before_ms": query["from"],
        "findings": inside,
        "looked_at": {"series": 20, "ticks": 370, "metrics": 31},
        "partial": False,
        "skipped_files": 0,
    }
    route.fulfill(content_type="application/json", body=json.dumps(body))


@pytest.fixture(autouse=True)
def findings_of_the_viewer(page: Page) -> Iterator[None]:
    page.route("**/api/findings?*", answer_to)
    yield
    page.unroute_all(behavior="ignoreErrors")


def panel(page: Page) -> Locator:
    return page.get_by_role("region", name="What stood out")


def sentences(page: Page) -> Locator:
    return panel(page).get_by_role("listitem").get_by_role("button")


def test_the_first_sentences_are_there_without_a_key_and_the_others_behind_a_button(
    page: Page, incidents_url: str, page_errors: list[str]
) -> None:
    open_page(page, incidents_url)
    expect(sentences(page)).to_have_count(3)
    expect(sentences(page).first).to_contain_text("payments")
    expect(panel(page)).to_contain_text("20 series, 370 ticks, 31 metrics")
    panel(page).get_by_role("button", name="1 more").click()
    expect(sentences(page)).to_have_count(4)
    panel(page).get_by_role("button", name="Fewer").click()
    expect(sentences(page)).to_have_count(3)
    assert page_errors == []


def test_a_click_shows_the_range_the_culprit_its_victim_the_lane_and_the_beginning(
    page: Page, incidents_url: str, page_errors: list[str]
) -> None:
    open_page(page, incidents_url)
    sentences(page).nth(1).click()
    expect(page.locator(".ledger tbody tr")).to_have_count(2)
    expect(page.locator(".lane.focused")).to_have_attribute("aria-label", "I/O")
    assert state(page, "picked") == [NOISY["id"][:12], NOISY["victim_id"][:12]]
    assert state(page, "pinned_ms") == NOISY["began_ms"] // 1000 * 1000
    from_s, to_s = view_s(page)
    assert 10 <= NOISY["began_ms"] / 1000 - from_s <= 60
    assert 10 <= to_s - NOISY["ended_ms"] / 1000 <= 60
    expect(sentences(page)).to_have_count(3)  # the list stays, so that the next one can be shown
    expect(sentences(page).nth(1)).to_have_attribute("aria-current", "true")
    page.keyboard.press("Backspace")
    expect(page.locator(".findings [aria-current]")).to_have_count(0)
    expect(sentences(page)).to_have_count(3)
    assert page_errors == []


def test_keys_show_one_finding_after_the_other_and_add_at_most_one_lane(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    expect(sentences(page)).to_have_count(3)
    page.keyboard.press("i")
    expect(sentences(page).first).to_have_attribute("aria-current", "true")
    assert titles(page) == ["CPU", "Memory", "I/O"]
    page.keyboard.press("I")
    expect(sentences(page).last).to_contain_text(
        "db-migrate"
    )  # of those behind the button, the shown one is in the list
    expect(sentences(page).last).to_have_attribute("aria-current", "true")
    page.keyboard.press("I")
    expect(page.locator(".ledger tbody tr")).to_contain_text("api-gateway")
    assert titles(page) == ["CPU", "Memory", "I/O", "CPU throttling"]
    expect(page.locator(".lane.focused")).to_have_attribute("aria-label", "CPU throttling")


def test_a_link_shows_the_finding_and_the_list_in_which_it_was(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    sentences(page).nth(2).click()
    link, shown = page.url, panel(page).inner_text()
    page.goto("about:blank")
    page.goto(link)
    expect(sentences(page).nth(2)).to_have_attribute("aria-current", "true")
    assert panel(page).inner_text() == shown


def test_marks_are_on_the_lanes_of_their_metrics_and_in_the_overview(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    expect(lane(page, "I/O").get_by_role("button", name="Finding 2: batch-import")).to_have_text("2")
    expect(lane(page, "CPU").get_by_role("button", name="Finding 3: api-gateway")).to_have_text("3")
    mark, box = lane(page, "I/O").locator("button.mark").bounding_box(), plot_box(page, "I/O")
    from_s, to_s = view_s(page)
    share = (NOISY["began_ms"] / 1000 - from_s) / (to_s - from_s)
    assert mark is not None
    assert abs(mark["x"] - box["x"] - share * box["width"]) < 3
    lane(page, "I/O").locator("button.mark").click()
    expect(sentences(page).nth(1)).to_have_attribute("aria-current", "true")
    page.keyboard.press("t")
    expect(lane(page, "I/O").get_by_role("row", name="finding 2")).to_contain_text("ledger-db")


def test_the_panel_says_if_nothing_stood_out_and_if_the_viewer_refuses(page: Page, incidents_url: str) -> None:
    open_page(page, f"{incidents_url}#from=2026-11-26T17:45:40Z&to=2026-11-26T17:46:20Z")
    expect(panel(page)).to_contain_text("Nothing stood out in")
    page.route(
        "**/api/findings?*",
        lambda route: route.fulfill(
            status=503, content_type="application/problem+json", body='{"detail": "too busy", "status": 503}'
        ),
    )
    page.keyboard.press("a")
    expect(panel(page).get_by_role("alert")).to_have_text("too busy")
