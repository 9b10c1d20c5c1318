"""The event lane: each kind of event has its row, shape, colour and letter, and keys go from event to event."""

import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from fgm.store.events import events_file
from fgm.store.events.event import Event, Kind
from tests.support.browser.daemons import viewer
from tests.support.browser.page import open_page
from tests.support.browser.pixels import share_of_colour
from tests.support.processes import free_port
from tests.support.viewer.data_directory import NODE, DataDirectory, container, counting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.mark.both_browsers
def test_events_are_in_the_rows_of_their_kinds_and_keys_go_through_them(
    page: Page, tmp_path: Path, page_errors: list[str]
) -> None:
    data = DataDirectory(tmp_path)
    from_ms = (time.time_ns() // 10**9 - 200) * 1000
    data.parquet(*(counting(series, from_ms, 150) for series in (NODE, container(1), container(2))))

    def event(second: float, kind: Kind, number: int, **before: float) -> Event:
        key = container(number).key if number else "node"
        return Event(from_ms + round(second * 1000), kind, key, f"{kind} of {number}", before)

    events = [
        event(20, "start", 1),
        event(40, "throttling_ended", 2, began_ms=from_ms + 30_000),
        event(60, "oom_kill", 1),
        Event(from_ms + 60_000, "exit", container(1).key, "ended by an OOM kill", {}, {"oom_killed": 1}),
        event(140, "exit", 2),
        event(120, "gap", 0, tick_ms=from_ms + 110_000),
    ]
    events_file.append(str(tmp_path), "node-1", events)
    with viewer(tmp_path, free_port()) as url:
        open_page(page, url)
        lane = page.get_by_role("region", name="Events")
        expect(lane.locator(".event")).to_have_count(5)
        kinds = lane.locator(".event").evaluate_all("(all) => all.map((mark) => mark.dataset.kind)")
        assert sorted(kinds) == ["exit", "gap", "oom_kill", "start", "throttling"]
        expect(lane.locator(".oom")).to_have_text("OOOM kill name-1")
        tops = lane.locator(".event").evaluate_all("(all) => all.map((mark) => [mark.dataset.kind, mark.style.top])")
        assert dict(tops) == {"exit": "0px", "oom_kill": "0px", "start": "19px", "throttling": "38px", "gap": "38px"}
        colour = lane.locator(".oom").evaluate("(mark) => getComputedStyle(mark).color")
        assert colour == "rgb(200, 50, 10)"
        cursor = "async () => (await fgm('state/store')).pinned_ms.value"
        seconds = []
        for _ in range(3):
            page.keyboard.press("N")
            seconds.append((page.evaluate(cursor) - from_ms) // 1000)
        page.keyboard.press("n")
        seconds.append((page.evaluate(cursor) - from_ms) // 1000)
        assert seconds == [140, 110, 60, 110]
        lane.locator(".oom").click()
        assert (page.evaluate(cursor) - from_ms) // 1000 == 60
    assert [text for text in page_errors if "ERR_" not in text] == []  # the end of the viewer cuts connections
    assert 0.35 < share_of_colour(lane.locator(".thr i"), "thr") < 0.65  # last: in Firefox a screenshot inserts a style
