"""The overview: the strip of the last day above the lanes, and its brush."""

import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, Route, expect

from fgm.store.events import events_file
from fgm.store.events.event import Event
from tests.support.browser.daemons import viewer
from tests.support.browser.page import open_page, until
from tests.support.browser.page_state import view_s
from tests.support.browser.pixels import pixels
from tests.support.processes import free_port
from tests.support.viewer.data_directory import NODE, DataDirectory, container, counting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]


def test_it_shows_the_node_and_oom_kills_and_its_brush_moves_the_view(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    strip = page.get_by_role("region", name="Overview")
    until(page, lambda: len(pixels(strip.locator("canvas"), "oom")) > 4)
    assert len(pixels(strip.locator("canvas"), "fnt")) > 200
    page.keyboard.press("w")
    page.keyboard.press("w")
    before = view_s(page)
    brush = strip.locator(".brush").bounding_box()
    assert brush is not None
    y = brush["y"] + 20
    page.mouse.move(brush["x"] + brush["width"] / 2, y)
    page.mouse.down()
    page.mouse.move(brush["x"] + brush["width"] / 2 - 150, y, steps=3)
    page.mouse.up()
    moved = view_s(page)
    assert moved[0] < before[0] - 30
    assert moved[1] - moved[0] == pytest.approx(before[1] - before[0], abs=2)
    after = strip.locator(".brush").bounding_box()
    assert after is not None
    assert after["x"] == pytest.approx(brush["x"] - 150, abs=3)
    page.mouse.move(after["x"] + after["width"], y)
    page.mouse.down()
    page.mouse.move(after["x"] + after["width"] + 100, y, steps=3)
    page.mouse.up()
    assert view_s(page)[1] > moved[1] + 30
    assert view_s(page)[0] == pytest.approx(moved[0], abs=2)


def test_its_requests_give_way_to_those_of_the_lanes_and_are_repeated(page: Page, incidents_url: str) -> None:
    waiting, canceled = list[Route](), list[Request]()

    def note(request: Request) -> None:
        canceled.append(request)

    def is_canceled() -> bool:
        return bool(waiting) and waiting[0].request in canceled

    page.on("requestfailed", note)
    page.add_init_script("AbortSignal.timeout = () => new AbortController().signal")
    page.route("**/api/events?*kind=*", lambda route: route.continue_() if is_canceled() else waiting.append(route))
    open_page(page, incidents_url)
    until(page, lambda: len(waiting) == 1)
    page.keyboard.press("w")
    until(page, is_canceled)
    strip = page.get_by_role("region", name="Overview")
    until(page, lambda: len(pixels(strip.locator("canvas"), "oom")) > 4)


@pytest.mark.dates
def test_the_share_and_length_of_missing_data_are_shown(page: Page, tmp_path: Path) -> None:
    """The recording of ten minutes has a gap of ten seconds."""
    from_ms = (time.time_ns() // 10**9 - 900) * 1000
    data = DataDirectory(tmp_path)
    for start, ticks in ((0, 300), (310, 290)):
        data.parquet(*(counting(series, from_ms + start * 1000, ticks) for series in (NODE, container(1))))
    data.write_index((container(1), from_ms, from_ms + 599_000))
    events_file.append(
        str(tmp_path),
        "node-1",
        [Event(from_ms + 310_000, "gap", "node", "nothing was recorded", {"tick_ms": from_ms + 299_000})],
    )
    with viewer(tmp_path, free_port()) as url:
        open_page(page, url)
        expect(page.locator(".data")).to_contain_text("98.33 % complete, 10 s missing")
