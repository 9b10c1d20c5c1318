"""The panel of findings says what stood out, and a click or a key shows it on the lanes.

The recording has three incidents: a neighbour on the disk, an OOM kill and throttling. Of each the culprit is named.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.support.browser.page import lane, open_page, plot_box, titles, until
from tests.support.browser.page_state import state, view_s
from tests.support.incidents import PLANTED

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

NOISY = PLANTED["noisy_neighbour"]
CULPRITS = {"batch-import", "payments", "api-gateway"}
NEAR_S = 5
"""Maximum time between the beginning of an incident and that of its finding."""


def panel(page: Page) -> Locator:
    return page.get_by_role("region", name="What stood out")


def sentences(page: Page) -> Locator:
    return panel(page).get_by_role("listitem").get_by_role("button")


def ranks(page: Page) -> dict[str, int]:
    """Return the numbers of the findings by the names of the culprits, as soon as they are there."""
    expect(sentences(page)).to_have_count(3)
    findings = page.evaluate("async () => (await fgm('state/analysis/findings')).findingsAnswer.value.findings")
    return {finding["name"]: rank for rank, finding in enumerate(findings, 1)}


def test_the_sentences_name_the_culprits_and_say_what_was_looked_at(
    page: Page, incidents_url: str, page_errors: list[str]
) -> None:
    open_page(page, incidents_url)
    assert ranks(page).keys() == CULPRITS
    expect(panel(page)).to_contain_text("evidence")
    expect(panel(page)).to_contain_text("series, 374 ticks,")
    expect(panel(page)).to_contain_text("Process payments (335)")
    assert page_errors == []


def test_a_click_shows_the_range_the_culprit_its_victim_the_lane_and_the_beginning(
    page: Page, incidents_url: str, page_errors: list[str]
) -> None:
    open_page(page, incidents_url)
    chosen = sentences(page).nth(ranks(page)["batch-import"] - 1)
    chosen.click()
    expect(page.locator(".ledger tbody tr")).to_have_count(2)
    expect(page.locator(".lane.focused")).to_have_attribute("aria-label", "I/O")
    assert state(page, "picked") == [NOISY["id"][:12], NOISY["victim_id"][:12]]
    assert abs(state(page, "pinned_ms") - NOISY["began_ms"]) <= 1000 * NEAR_S
    from_s, to_s = view_s(page)
    assert 10 <= NOISY["began_ms"] / 1000 - from_s <= 60
    assert 10 <= to_s - NOISY["ended_ms"] / 1000 <= 60
    expect(sentences(page)).to_have_count(3)  # the list stays, so that the next one can be shown
    expect(chosen).to_have_attribute("aria-current", "true")
    page.keyboard.press("Backspace")
    expect(page.locator(".findings [aria-current]")).to_have_count(0)
    expect(sentences(page)).to_have_count(3)
    assert page_errors == []


def test_keys_show_one_finding_after_the_other_and_a_link_shows_it_again(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    by_name = ranks(page)
    page.keyboard.press("i")
    expect(sentences(page).first).to_have_attribute("aria-current", "true")
    page.keyboard.press("I")
    expect(sentences(page).last).to_have_attribute("aria-current", "true")
    while page.locator(".findings [aria-current] i").inner_text() != str(by_name["payments"]):
        page.keyboard.press("i")
    expect(page.locator(".ledger tbody tr")).to_contain_text("payments")
    assert titles(page) == ["CPU", "Memory", "I/O"]
    link, shown = page.url, sentences(page).all_text_contents()
    page.goto("about:blank")
    page.goto(link)
    expect(sentences(page).nth(by_name["payments"] - 1)).to_have_attribute("aria-current", "true")
    expect(sentences(page)).to_have_text(shown)
    page.get_by_role("button", name="This view").click()
    expect(sentences(page)).to_have_count(1)
    expect(panel(page).get_by_role("status")).to_contain_text("1 finding in")


def test_marks_are_on_the_lanes_of_their_metrics_and_in_their_tables(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    by_name = ranks(page)
    for title, name in (("I/O", "batch-import"), ("Memory", "payments"), ("CPU", "api-gateway")):
        expect(lane(page, title).locator("button.mark")).to_have_text(str(by_name[name]))
    mark, box = lane(page, "I/O").locator("button.mark").bounding_box(), plot_box(page, "I/O")
    from_s, to_s = view_s(page)
    at_s = from_s + (mark["x"] - box["x"]) / box["width"] * (to_s - from_s) if mark else 0
    assert abs(at_s - NOISY["began_ms"] / 1000) < NEAR_S + 1
    lane(page, "I/O").locator("button.mark").click()
    expect(sentences(page).nth(by_name["batch-import"] - 1)).to_have_attribute("aria-current", "true")
    page.keyboard.press("t")
    expect(lane(page, "I/O").get_by_role("row", name="finding")).to_contain_text("ledger-db")


def test_further_sentences_are_behind_a_button_and_a_metric_without_a_lane_gets_one(
    page: Page, incidents_url: str
) -> None:
    def with_more(route: Route) -> None:
        answer: dict[str, Any] = route.fetch().json()
        first = {**answer["findings"][0], "kind": "step"}
        more = [{**first, "metric": "pids.current"}, {**first, "from_ms": first["from_ms"] + 1000}]
        route.fulfill(
            content_type="application/json", body=json.dumps({**answer, "findings": answer["findings"] + more})
        )

    page.route("**/api/findings?*", with_more)
    open_page(page, incidents_url)
    panel(page).get_by_role("button", name="2 more").click()
    expect(sentences(page)).to_have_count(5)
    sentences(page).nth(3).click()
    expect(page.locator(".lane")).to_have_count(4)
    panel(page).get_by_role("button", name="Fewer").click()
    expect(sentences(page)).to_have_count(4)  # the one that is shown stays
    page.unroute_all(behavior="ignoreErrors")


def test_the_panel_says_if_nothing_stood_out_and_if_the_viewer_refuses(page: Page, incidents_url: str) -> None:
    open_page(page, f"{incidents_url}#from=2026-11-26T17:45:50Z&to=2026-11-26T17:46:20Z")
    expect(panel(page)).to_contain_text("Nothing stood out in")
    page.route(
        "**/api/findings?*",
        lambda route: route.fulfill(
            status=503, content_type="application/problem+json", body='{"detail": "too busy", "status": 503}'
        ),
    )
    page.keyboard.press("a")
    expect(panel(page).get_by_role("alert")).to_have_text("too busy")


def test_of_a_view_after_all_data_the_newest_data_is_looked_at_with_its_date(page: Page, incidents_url: str) -> None:
    page.goto(f"{incidents_url}#last=5m")
    expect(panel(page)).to_contain_text("in the newest data, ")


def test_a_view_that_goes_on_into_the_future_is_not_looked_at_again_with_each_sample(
    page: Page, viewer_url: str
) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url) if "/api/findings" in request.url else None)
    now = datetime.now(tz=UTC)
    from_time, to_time = (f"{now + timedelta(seconds=s):%Y-%m-%dT%H:%M:%SZ}" for s in (-5, 600))
    page.goto(f"{viewer_url}#from={from_time}&to={to_time}")
    expect(panel(page)).to_have_class("findings done")
    newest_ms = state(page, "newest_ms")
    until(page, lambda: state(page, "newest_ms") >= newest_ms + 6000)
    expect(panel(page)).to_have_class("findings done")
    assert len(requested) == 1
