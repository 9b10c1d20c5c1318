"""Notes are written with keyboard and mouse, drawn at their times, listed, and kept in the address of the page."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.browser.page import drag, lane, open_page, plot_box, until
from tests.support.browser.page_state import state, view_s
from tests.support.incidents import PLANTED

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

OOM_MS = PLANTED["noisy_neighbour"]["began_ms"] // 1000 * 1000
HOSTILE = "<img src=x onerror=document.title=1>; a&b=c,d#e %41 ~ 100 % \u202e\U0001f680 ünï"


def iso(ms: float) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def notes(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate("async () => (await fgm('state/incident/notes')).notes.value")
    return found


def panel(page: Page) -> Locator:
    return page.get_by_role("region", name="Notes", exact=True)


def write(page: Page, text: str) -> None:
    """Type the text of the note in the open dialog, and keep it."""
    expect(page.get_by_role("textbox", name="Text")).to_be_focused()
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)


def shade(page: Page, share: float) -> Locator:
    """Return the mark of a note on the memory lane, whose left edge must be at a share of its width."""
    marks = lane(page, "Memory").locator(".note-shades i")
    expect(marks).to_have_count(1)
    box, plot = marks.bounding_box(), plot_box(page, "Memory")
    assert box is not None
    assert abs(box["x"] - plot["x"] - share * plot["width"]) <= 2
    return marks


def test_the_keyboard_writes_changes_and_deletes_a_note(page: Page, incidents_url: str, page_errors: list[str]) -> None:
    open_page(page, f"{incidents_url}#from={iso(OOM_MS - 60_000)}&to={iso(OOM_MS + 60_000)}&at={iso(OOM_MS)}")
    overview = "document.querySelector('.overview canvas').toDataURL()"
    before = page.evaluate(overview)
    page.keyboard.press("e")
    write(page, HOSTILE)
    assert notes(page) == [{"from_ms": OOM_MS, "to_ms": None, "text": HOSTILE}]
    expect(panel(page).get_by_role("listitem")).to_contain_text(HOSTILE)
    expect(page.locator(".note-flag")).to_contain_text(HOSTILE)
    shade(page, 0.5)
    until(page, lambda: page.evaluate(overview) != before)
    page.reload()
    expect(panel(page).get_by_role("listitem")).to_contain_text(HOSTILE)
    panel(page).get_by_role("button", name="Change the note").click()
    page.get_by_role("textbox", name="Text").fill("second\nline")
    page.get_by_role("textbox", name="Time", exact=True).fill(f"{iso(OOM_MS)} ±15s")
    page.get_by_role("button", name="Keep note").click()
    assert notes(page) == [{"from_ms": OOM_MS - 15_000, "to_ms": OOM_MS + 15_000, "text": "second line"}]
    assert f"notes={iso(OOM_MS - 15_000)}~{iso(OOM_MS + 15_000)}:second%20line" in page.url
    width = shade(page, 0.375).bounding_box()["width"]  # type: ignore[index]  # it is drawn
    assert abs(width - plot_box(page, "Memory")["width"] / 4) <= 2
    panel(page).get_by_role("button", name="Delete the note").click()
    expect(page.locator(".note-shades, .note-lane")).to_have_count(0)
    assert "notes=" not in page.url
    panel(page).get_by_role("button", name="Undo").click()
    expect(panel(page).get_by_role("listitem")).to_have_text(re.compile("second line"))
    assert page_errors == []


@pytest.mark.both_browsers
def test_the_mouse_with_ctrl_writes_a_note_at_an_instant_and_on_a_range(page: Page, incidents_url: str) -> None:
    open_page(page, f"{incidents_url}#from={iso(OOM_MS - 60_000)}&to={iso(OOM_MS + 60_000)}")
    page.keyboard.down("Control")
    drag(page, 0.25, 0.5)
    page.keyboard.up("Control")
    write(page, "range")
    page.keyboard.down("Control")
    drag(page, 0.75, 0.75)
    page.keyboard.up("Control")
    write(page, "instant")
    ranged, instant = notes(page)
    assert view_s(page) == ((OOM_MS - 60_000) / 1000, (OOM_MS + 60_000) / 1000)
    assert state(page, "pinned_ms") is None
    assert abs(ranged["from_ms"] - (OOM_MS - 30_000)) <= 1000
    assert abs(ranged["to_ms"] - OOM_MS) <= 1000
    assert instant["to_ms"] is None
    assert abs(instant["from_ms"] - (OOM_MS + 30_000)) <= 1000
    expect(page.locator(".note-flag")).to_have_text(["range", "instant"])
    page.locator(".note-flag").last.click()
    assert state(page, "pinned_ms") == instant["from_ms"]
    page.keyboard.press("v")
    expect(page.locator(".lane.wall .note-shades i")).to_have_count(2)
    page.keyboard.down("Control")
    page.locator(".lane.wall canvas").click(position={"x": 300, "y": 20})
    page.keyboard.up("Control")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".row-mark")).to_be_hidden()


def test_the_view_goes_to_notes_one_after_the_other_and_back_keeps_them(page: Page, incidents_url: str) -> None:
    far_ms = OOM_MS - 40_000
    written = f"notes={iso(OOM_MS)}~{iso(OOM_MS + 5000)}:later;{iso(far_ms)}:earlier"
    open_page(page, f"{incidents_url}#from={iso(OOM_MS - 10_000)}&to={iso(OOM_MS + 10_000)}&{written}")
    expect(panel(page).get_by_role("listitem")).to_have_count(2)
    expect(page.locator(".note-flag")).to_have_text(["later"])
    page.keyboard.press("u")
    until(page, lambda: bool(state(page, "pinned_ms") == OOM_MS))
    page.keyboard.press("U")
    until(page, lambda: bool(state(page, "pinned_ms") == far_ms))
    from_s, to_s = view_s(page)
    assert from_s <= far_ms / 1000 < to_s <= OOM_MS / 1000
    page.keyboard.press("e")
    write(page, "third")
    page.keyboard.press("Backspace")
    until(page, lambda: view_s(page)[0] == (OOM_MS - 10_000) / 1000)
    assert [note["text"] for note in notes(page)] == ["earlier", "third", "later"]
    until(page, lambda: "third" in page.url)
    page.evaluate(f"location.hash = 'notes={iso(OOM_MS)}:typed'")
    until(page, lambda: [note["text"] for note in notes(page)] == ["typed"])


def test_the_notes_of_an_address_are_bounded_and_unreadable_ones_left_out(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    at = "2026-01-02T03:04:05Z"

    def read(value: str) -> list[list[Any]]:
        script = """async (value) => {
            const { readNotes } = await fgm('lib/notes');
            return readNotes(value).map(({ from_ms, to_ms, text }) => [from_ms, to_ms, text]);
        }"""
        found: list[list[Any]] = page.evaluate(script, value)
        return found

    at_ms = int(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp() * 1000)
    assert read(f"{at}:a") == [[at_ms, None, "a"]]
    assert read(f"{at}~2026-01-02T03:04:06.5Z:a:b") == [[at_ms, at_ms + 1500, "a:b"]]
    assert read(f"{at}:a%0Ab%00c;{at}:;{at}:%20;{at}:%FF;{at};:;;") == [[at_ms, None, "a b c"]]
    assert read(f"{at}~{at}:a") == read(f"{at}~2025-01-02T03:04:05Z:a") == []
    assert read("2026-13-02T03:04:05Z:a") == read("+012026-01-02T03:04:05Z:a") == read("1e400Z:a") == []
    assert read("9999-12-31T23:59:60Z:a") == []
    assert read(f"{at}:{'x' * 1000}") == [[at_ms, None, "x" * 280]]
    rocket = "%F0%9F%9A%80"
    assert read(f"{at}:{rocket * 300}") == [[at_ms, None, "\U0001f680" * 280]]
    assert len(read(";".join([f"{at}:a"] * 1000))) == 50
    page.evaluate(f"location.hash = 'notes={';'.join([f'{at}:{n}' for n in range(60)])}'")
    until(page, lambda: len(notes(page)) == 50)
    page.keyboard.press("e")
    expect(page.get_by_role("status").filter(has_text="maximum")).to_be_visible()
    assert state(page, "view") is not None
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_times_that_the_dialog_shows_are_read_as_the_same_times(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    script = """async ([from_ms, to_ms, near_ms, now_ms]) => {
        const { noteTimes } = await fgm('lib/notes'), { readTime } = await fgm('lib/time-parse');
        return readTime(noteTimes({ from_ms, to_ms }, near_ms, now_ms), now_ms, near_ms);
    }"""
    now_ms = OOM_MS + 3_600_000
    for from_ms in (OOM_MS, now_ms, OOM_MS - 86_400_000, OOM_MS - 400 * 86_400_000):
        assert page.evaluate(script, [from_ms, None, OOM_MS, now_ms]) == {"at_ms": from_ms}
        to_ms = from_ms + 100_000_000
        assert page.evaluate(script, [from_ms, to_ms, OOM_MS, now_ms + 200_000_000]) == {
            "from_ms": from_ms,
            "to_ms": to_ms,
        }


def test_a_time_that_cannot_be_read_keeps_the_dialog_open(page: Page, incidents_url: str) -> None:
    open_page(page, f"{incidents_url}#from={iso(OOM_MS - 60_000)}&to={iso(OOM_MS + 60_000)}")
    page.keyboard.press("E")
    box = page.get_by_role("textbox", name="Time", exact=True)
    expect(box).to_have_value(re.compile(r"^[\d:]{8}\u2013[\d:]{8}$"))
    page.keyboard.press("Enter")  # without a text nothing is kept
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.type("why")
    box.fill("half past")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Not a time")
    page.get_by_role("button", name="Range in view").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.keyboard.press("Enter")
    assert notes(page) == [{"from_ms": OOM_MS - 60_000, "to_ms": OOM_MS + 60_000, "text": "why"}]


def test_tables_show_the_notes_in_view(page: Page, incidents_url: str) -> None:
    written = f"notes={iso(OOM_MS)}:in view;{iso(OOM_MS - 3_600_000)}:not in view"
    open_page(page, f"{incidents_url}#from={iso(OOM_MS - 60_000)}&to={iso(OOM_MS + 60_000)}&{written}")
    page.keyboard.press("t")
    rows = page.get_by_role("group", name="Notes as a table").get_by_role("row")
    expect(rows).to_have_text([re.compile("time.*note"), re.compile(r"\d\d:\d\d:\d\d\s*in view")])
    expect(page.locator(".note-shades")).to_have_count(0)


def test_a_phone_writes_and_shows_notes(browser: Browser, incidents_url: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    open_page(page, incidents_url)
    panel(page).get_by_role("button", name="Add a note").tap()
    page.get_by_role("textbox", name="Text").fill("by touch")
    page.get_by_role("button", name="Keep note").tap()
    expect(panel(page).get_by_role("listitem")).to_contain_text("by touch")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.evaluate("scrollTo(0, 0)")
    page.locator(".note-flag").tap()
    expect(panel(page).locator("li.on")).to_be_attached()
    assert page.evaluate("scrollY") == 0, "the lanes stay on the screen"
    page.context.close()
