"""Every action of the page has a key; tried on a recording of real incidents."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.page import lane, open_page, plot_box, until
from tests.support.browser.page_state import state, view_s
from tests.support.incidents import PLANTED

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def opened(page: Page, incidents_url: str) -> Page:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_page(page, incidents_url)
    until(page, lambda: len(state(page, "events")) > 0)
    return page


def test_keys_zoom_pan_and_go_back(opened: Page) -> None:
    opened.keyboard.press("c")
    before = view_s(opened)
    opened.keyboard.press("w")
    zoomed = view_s(opened)
    assert zoomed[1] - zoomed[0] == pytest.approx((before[1] - before[0]) / 2, abs=2)
    assert zoomed[0] <= state(opened, "pinned_ms") / 1000 <= zoomed[1]
    opened.keyboard.press("a")
    panned = view_s(opened)
    assert panned[0] == pytest.approx(zoomed[0] - (zoomed[1] - zoomed[0]) / 4, abs=2)
    opened.keyboard.press("d")
    assert view_s(opened) == pytest.approx(zoomed, abs=1)
    opened.keyboard.press("s")
    assert view_s(opened)[1] - view_s(opened)[0] == pytest.approx(before[1] - before[0], abs=3)
    opened.keyboard.press("Backspace")
    until(opened, lambda: view_s(opened) == before)


def test_the_cursor_moves_by_samples_and_to_events(opened: Page) -> None:
    opened.keyboard.press("n")
    first = state(opened, "pinned_ms")
    assert abs(first - PLANTED["oom_kill"]["at_ms"]) < 2000
    opened.keyboard.press("ArrowRight")
    assert state(opened, "pinned_ms") == first + 1000
    opened.keyboard.press("Shift+ArrowLeft")
    assert state(opened, "pinned_ms") == first - 9000
    opened.keyboard.press("n")
    opened.keyboard.press("n")
    second = state(opened, "pinned_ms")
    opened.keyboard.press("N")
    assert first == state(opened, "pinned_ms") < second
    opened.keyboard.press("c")
    assert state(opened, "pinned_ms") is None


def test_the_space_key_pauses_and_continues(opened: Page) -> None:
    assert state(opened, "range")["live"] is False
    opened.keyboard.press(" ")
    assert state(opened, "range")["live"] is True
    opened.keyboard.press(" ")
    assert state(opened, "range")["live"] is False


def test_keys_fit_the_range_to_all_data_and_to_the_selection(opened: Page) -> None:
    opened.keyboard.press("w")
    opened.keyboard.press("0")
    whole = view_s(opened)
    assert whole[1] - whole[0] > 360
    opened.keyboard.press("/")
    opened.keyboard.type("db-migrate")
    opened.keyboard.press("Enter")
    opened.keyboard.press("Escape")
    opened.keyboard.press("f")
    planted = PLANTED["short_life"]
    assert view_s(opened) == pytest.approx((planted["began_ms"] / 1000, planted["ended_ms"] / 1000), abs=3)


def test_digits_focus_lanes_and_the_ledger_ranks_by_the_focused_one(opened: Page) -> None:
    opened.keyboard.press("3")
    expect(lane(opened, "I/O")).to_have_class(re.compile("focused"))
    opened.keyboard.press("p")
    expect(opened.locator("tbody tr").first).to_contain_text("batch-import")
    expect(opened.locator("thead .on")).to_contain_text("I/O")
    opened.keyboard.press("1")
    expect(lane(opened, "CPU")).to_have_class(re.compile("focused"))


def test_screen_readers_get_the_values_at_the_cursor_and_the_peaks_of_strips(opened: Page) -> None:
    opened.keyboard.press("2")
    opened.keyboard.press("n")
    expect(opened.get_by_role("status").filter(has_text="payments first")).to_contain_text("Memory 56.7 MiB")
    strip = lane(opened, "CPU").get_by_role("img", name=re.compile("throttled: max"))
    expect(strip).to_have_attribute("aria-label", re.compile(r"max \d+ % at (\d+ \w+ (\d{4} )?)?[\d:]+, [\w-]+$"))


def test_links_and_tables_are_copied(opened: Page) -> None:
    opened.keyboard.press("n")
    opened.keyboard.press("y")
    expect(opened.get_by_text("Link copied")).to_be_visible()
    link = opened.evaluate("() => navigator.clipboard.readText()")
    before = [view_s(opened), state(opened, "pinned_ms"), opened.locator("tbody th .name").all_inner_texts()]
    opened.keyboard.press("Y")
    expect(opened.get_by_text("Table copied")).to_be_visible()
    table = opened.evaluate("() => navigator.clipboard.readText()").splitlines()
    opened.goto("about:blank")
    open_page(opened, link)
    until(opened, lambda: opened.locator("tbody tr").count() == len(before[2]))
    assert before == [view_s(opened), state(opened, "pinned_ms"), opened.locator("tbody th .name").all_inner_texts()]
    assert table[2] == "| container | where | life | CPU | Memory | I/O |"
    assert re.fullmatch(r"\| [\w-]+ \| [\w/-]+ \| \d \| [\d.]+ millicores \| \d+ bytes \| [\d.]+ bytes/s \|", table[4])


@pytest.mark.parametrize("key", [":", "Control+k"])
def test_commands_are_found_by_typing(opened: Page, key: str) -> None:
    opened.keyboard.press(key)
    opened.keyboard.type("pgmajfault")
    expect(opened.get_by_role("option")).to_have_count(1)
    opened.keyboard.press("Enter")
    expect(lane(opened, "Major page faults")).to_be_visible()
    assert "lanes=cpu,memory,io,memory.stat.pgmajfault" in opened.url


def test_the_list_of_commands_is_empty_if_none_matches_and_escape_closes_it(opened: Page) -> None:
    opened.keyboard.press(":")
    opened.keyboard.type("qqqqq")
    expect(opened.get_by_text("No matches.")).to_be_visible()
    opened.keyboard.press("Escape")
    expect(opened.get_by_role("dialog")).to_have_count(0)
    assert state(opened, "pinned_ms") is None


def test_keys_are_listed_and_single_keys_can_be_switched_off(opened: Page) -> None:
    before = view_s(opened)
    opened.keyboard.press("?")
    expect(opened.get_by_role("dialog", name="Keys")).to_contain_text("Zoom in at the cursor")
    opened.keyboard.press("w")
    opened.get_by_label("Single keys").uncheck()
    opened.keyboard.press("Escape")
    expect(opened.get_by_role("dialog")).to_have_count(0)
    opened.keyboard.press("w")
    assert view_s(opened) == before
    opened.keyboard.press("Control+k")
    expect(opened.get_by_role("dialog")).to_be_visible()
    opened.keyboard.press("Escape")
    expect(opened.get_by_role("dialog")).to_have_count(0)
    opened.reload()
    expect(lane(opened, "CPU").locator(".peak")).to_be_attached()
    opened.keyboard.press("w")
    assert view_s(opened) == before


def test_keys_do_nothing_in_inputs_and_with_modifiers(opened: Page) -> None:
    before = view_s(opened)
    for key in ("Control+s", "Alt+w", "Meta+d"):
        opened.keyboard.press(key)
    opened.get_by_label("Search containers").focus()
    opened.keyboard.type("was")
    assert view_s(opened) == before


def test_the_wheel_zooms_with_control_and_a_drag_pans_with_shift(opened: Page) -> None:
    before = view_s(opened)
    box = plot_box(opened, "CPU")
    opened.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    opened.mouse.wheel(0, -100)
    assert view_s(opened) == before
    opened.keyboard.down("Control")
    opened.mouse.wheel(0, -100)
    opened.keyboard.up("Control")
    until(opened, lambda: view_s(opened)[1] - view_s(opened)[0] < 0.9 * (before[1] - before[0]))
    zoomed = view_s(opened)
    opened.keyboard.down("Shift")
    opened.mouse.down()
    opened.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 20, steps=3)
    opened.mouse.up()
    opened.keyboard.up("Shift")
    until(opened, lambda: view_s(opened)[0] < zoomed[0])
    assert view_s(opened)[1] - view_s(opened)[0] == pytest.approx(zoomed[1] - zoomed[0], abs=1)
