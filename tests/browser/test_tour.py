"""The incidents of docs/tour.md, from opening the page to the answer, with few key presses.

With FGM_TOUR=docs/tour these tests replace the pictures of the tour.
"""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser.page import open_page, until
from tests.support.browser.page_state import state
from tests.support.incidents import PLANTED

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

MAX_PRESSES = 10


class Reader:
    """A user who has only a keyboard; counts the key presses."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.presses = 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.presses += len(keys)
        assert self.presses <= MAX_PRESSES

    def row(self, rank: int) -> Locator:
        return self.page.locator(".ledger tbody tr").nth(rank)

    def row_of(self, name: str) -> Locator:
        return self.page.locator(".ledger tbody tr").filter(has_text=name)

    def picture(self, name: str) -> None:
        if folder := os.environ.get("FGM_TOUR"):
            self.page.wait_for_timeout(300)
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))


@pytest.fixture
def reader(page: Page, incidents_url: str, page_errors: list[str]) -> Reader:
    open_page(page, incidents_url)
    until(page, lambda: len(state(page, "events")) > 0 and state(page, "explainingSamples") is not None)
    expect(page.locator(".data")).to_contain_text("complete")
    assert page_errors == []
    return Reader(page)


def percent(row: Locator, column: str) -> float:
    """Return the percentage in a cell of the ledger."""
    return float(re.sub(r"[^\d.].*", "", row.locator(f"td.{column}").inner_text()))


def test_the_oom_killed_container_is_found(reader: Reader) -> None:
    """The first event is the kill; ranked by memory, the killed container is first, close to its limit."""
    reader.press("n", "2")
    expect(reader.row(0)).to_contain_text("payments")
    assert percent(reader.row(0), "limit") > 80
    assert abs(state(reader.page, "pinned_ms") - PLANTED["oom_kill"]["at_ms"]) < 2000
    reader.picture("oom-kill")
    reader.press("n")
    expect(reader.row_of("payments")).to_contain_text("life 2")


def test_the_throttled_container_with_a_low_average_is_found(reader: Reader) -> None:
    """It uses a third of its limit on average, and is throttled in every other period."""
    while not PLANTED["throttling"]["began_ms"] <= (state(reader.page, "pinned_ms") or 0):
        reader.press("n")
    reader.press("ArrowRight", "ArrowRight")
    gateway = reader.row_of("api-gateway")
    assert percent(gateway, "limit") < 50
    throttled = gateway.locator(".thr").inner_text()
    assert float(re.sub(r"\D", "", throttled)) >= 50
    reader.picture("throttled")


def test_the_container_that_slows_down_a_disk_and_its_victim_are_found(reader: Reader) -> None:
    """At the peak of the I/O lane, one container does nearly all I/O of the node while another one waits."""
    reader.press("3", "p")
    at_ms = state(reader.page, "pinned_ms")
    assert PLANTED["noisy_neighbour"]["began_ms"] <= at_ms <= PLANTED["noisy_neighbour"]["ended_ms"]
    expect(reader.row(0)).to_contain_text("batch-import")
    assert percent(reader.row(0), "share") > 90
    waits = reader.row_of("ledger-db").locator(".psi").inner_text()
    assert float(re.sub(r"\D", "", waits)) >= 10
    reader.picture("noisy-neighbour")


def test_what_changed_names_the_container_that_slows_down_the_disk(reader: Reader) -> None:
    """The minute around the pinned second is compared with the minute before."""
    reader.press("3", "p", "w", "w", "x")
    panel = reader.page.get_by_role("region", name="What changed")
    expect(panel.get_by_role("listitem").first).to_contain_text("batch-import")
    reader.picture("what-changed")
