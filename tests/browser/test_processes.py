"""A storm of forks, a busy pool of threads and a leak in one of twenty processes are found in at most three keys.

With FGM_TOUR=docs/tour a test replaces the picture of the tour.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from fgm import iso_time
from tests.support.browser.daemons import viewer
from tests.support.browser.page import lane, open_page
from tests.support.process_recording import PLANTED, unpacked
from tests.support.processes import free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

AT_MS = PLANTED["storm"]["began_ms"] // 1000 * 1000 + 18_000
"""An instant in the storm, at which the others are there, too."""


@pytest.fixture(scope="module")
def url(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: ARG001 - without a browser it skips before the daemons start
    """The address of a viewer of the recording."""
    with viewer(unpacked(tmp_path_factory.mktemp("processes")), free_port()) as address:
        yield address


@pytest.fixture
def opened(page: Page, url: str) -> Page:
    """The page with the cursor in the storm."""
    span = f"from={iso_time.format_seconds(AT_MS - 30_000)}&to={iso_time.format_seconds(AT_MS + 15_000)}"
    open_page(page, f"{url}#{span}&at={iso_time.format_seconds(AT_MS)}")
    return page


def press(page: Page, *keys: str) -> None:
    assert len(keys) <= 3
    for key in keys:
        page.keyboard.press(key)


def listed(page: Page, planted: str) -> Locator:
    """Return the open processes, as soon as they are those of a container."""
    processes = page.locator(".processes")
    expect(processes).to_have_attribute("aria-label", f"Processes of {PLANTED[planted]['id'][:12]} at the cursor")
    expect(processes.locator("tbody tr").first).to_be_visible()
    return processes


def test_a_busy_pool_of_threads_is_found_with_one_key(opened: Page, page_errors: list[str]) -> None:
    press(opened, "o")
    first = listed(opened, "pool").locator("tbody tr").first

    expect(first.locator(".name")).to_have_text("resizer")
    expect(first.locator("td").nth(2)).to_have_text("25")
    press(opened, "o")
    expect(opened.locator(".processes")).to_have_count(0)
    assert page_errors == []


def test_a_storm_of_forks_is_found_with_two_keys(opened: Page) -> None:
    press(opened, "o", "O")
    crowds = listed(opened, "storm").locator(".crowd")

    expect(crowds.filter(has_text="job")).to_contain_text("seen in the 1 min before, all started in it")
    expect(crowds.filter(has_text="ended children of")).to_contain_text("storm")


def test_a_leak_in_one_of_twenty_processes_is_found_with_three_keys(opened: Page) -> None:
    press(opened, "2", "o", "l")
    first = listed(opened, "leak").locator("tbody tr").first
    expect(first.locator(".name")).to_have_text("worker")
    expect(first.locator("td").nth(1).locator("small")).to_contain_text("+")
    pid = (first.locator("th small").inner_text()).partition(",")[0]
    expect(listed(opened, "leak").locator("tbody small", has_text="+")).to_have_count(1)

    peak = lane(opened, f"Processes of {PLANTED['leak']['id'][:12]}").locator(".peak")
    expect(peak).to_contain_text(f"worker {pid}")
    if folder := os.environ.get("FGM_TOUR"):
        opened.wait_for_timeout(300)
        opened.screenshot(path=str(Path(folder) / "leak.png"))


def test_the_lane_and_the_open_row_are_in_the_link_and_follow_the_cursor(opened: Page) -> None:
    press(opened, "o", "l")
    expect(lane(opened, f"Processes of {PLANTED['pool']['id'][:12]}").locator(".peak")).to_contain_text("resizer")
    before = listed(opened, "pool").locator("p.mut").inner_text()
    opened.reload()
    expect(listed(opened, "pool").locator("tbody tr").first.locator(".name")).to_have_text("resizer")
    expect(lane(opened, f"Processes of {PLANTED['pool']['id'][:12]}").locator(".peak")).to_contain_text("resizer")
    assert listed(opened, "pool").locator("p.mut").inner_text() == before
    opened.keyboard.press("Shift+ArrowLeft")
    expect(listed(opened, "pool").locator("p.mut")).not_to_have_text(before)


def test_a_row_opens_with_a_click_and_the_node_has_processes_of_all_containers(opened: Page) -> None:
    name = PLANTED["leak"]["id"][:12]
    opened.get_by_role("button", name=f"Processes of {name}", exact=True).click()
    listed(opened, "leak")
    opened.get_by_role("button", name="Processes of the node", exact=True).click()
    processes = opened.get_by_role("region", name="Processes of the node at the cursor")
    expect(processes.locator("tbody .name", has_text="resizer")).to_have_count(1)
    expect(processes.locator("tbody .name", has_text="worker").first).to_be_visible()


def test_a_restarted_container_has_the_processes_of_the_life_at_the_cursor(page: Page, incidents_url: str) -> None:
    """The recording is of the first format version."""
    open_page(page, incidents_url)
    expect(page.get_by_role("region", name="Events").locator(".oom")).to_be_visible()
    press(page, "n", "2", "o")
    processes = page.get_by_role("region", name="Processes of payments at the cursor")
    first = processes.locator("tbody small").first.inner_text()
    page.keyboard.press("n")
    for _ in range(2):
        page.keyboard.press("Shift+ArrowRight")
    expect(processes.locator("tbody small").first).not_to_have_text(first)
    assert processes.locator("tbody small").first.inner_text().partition(",")[0] != first.partition(",")[0]


def test_the_event_of_an_oom_kill_names_the_process(opened: Page) -> None:
    event = opened.get_by_role("region", name="Events").locator(".oom")
    texts: list[Any] = [event.get_attribute("title"), event.inner_text(), event.get_attribute("aria-label")]

    assert any(PLANTED["oom_kill"]["comm"] in str(text) for text in texts)


@pytest.mark.parametrize("width", [1440, 390])
def test_open_processes_leave_the_names_their_room(opened: Page, width: int) -> None:
    """A cell that spans more columns than are visible makes further ones, which take the room of the first."""
    opened.set_viewport_size({"width": width, "height": 900})
    name = opened.locator(".ledger > table > tbody > tr > th").first
    width_of_name = "cell => cell.getBoundingClientRect().width"
    closed = name.evaluate(width_of_name)
    press(opened, "o")
    listed(opened, "pool")
    assert name.evaluate(width_of_name) == closed >= 80
