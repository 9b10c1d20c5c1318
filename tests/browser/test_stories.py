"""Three incidents, from opening the page to the answer, by keyboard alone: docs/tour.md tells them.

With FGM_TOUR=docs/tour the pictures of the tour are taken anew.
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

MOST_PRESSES = 10


class Reader:
    """A person who only has a keyboard, and counts."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.presses = 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.presses += len(keys)
        assert self.presses <= MOST_PRESSES

    def row(self, place: int) -> Locator:
        return self.page.locator(".ledger tbody tr").nth(place)

    def row_of(self, name: str) -> Locator:
        return self.page.locator(".ledger tbody tr").filter(has_text=name)

    def picture(self, name: str) -> None:
        if folder := os.environ.get("FGM_TOUR"):
            self.page.wait_for_timeout(300)
            self.page.screenshot(path=str(Path(folder) / f"{name}.png"))


@pytest.fixture
def reader(page: Page, incidents_url: str, complaints: list[str]) -> Reader:
    open_page(page, incidents_url)
    until(page, lambda: len(state(page, "events")) > 0 and state(page, "explainingSamples") is not None)
    expect(page.locator(".data")).to_contain_text("complete")
    assert complaints == []
    return Reader(page)


def percent(row: Locator, of: str) -> float:
    """The percentage in a cell of the ledger."""
    return float(re.sub(r"[^\d.].*", "", row.locator(f"td.{of}").inner_text()))


def test_who_was_killed_for_its_memory(reader: Reader) -> None:
    """The first event is the kill; by memory, who was killed is first, close to its limit."""
    reader.press("n", "2")
    expect(reader.row(0)).to_contain_text("payments")
    assert percent(reader.row(0), "limit") > 80
    assert abs(state(reader.page, "pinned_ms") - PLANTED["oom_kill"]["at_ms"]) < 2000
    reader.picture("oom-kill")
    reader.press("n")
    expect(reader.row_of("payments")).to_contain_text("life 2")


def test_whose_average_looks_fine_and_is_throttled(reader: Reader) -> None:
    """A third of its limit in use, and out of quota in every other period."""
    while not PLANTED["throttling"]["began_ms"] <= (state(reader.page, "pinned_ms") or 0):
        reader.press("n")
    reader.press("ArrowRight", "ArrowRight")
    gateway = reader.row_of("api-gateway")
    assert percent(gateway, "limit") < 50
    held = gateway.locator(".thr").inner_text()
    assert float(re.sub(r"\D", "", held)) >= 50
    reader.picture("throttled")


def test_who_disturbs_whom_on_the_disk(reader: Reader) -> None:
    """The highest sample of the I/O lane: nearly all of the node's, while another one waits."""
    reader.press("3", "p")
    at_ms = state(reader.page, "pinned_ms")
    assert PLANTED["noisy_neighbour"]["began_ms"] <= at_ms <= PLANTED["noisy_neighbour"]["ended_ms"]
    expect(reader.row(0)).to_contain_text("batch-import")
    assert percent(reader.row(0), "share") > 90
    waits = reader.row_of("ledger-db").locator(".psi").inner_text()
    assert float(re.sub(r"\D", "", waits)) >= 10
    reader.picture("noisy-neighbour")


def test_what_changed_names_the_neighbour(reader: Reader) -> None:
    """The minute around the pinned second, beside the minute before."""
    reader.press("3", "p", "w", "w", "x")
    what = reader.page.get_by_role("region", name="What changed")
    expect(what.get_by_role("listitem").first).to_contain_text("batch-import")
    reader.picture("what-changed")
