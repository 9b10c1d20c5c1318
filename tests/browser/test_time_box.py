"""The box for times understands the forms in which users type or paste them."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser.browsers import MODULES
from tests.support.browser.page import open_page
from tests.support.browser.page_state import state, view_s

pytestmark = [pytest.mark.dates, pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

BERLIN = ZoneInfo("Europe/Berlin")


def ms(text: str) -> int:
    """Return the epoch ms of a local time of Berlin."""
    return round(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000)


NOW_MS = ms("2026-03-12T15:00:00")
TODAY = "2026-03-12T"


@pytest.fixture(scope="module")
def berlin(browser: Browser, incidents_url: str) -> Page:
    page = browser.new_page(timezone_id="Europe/Berlin")
    page.add_init_script(MODULES)
    page.goto(incidents_url)
    return page


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("14:32", {"at_ms": ms(TODAY + "14:32:00")}),
        (" 14:32:10 ", {"at_ms": ms(TODAY + "14:32:10")}),
        ("14:32:10.250", {"at_ms": ms(TODAY + "14:32:10.250")}),
        ("16:00", {"at_ms": ms("2026-03-11T16:00:00")}),
        ("13:32 UTC", {"at_ms": ms(TODAY + "14:32:00")}),
        ("14:30-14:40", {"from_ms": ms(TODAY + "14:30:00"), "to_ms": ms(TODAY + "14:40:00")}),
        ("14:30 \u2013 14:40", {"from_ms": ms(TODAY + "14:30:00"), "to_ms": ms(TODAY + "14:40:00")}),
        ("23:50-00:10", {"from_ms": ms("2026-03-11T23:50:00"), "to_ms": ms("2026-03-12T00:10:00")}),
        (
            "14:32 ±2m",
            {"at_ms": ms(TODAY + "14:32:00"), "from_ms": ms(TODAY + "14:30:00"), "to_ms": ms(TODAY + "14:34:00")},
        ),
        (
            "14:32 +- 90s",
            {"at_ms": ms(TODAY + "14:32:00"), "from_ms": ms(TODAY + "14:30:30"), "to_ms": ms(TODAY + "14:33:30")},
        ),
        ("3h5m ago", {"at_ms": ms(TODAY + "11:55:00")}),
        ("now-15m", {"span_ms": 900_000}),
        ("1.5h", {"span_ms": 5_400_000}),
        ("2026-03-12T13:32:10Z", {"at_ms": ms(TODAY + "14:32:10")}),
        ("2026-03-12T14:32:10+0100", {"at_ms": ms(TODAY + "14:32:10")}),
        ("2026-03-12 14:32", {"at_ms": ms(TODAY + "14:32:00")}),
        (f"{ms(TODAY + '14:32:10') // 1000}", {"at_ms": ms(TODAY + "14:32:10")}),
        (f"{ms(TODAY + '14:32:10')}", {"at_ms": ms(TODAY + "14:32:10")}),
        ("2026-03-12 14:32:10,123 ERROR checkout failed after 12 s", {"at_ms": ms(TODAY + "14:32:10.123")}),
        ("Mar 12 14:32:10 worker-3 kernel: oom-kill:constraint=", {"at_ms": ms(TODAY + "14:32:10")}),
        ('10.0.0.1 - - [12/Mar/2026:13:32:10 +0000] "GET / HTTP/1.1" 502', {"at_ms": ms(TODAY + "14:32:10")}),
        ('{"level":"error","ts":1773322330.5,"msg":"x"}', {"at_ms": ms(TODAY + "14:32:10.500")}),
        ("I0312 14:32:10.123456    1 main.go:12] x", {"at_ms": ms(TODAY + "14:32:10.123")}),
        ("2:32 PM", {"at_ms": ms(TODAY + "14:32:00")}),
        ("12:05 am", {"at_ms": ms(TODAY + "00:05:00")}),
        ("yesterday 14:00", {"at_ms": ms("2026-03-11T14:00:00")}),
        ("11 Mar 22:00\u201312 Mar 14:00", {"from_ms": ms("2026-03-11T22:00:00"), "to_ms": ms(TODAY + "14:00:00")}),
        ("11 Mar, 22:00", {"at_ms": ms("2026-03-11T22:00:00")}),
        ("11 Mar 2025 22:00", {"at_ms": ms("2025-03-11T22:00:00")}),
        ("all", {"span_ms": None}),
        ("yesterday-ish", None),
        ("25:70", None),
        ("25:70 ±2m", None),
        ("13:00 PM", None),
        ("tomorrow 10:00", None),
        ("3/12/2026 14:32", None),
        ("14:40-14:40", None),
        ("", None),
    ],
)
def test_a_text_means_a_time(berlin: Page, text: str, expected: dict[str, float] | None) -> None:
    time_read = berlin.evaluate(
        "async ([text, now]) => JSON.parse(JSON.stringify((await fgm('lib/time-parse')).readTime(text, now)))",
        [text, NOW_MS],
    )
    assert time_read == expected


@pytest.mark.parametrize(
    ("now", "text", "expected"),
    [
        # The clocks of Berlin were set from 02:00 to 03:00 on 29 March, and from 03:00 to 02:00 on 25 October.
        ("2026-03-29T12:00:00", "yesterday 14:00", {"at_ms": ms("2026-03-28T14:00:00")}),
        ("2026-03-29T12:00:00", "16:00", {"at_ms": ms("2026-03-28T16:00:00")}),
        ("2026-03-29T12:00:00", "16:00 UTC", {"at_ms": ms("2026-03-28T17:00:00")}),
        ("2026-03-29T01:00:00", "02:30", {"at_ms": ms("2026-03-28T02:30:00")}),
        ("2026-10-25T12:00:00", "yesterday 14:00", {"at_ms": ms("2026-10-24T14:00:00")}),
        ("2026-10-25T12:00:00", "13:00", {"at_ms": ms("2026-10-24T13:00:00")}),
        ("2026-12-31T20:00:00", "Jan  1 01:00:10 worker-3 kernel: x", {"at_ms": ms("2027-01-01T01:00:10")}),
        ("2027-01-01T00:10:00", "Dec 31 23:59:50 worker-3 kernel: x", {"at_ms": ms("2026-12-31T23:59:50")}),
        ("2027-01-01T00:10:00", "yesterday 23:00", {"at_ms": ms("2026-12-31T23:00:00")}),
        (
            "2027-01-01T00:10:00",
            "23:55-00:05",
            {"from_ms": ms("2026-12-31T23:55:00"), "to_ms": ms("2027-01-01T00:05:00")},
        ),
        ("2028-02-29T12:00:00", "29 Feb 11:00", {"at_ms": ms("2028-02-29T11:00:00")}),
        ("2028-03-01T12:00:00", "yesterday 11:00", {"at_ms": ms("2028-02-29T11:00:00")}),
        ("2028-03-01T12:00:00", "29 Feb 2027 11:00", None),
        ("2027-03-01T12:00:00", "31 Feb 11:00", None),
    ],
)
def test_days_without_a_date_follow_the_calendar(
    berlin: Page, now: str, text: str, expected: dict[str, float] | None
) -> None:
    """Also if the clocks are set forward or back, at the end of a year, and around a leap day."""
    time_read = berlin.evaluate(
        "async ([text, now]) => JSON.parse(JSON.stringify((await fgm('lib/time-parse')).readTime(text, now)))",
        [text, ms(now)],
    )
    assert time_read == expected


@pytest.mark.parametrize(
    ("begin", "end", "width", "marks"),
    [
        ("2026-03-29T00:00:00", "2026-03-29T06:00:00", 500, "00:00 01:00 03:00 04:00 05:00 06:00"),
        ("2026-10-25T00:00:00", "2026-10-25T06:00:00", 700, "00:00 01:00 02:00 02:00 03:00 04:00 05:00 06:00"),
        ("2026-03-28T18:00:00", "2026-03-29T06:00:00", 500, "18:00 20:00 22:00 00:00 04:00 06:00"),
        ("2026-03-28T12:00:00", "2026-03-29T12:00:00", 500, "12:00 18:00 00:00 06:00 12:00"),
        ("2026-10-24T12:00:00", "2026-10-25T12:00:00", 500, "12:00 18:00 00:00 06:00 12:00"),
    ],
)
def test_the_axis_is_marked_at_whole_hours_of_the_clock(
    berlin: Page, begin: str, end: str, width: int, marks: str
) -> None:
    ticks = berlin.evaluate(
        "async ([from, to, width]) => (await fgm('lib/time-ticks')).timeTicks(from, to, width).ticks",
        [ms(begin), ms(end), width],
    )
    assert [tick["text"] for tick in ticks] == marks.split()
    assert len({tick["ms"] for tick in ticks}) == len(ticks)


def test_a_typed_time_is_shown(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    from_s, to_s = view_s(page)
    middle = (from_s + to_s) // 2
    page.keyboard.press("j")
    page.keyboard.type(f"{int(middle)}")
    page.keyboard.press("Enter")
    assert state(page, "pinned_ms") == middle * 1000
    assert view_s(page) == (from_s, to_s)
    page.keyboard.press("j")
    page.keyboard.type("2m")
    page.keyboard.press("Enter")
    assert state(page, "range") == {"live": True, "span_ms": 120_000}


def test_the_error_of_a_text_that_is_no_time_has_examples(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    before = view_s(page)
    box = page.get_by_label("Range or time")
    box.fill("half past")
    box.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("14:32 ±2m")
    expect(box).to_have_attribute("aria-invalid", "true")
    assert view_s(page) == before
    box.press("Escape")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_length_that_is_too_long_means_all_data(page: Page, incidents_url: str, page_errors: list[str]) -> None:
    open_page(page, incidents_url)
    page.keyboard.press("j")
    page.keyboard.type("999999999d")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="all", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Range or time")).to_have_value(re.compile(r"^(?!.*NaN).*\d\d:\d\d"))
    assert page_errors == []
