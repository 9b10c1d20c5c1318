"""The stories of docs/tour.md: each is answered by what is on the screen when the page has opened, without a key.

With FGM_TOUR=docs/tour these tests replace the pictures of the tour.
"""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support import leak_and_stall, recorded_incidents
from tests.support.browser.daemons import viewer
from tests.support.browser.page import lane, open_page, until
from tests.support.browser.page_state import state
from tests.support.incidents import PLANTED
from tests.support.processes import free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

NEAR_MS = 5_000
"""Maximum time between the beginning of an incident and that of its finding."""


def picture(page: Page, name: str) -> None:
    """Replace a picture of the tour, if FGM_TOUR says where it is."""
    if folder := os.environ.get("FGM_TOUR"):
        page.wait_for_timeout(1000)
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def said(page: Page, culprit: str, began_ms: int) -> Locator:
    """Return the sentence whose culprit is `culprit`, after it has been checked that it is seen and began then."""
    sentence = (
        page.get_by_role("region", name="What stood out")
        .get_by_role("listitem")
        .filter(has=page.locator("b", has_text=re.compile(f"^{culprit}$")))
    )
    expect(sentence).to_be_in_viewport(ratio=1)
    findings = page.evaluate("async () => (await fgm('state/analysis/findings')).findingsAnswer.value.findings")
    begins = [finding["from_ms"] for finding in findings if finding["name"] == culprit]
    assert min(abs(begin - began_ms) for begin in begins) <= NEAR_MS
    return sentence


@pytest.fixture
def opened(page: Page, incidents_url: str, page_errors: list[str]) -> Page:
    open_page(page, incidents_url)
    until(page, lambda: len(state(page, "events")) > 0 and state(page, "explainingSamples") is not None)
    expect(page.locator(".data")).to_contain_text("complete")
    assert page_errors == []
    return page


def test_what_was_killed_and_why(opened: Page) -> None:
    """The kill, what ran up to it, whose limit it was, and the process are in one sentence; the lane shows the same."""
    killed = said(opened, "payments", PLANTED["oom_kill"]["began_ms"])
    expect(killed).to_contain_text("OOM-killed")
    expect(killed).to_contain_text("limit of 64 MiB")
    expect(killed).to_contain_text("Process payments (")
    expect(lane(opened, "Memory").locator("button.mark")).to_be_in_viewport()


def test_what_is_slow_though_the_average_looks_fine(opened: Page) -> None:
    throttled = said(opened, "api-gateway", PLANTED["throttling"]["began_ms"])
    expect(throttled).to_contain_text(re.compile(r"throttled in (5|6)\d % of its periods"))
    expect(throttled).to_contain_text(re.compile(r"only 3\d % of its limit of 300 millicores"))
    expect(lane(opened, "CPU").locator("button.mark")).to_be_in_viewport()


def test_why_the_database_is_slow(opened: Page) -> None:
    """Its neighbour does nearly all I/O of the node. The sentence says that this is evidence."""
    slow = said(opened, "batch-import", PLANTED["noisy_neighbour"]["began_ms"])
    expect(slow).to_contain_text(re.compile(r"ledger-db waited for I/O \d+ % of the time"))
    expect(slow).to_contain_text("evidence")
    picture(opened, "opened")
    slow.get_by_role("button").click()
    expect(opened.locator(".ledger tbody tr")).to_have_count(2)
    picture(opened, "noisy-neighbour")


@pytest.fixture
def leaking(page: Page, browser: Browser, tmp_path: Path, page_errors: list[str]) -> Iterator[Page]:  # noqa: ARG001 - without a browser it skips before the viewer starts
    with viewer(leak_and_stall.unpacked(tmp_path), free_port()) as url:
        open_page(page, url)
        assert page_errors == []
        yield page


def test_what_leaks_and_which_of_its_processes(leaking: Page) -> None:
    leak = leak_and_stall.PLANTED["leak"]
    sentence = said(leaking, leak["name"], leak["began_ms"])
    expect(sentence).to_contain_text(re.compile(r"\d+ MiB more from"))
    expect(sentence).to_contain_text(re.compile(rf"Process {leak['comm']} \(\d+\), one of \d+: \+\d+ MiB"))
    sentence.get_by_role("button").click()
    expect(leaking.locator(".ledger tbody tr")).to_have_count(1)
    picture(leaking, "worker-leak")


def test_what_stood_still(leaking: Page) -> None:
    stall = leak_and_stall.PLANTED["stall"]
    sentence = said(leaking, stall["name"], stall["began_ms"])
    expect(sentence).to_contain_text(re.compile(r"stalled for [678] s"))
    sentence.get_by_role("button").click()
    expect(leaking.locator(".ledger tbody tr")).to_have_count(1)
    picture(leaking, "stall")


def test_who_hurts_whom_among_fifteen(page: Page, tmp_path: Path) -> None:
    """In a quarter of an hour of fifteen pods with many incidents, the sentence names the culprit and its victim."""
    incident = next(each for each in recorded_incidents.incidents() if each.name == "io-neighbour")
    begin, end = (datetime.fromtimestamp(incident.began_ms // 1000 + add_s, UTC) for add_s in (-540, 360))
    with viewer(recorded_incidents.unpacked(incident.recording, tmp_path), free_port()) as url:
        open_page(page, f"{url}#from={begin:%FT%TZ}&to={end:%FT%TZ}")
        sentence = said(page, incident.culprit, incident.began_ms)
        expect(sentence).to_contain_text(f"{incident.victims[0]} waited for I/O")
        expect(sentence).to_contain_text("evidence")
        sentence.get_by_role("button").click()
        expect(page.locator(".ledger tbody tr").filter(has_text=incident.victims[0])).to_be_visible()
        picture(page, "who-hurts-whom")


def test_what_changed_names_the_container_that_slows_down_the_disk(opened: Page) -> None:
    """The minute around the pinned second is compared with the minute before."""
    for key in ("3", "p", "w", "w", "x"):
        opened.keyboard.press(key)
    panel = opened.get_by_role("region", name="What changed")
    expect(panel.get_by_role("listitem").first).to_contain_text("batch-import")
    picture(opened, "what-changed")
