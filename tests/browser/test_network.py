"""The page over a slow network that cuts every connection after a while, as a port-forward does."""

import json
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser.page import drag, lane, open_page, ranges, until
from tests.support.browser.page_state import SNAPSHOT
from tests.support.browser.pixels import COLOURED_PIXELS
from tests.support.proxy import proxy

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

LIFETIME_S = 2.0
MANY_CUTS = 8


def network_failures_aside(complaints: list[str]) -> list[str]:
    """Leave out the browser's own lines about requests that a cut has ended."""
    return [text for text in complaints if "Failed to load resource: net::ERR_" not in text]


def test_a_view_that_follows_goes_on_over_cuts(page: Page, viewer_url: str, complaints: list[str]) -> None:
    """It has its lines, and new samples come; what is chosen stays, and no banner does."""
    with proxy(urlsplit(viewer_url).port or 80, lifetime_s=LIFETIME_S) as network:
        open_page(page, f"http://127.0.0.1:{network.port}/")
        plot = lane(page, "Memory").locator(".plot").element_handle()
        page.wait_for_function(f"([plot]) => ({COLOURED_PIXELS})(plot) > 50", arg=[plot])
        page.locator(".containers li .pick").nth(1).click()
        expect(page.locator("tbody tr")).to_have_count(1)
        chosen, newest_s = page.evaluate(SNAPSHOT), ranges(page)["memory"][1]
        enough = network.cuts + MANY_CUTS
        until(page, lambda: network.cuts >= enough)
        until(page, lambda: ranges(page)["memory"][1] > newest_s)
        assert page.evaluate(SNAPSHOT) == chosen
        expect(page.locator(".banner")).to_have_count(0)
        expect(page.locator("tbody tr")).to_have_count(1)
    assert network_failures_aside(complaints) == []


def test_a_view_that_is_held_stays_over_cuts(page: Page, viewer_url: str, complaints: list[str]) -> None:
    """Range and selection are those of the address, and another zoom still finds its samples."""
    with proxy(urlsplit(viewer_url).port or 80, lifetime_s=LIFETIME_S) as network:
        open_page(page, f"http://127.0.0.1:{network.port}/")
        page.locator(".containers li .pick").nth(2).click()
        page.get_by_role("button", name="Pause").click()
        drag(page, 0.4, 1)
        expect(lane(page, "Memory").locator(".peak")).to_be_visible()
        chosen, seen = page.evaluate(SNAPSHOT), ranges(page)
        assert "live" not in json.loads(chosen)[0]
        enough = network.cuts + MANY_CUTS
        until(page, lambda: network.cuts >= enough)
        assert page.evaluate(SNAPSHOT) == chosen
        assert ranges(page) == seen
        drag(page, 0.5, 1)
        until(page, lambda: ranges(page) != seen)
        expect(lane(page, "Memory").locator(".peak")).to_be_visible()
        expect(page.locator(".banner")).to_have_count(0)
    assert network_failures_aside(complaints) == []


def test_a_file_that_was_cut_off_is_loaded_again(page: Page, incidents_url: str) -> None:
    cut: list[str] = []

    def cut_once(route: Route) -> None:
        if cut:
            route.continue_()
        else:
            cut.append(route.request.url)
            route.abort("connectionreset")

    page.route("**/vendor/uplot.js", cut_once)
    open_page(page, incidents_url)
    assert len(cut) == 1


def test_a_page_that_never_loads_whole_says_so(page: Page, incidents_url: str) -> None:
    page.route("**/vendor/uplot.js", lambda route: route.abort("connectionreset"))
    page.goto(incidents_url)
    expect(page.get_by_text("The page did not load completely")).to_be_visible()
