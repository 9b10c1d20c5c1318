"""The page over a slow network that cuts every connection after some time, as a port-forward does."""

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


def without_network_failures(page_errors: list[str]) -> list[str]:
    """Return the errors except the browser's own lines about requests that a cut has ended."""
    return [text for text in page_errors if "Failed to load resource: net::ERR_" not in text]


def test_a_live_view_continues_over_cut_connections(page: Page, viewer_url: str, page_errors: list[str]) -> None:
    """New samples arrive, the selection stays, and no banner stays."""
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
    assert without_network_failures(page_errors) == []


def test_a_paused_view_stays_the_same_over_cut_connections(page: Page, viewer_url: str, page_errors: list[str]) -> None:
    """The range and the selection stay those of the address, and a further zoom gets its samples."""
    with proxy(urlsplit(viewer_url).port or 80, lifetime_s=LIFETIME_S) as network:
        open_page(page, f"http://127.0.0.1:{network.port}/")
        page.locator(".containers li .pick").nth(2).click()
        page.get_by_role("button", name="Pause").click()
        drag(page, 0.4, 1)
        expect(lane(page, "Memory").locator(".peak")).to_be_visible()
        chosen, ranges_before = page.evaluate(SNAPSHOT), ranges(page)
        assert "live" not in json.loads(chosen)[0]
        enough = network.cuts + MANY_CUTS
        until(page, lambda: network.cuts >= enough)
        assert page.evaluate(SNAPSHOT) == chosen
        assert ranges(page) == ranges_before
        drag(page, 0.5, 1)
        until(page, lambda: ranges(page) != ranges_before)
        expect(lane(page, "Memory").locator(".peak")).to_be_visible()
        expect(page.locator(".banner")).to_have_count(0)
    assert without_network_failures(page_errors) == []


def test_a_file_whose_connection_was_cut_is_loaded_again(page: Page, incidents_url: str) -> None:
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


def test_a_page_that_cannot_load_a_file_shows_a_message(page: Page, incidents_url: str) -> None:
    page.route("**/vendor/uplot.js", lambda route: route.abort("connectionreset"))
    page.goto(incidents_url)
    expect(page.get_by_text("The page did not load completely")).to_be_visible()
