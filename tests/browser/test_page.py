"""The page in a real browser on data that is being recorded: what it shows, and what mouse and search do."""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from fgm.store.samples.leaves import leaf_keys
from fgm.store.samples.series import Series
from tests.support.browser.daemons import collector, viewer
from tests.support.browser.page import drag, lane, open_page, plot_box, ranges, until
from tests.support.browser.pixels import COLOURED_PIXELS
from tests.support.captured_host import CONTAINERS
from tests.support.processes import free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

LANES = ["CPU", "Memory", "I/O"]


@pytest.mark.both_browsers
def test_lines_are_drawn_without_an_error(page: Page, viewer_url: str, page_errors: list[str]) -> None:
    """The heading has the node, the badge has the age of the data, and no other origin is used."""
    open_page(page, viewer_url)
    expect(page.get_by_role("heading", level=1)).to_have_text("worker-3prod-eu")
    expect(page.get_by_text(re.compile(r"live, \d s behind"))).to_be_visible()
    page.wait_for_function(
        f"([plot]) => ({COLOURED_PIXELS})(plot) > 50", arg=[lane(page, "Memory").locator(".plot").element_handle()]
    )
    for title in LANES:
        expect(lane(page, title)).to_be_visible()
    assert page.get_by_role("table").locator("tbody tr").count() == 6
    # The captured host uses no CPU time between its two seconds.
    expect(page.locator("tfoot .sum")).to_have_text(re.compile(r"^all rows add up to .*\d+ % of its memory$"))
    expect(page.locator(".containers .chips .on")).to_have_text(re.compile("^all"))
    expect(page.locator(".containers li").filter(has_text="of all other rows")).to_have_count(1)
    assert page_errors == []


def test_a_live_page_follows_the_recording(page: Page, viewer_url: str) -> None:
    open_page(page, viewer_url)
    before = ranges(page)
    until(page, lambda: ranges(page)["cpu"][1] > before["cpu"][1])
    after = ranges(page)
    assert len({tuple(range_) for range_ in after.values()}) == 1


def test_a_drag_zooms_every_lane_and_a_double_click_goes_back(page: Page, viewer_url: str) -> None:
    open_page(page, viewer_url)
    page.get_by_role("button", name="Pause").click()
    whole = ranges(page)
    drag(page, 0.25, 0.75)
    until(page, lambda: all(low > whole["cpu"][0] for low, _ in ranges(page).values()))
    zoomed = ranges(page)
    assert len({tuple(range_) for range_ in zoomed.values()}) == 1
    width_s, whole_s = (end - begin for begin, end in (zoomed["io"], whole["io"]))
    assert width_s == pytest.approx(whole_s / 2, abs=2)
    assert "from=" in page.url
    lane(page, "CPU").locator(".plot").dblclick()
    until(page, lambda: ranges(page) == whole)


@pytest.mark.both_browsers
def test_a_link_shows_the_same_view(page: Page, viewer_url: str) -> None:
    open_page(page, viewer_url)
    page.get_by_role("button", name="Pause").click()
    drag(page, 0.5, 1)
    page.get_by_role("listitem").filter(has_text=CONTAINERS[0]["id"][:12]).locator(".pick").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    ranges_before, link = ranges(page), page.url
    page.goto("about:blank")
    open_page(page, link)
    assert ranges(page) == ranges_before
    expect(page.locator("tbody tr")).to_have_count(1)


@pytest.mark.both_browsers
def test_the_search_filters_the_list(page: Page, viewer_url: str) -> None:
    open_page(page, viewer_url)
    search, rows = page.get_by_label("Search containers"), page.locator(".containers li")
    expect(rows).to_have_count(len(CONTAINERS) + 2)  # the node, and what is outside
    search.fill(CONTAINERS[2]["id"][:10])
    expect(rows).to_have_count(1)
    search.fill("qos:guaranteed")
    expect(rows).to_have_count(
        sum(container["qos"] == "guaranteed" and container["layout"] != "docker" for container in CONTAINERS)
    )
    search.fill("no container has this name")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_role("button", name="Clear the search").click()
    expect(rows).to_have_count(len(CONTAINERS) + 2)  # the node, and what is outside


@pytest.mark.both_browsers
def test_a_click_shows_only_this_container_and_shift_adds_it(page: Page, viewer_url: str) -> None:
    open_page(page, viewer_url)
    row = page.locator(".containers li .pick")
    ledger = page.locator("tbody tr")
    row.nth(1).click()
    expect(ledger).to_have_count(1)
    row.nth(2).click(modifiers=["Shift"])
    expect(ledger).to_have_count(2)
    row.nth(1).click(modifiers=["Control"])
    expect(ledger).to_have_count(1)
    page.get_by_role("button", name="Top 6 by CPU").click()
    expect(ledger).to_have_count(6)


@pytest.mark.dates
@pytest.mark.both_browsers
def test_the_ledger_shows_the_values_at_the_cursor(page: Page, viewer_url: str) -> None:
    open_page(page, viewer_url)
    box = plot_box(page, "CPU")
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 30)
    flag = page.locator(".flag")
    expect(flag).to_be_visible()
    time_of_day = flag.inner_text().split()[-1]  # the flag has the day, too, if midnight is in view
    expect(page.locator(".ledger h2")).to_have_text(time_of_day)


@pytest.mark.both_browsers
def test_the_theme_can_be_switched(page: Page, viewer_url: str, page_errors: list[str]) -> None:
    open_page(page, viewer_url)
    background = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.get_by_role("button", name="Dark theme").click()
    assert page.evaluate(background) != light
    plot = lane(page, "Memory").locator(".plot").element_handle()
    page.wait_for_function(f"([plot]) => ({COLOURED_PIXELS})(plot) > 50", arg=[plot])
    page.get_by_role("button", name="Light theme").click()
    assert page.evaluate(background) == light
    assert page_errors == []


@pytest.mark.both_browsers
def test_a_narrow_phone_needs_no_sideways_scrolling(page: Page, viewer_url: str) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    open_page(page, viewer_url)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 360
    for control in page.get_by_role("button").all():
        box: Any = control.bounding_box()
        if box is not None:
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 360


def test_missing_data_is_explained_and_data_is_shown_as_soon_as_it_arrives(
    page: Page, tmp_path: Path, page_errors: list[str]
) -> None:
    """The page waits, then lists what to check, then shows lanes, without a reload."""
    data = tmp_path / "data"
    data.mkdir()
    with viewer(data, free_port(), "--index-timeout-seconds", "4", "--poll-seconds", "1") as url:
        page.goto(url)
        expect(page.get_by_role("heading", name="Waiting for metrics data")).to_be_visible()
        expect(page.get_by_text(str(data)).first).to_be_visible()
        expect(page.get_by_role("heading", name="No metrics data after")).to_be_visible()
        expect(page.get_by_text("kubectl -n fine-grained-monitor logs")).to_be_visible()
        expect(page.get_by_text(f"fine-grained-monitor --data-dir {data}")).to_be_visible()
        expect(page.locator(".banner")).to_have_count(0)
        with collector(tmp_path / "host", data):
            expect(lane(page, "Memory").locator(".peak")).to_be_visible()
    assert [text for text in page_errors if "ERR_" not in text] == []


def test_the_page_reports_a_stopped_viewer_and_reconnects_to_the_next(page: Page, tmp_path: Path) -> None:
    """The banner has the command that helps, and the loaded data can still be used."""
    data, port = tmp_path / "data", free_port()
    banner = page.get_by_role("alert")
    with collector(tmp_path / "host", data):
        with viewer(data, port) as url:
            open_page(page, url)
            alive = page.get_by_role("region", name="Containers").get_by_role("listitem").nth(1)
            expect(alive).to_have_text(re.compile(r"pod \w{8}([4-9]|\d\d) s"))
            expect(banner).to_have_count(0)
        expect(banner).to_contain_text("Disconnected")
        expect(banner).to_contain_text("fgm run")
        expect(banner).to_contain_text(f"fgm-viewer {data}")
        drag(page, 0.5, 1)
        expect(lane(page, "Memory").locator(".peak")).to_be_visible()
        with viewer(data, port):
            expect(banner).to_have_count(0)


def test_the_page_and_the_viewer_find_the_same_leaves(page: Page, viewer_url: str) -> None:
    paths = ("/system.slice", "/system.slice/sshd.service", "/system", "/kubepods", "/docker/machine/kubelet")
    containers = (
        ("a" * 64, "p", "/kubepods/podp/a"),
        ("b" * 64, "q", "/elsewhere/b"),
        ("c" * 64, None, "/docker/machine"),
    )
    every = [
        *(Series("cgroup", cgroup=path) for path in paths),
        *(Series("pod", pod_uid=uid, cgroup=f"/kubepods/pod{uid}") for uid in "pqr"),
        *(Series("container", container_id=name, pod_uid=uid, cgroup=path) for name, uid, path in containers),
        *(Series("container", container_id="d" * 64), Series("sandbox", container_id="e" * 64, pod_uid="r")),
        *(Series("outside"), Series("node")),
    ]
    open_page(page, viewer_url)
    listed = [asdict(series) | {"id": series.key} for series in every]
    found = page.evaluate("async (all) => (await fgm('lib/series')).leaves(all).map(({ id }) => id)", listed)

    assert set(found) == leaf_keys(every)
    assert len(found) == len(set(found)) == 8
