"""Lanes: which metrics they show, and their numbers as tables."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.page import lane, open_page, titles, until
from tests.support.browser.page_state import state

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]


def choose(page: Page, text: str) -> None:
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def test_lanes_are_added_changed_moved_and_removed(page: Page, incidents_url: str, page_errors: list[str]) -> None:
    open_page(page, incidents_url)
    page.get_by_role("button", name="+ lane").click()
    choose(page, "throttle_ratio")
    assert titles(page) == ["CPU", "Memory", "I/O", "CPU throttling"]
    expect(page.locator("thead .on")).to_contain_text("%")
    lane(page, "CPU throttling").get_by_role("button", name="Change the").click()
    choose(page, "up")
    assert titles(page) == ["CPU", "Memory", "CPU throttling", "I/O"]
    lane(page, "CPU").get_by_role("button", name="Change the").click()
    choose(page, "pids.current")
    expect(page.locator(".lane").first.locator(".peak")).to_be_attached()
    assert titles(page)[0] not in {"CPU", "Memory", "I/O"}
    lane(page, "I/O").get_by_role("button", name="Change the").click()
    choose(page, "remove")
    assert len(titles(page)) == 3
    link, titles_before = page.url, titles(page)
    page.goto("about:blank")
    open_page(page, link)
    assert titles(page) == titles_before
    assert page_errors == []


def test_there_are_at_most_eight_lanes(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    names = [metric["name"] for metric in state(page, "allMetrics")]
    for name in names[:11]:  # the next one, OOM kills, has no peak
        page.evaluate("async (name) => (await fgm('state/lanes')).addLane(name)", name)
    assert len(titles(page)) == 8
    expect(page.locator(".lane").last.locator(".peak, .why").first).to_be_attached()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 1440


def test_a_changed_lane_requests_only_the_new_metric(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    until(page, lambda: state(page, "explainingSamples") is not None)
    with page.expect_request(re.compile(r"api/timeseries\?metric=memory\.stat\.anon&")) as request:
        page.evaluate("async () => (await fgm('state/lanes')).setLane(0, 'memory.stat.anon')")
    assert "total_cpu" not in request.value.url
    expect(page.locator(".lane").first.locator(".peak")).to_be_attached()


def test_a_metric_without_data_and_an_unknown_one_are_explained(page: Page, incidents_url: str) -> None:
    page.goto(f"{incidents_url}#lanes=cpu,nonsense,memory.events.oom_group_kill")
    expect(lane(page, "CPU").locator(".peak")).to_be_attached()
    expect(lane(page, "nonsense").locator(".why")).to_contain_text("No nonsense data is recorded here")
    page.get_by_label("Search containers").fill("no such container")
    expect(page.get_by_text("Nothing matches")).to_be_visible()


@pytest.mark.dates
def test_the_table_of_a_lane_contains_the_peak_of_its_lines(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    peak = lane(page, "Memory").locator(".peak").inner_text()
    highest, at, name = re.fullmatch(r"max ([\d.]+) at ((?:\d+ \w+ (?:\d{4} )?)?[\d:]+), (\S+) in .*", peak).groups()  # type: ignore[union-attr]
    page.keyboard.press("t")
    table = lane(page, "Memory").get_by_role("table")
    row = table.get_by_role("row").filter(has_text=name).filter(has_text=at)
    expect(row).to_contain_text(f"{highest} {at}")
    expect(lane(page, "Memory").locator(".plot")).to_be_hidden()
    page.keyboard.press("t")
    expect(lane(page, "Memory").locator(".plot")).to_be_visible()


@pytest.mark.both_browsers
def test_a_zoom_reaches_every_lane_once(page: Page, incidents_url: str) -> None:
    """A lane that follows a zoom does not cause another zoom."""
    open_page(page, incidents_url)
    until(page, lambda: state(page, "explainingSamples") is not None)
    page.evaluate(
        """async () => {
            const { charts } = (await fgm('chart/lane'));
            window.begins = {};
            for (const [key, u] of charts) {
                const set = u.setScale.bind(u);
                begins[key] = [String(u.scales.x.min)];
                u.setScale = (name, range) => {
                    if (name === "x" && String(range.min) !== begins[key].at(-1)) begins[key].push(String(range.min));
                    set(name, range);
                };
            }
        }"""
    )
    page.keyboard.press("w")
    until(page, lambda: all(page.evaluate("() => Object.values(begins).map((ranges) => ranges.length > 1)")))
    page.wait_for_timeout(500)
    begins = page.evaluate("() => begins")
    assert {key: len(ranges) for key, ranges in begins.items()} == {"cpu": 2, "memory": 2, "io": 2}
    assert len({ranges[1] for ranges in begins.values()}) == 1


def test_choosing_a_container_keeps_the_range(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    page.keyboard.press("w")
    before = state(page, "view")
    page.locator(".containers li .pick").nth(3).click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert state(page, "view") == before
