"""axe finds no accessibility problem in any state of the page, in both themes, on wide screens and on phones."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.browser.accessibility import violations
from tests.support.browser.daemons import viewer
from tests.support.browser.page import lane
from tests.support.incidents import unpacked
from tests.support.processes import free_port
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, container, counting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["wide", "phone"])
def test_axe_finds_no_accessibility_problem(
    browser: Browser, tmp_path: Path, theme: str, size: tuple[int, int]
) -> None:
    data = DataDirectory(tmp_path / "data")
    (tmp_path / "data").mkdir()
    (tmp_path / "none").mkdir()
    containers = [
        counting(container(number), T0 + 300_000 * (number % 2), 300, per_second=1e4) for number in range(1, 40)
    ]
    data.parquet(counting(NODE, T0, 600), *containers)
    data.write_index(*((container(number), T0, T0 + 599_000) for number in range(1, 40)))
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]}, color_scheme="dark" if theme == "dark" else "light"
    )
    with viewer(tmp_path / "data", free_port()) as url:
        page.goto(f"{url}#from=2025-12-30T16:05:00Z&to=2025-12-30T16:10:00Z")
        expect(lane(page, "CPU").locator(".peak")).to_be_attached()
        assert violations(page) == []
        page.get_by_role("button", name="What changed?").click()
        expect(page.get_by_role("region", name="What changed").get_by_role("listitem").first).to_be_visible()
        page.get_by_role("searchbox").fill("name-1")
        assert violations(page) == []
        page.goto(f"{url}#from=2020-12-30T16:05:00Z&to=2020-12-30T16:10:00Z")
        page.wait_for_timeout(300)
        assert violations(page) == []
    with viewer(unpacked(tmp_path / "recorded"), free_port()) as url:
        page.goto(url)
        expect(lane(page, "CPU").locator(".peak")).to_be_attached()
        expect(page.locator(".findings li")).to_have_count(3)
        assert violations(page) == []
        page.keyboard.press("i")
        expect(page.locator(".findings .on")).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("Backspace")
        expect(page.locator(".findings .on")).to_have_count(0)
        page.keyboard.press("n")
        expect(page.locator(".event.oom")).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("e")
        expect(page.locator(".note-form")).to_be_visible()
        assert violations(page) == []
        page.keyboard.type("noted")
        page.keyboard.press("Enter")
        expect(page.locator(".note-flag")).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("S")
        page.get_by_text("Leave out names").click()
        page.get_by_role("checkbox", name="Containers").check()
        expect(page.get_by_role("group", name="What the names become")).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("Escape")
        page.keyboard.press("o")
        expect(page.locator(".processes tbody tr").first).to_be_visible()
        page.keyboard.press("l")
        expect(page.locator(".lane").last.locator(".peak")).to_be_attached()
        assert violations(page) == []
        for keys, selector in (("t", ".note-lane .tabular"), (":", ".palette li"), ("?", ".keys dl")):
            page.keyboard.press(keys)
            expect(page.locator(selector).first).to_be_visible()
            assert violations(page) == []
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
        page.keyboard.press("V")
        expect(page.locator(".wall .tabular").first).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("t")
        expect(lane(page, "CPU").locator("canvas")).to_have_attribute("aria-label", re.compile("of 9 containers in"))
        page.keyboard.press("ArrowDown")
        assert violations(page) == []
        page.keyboard.press("j")
        box = page.get_by_role("textbox", name="Range or time")
        expect(box).to_be_focused()
        page.keyboard.type("half past")
        expect(box).to_have_value("half past")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_be_visible()
        assert violations(page) == []
    with viewer(tmp_path / "none", free_port(), "--index-timeout-seconds", "0") as url:
        page.goto(url)
        expect(page.get_by_role("heading").first).to_be_visible()
        assert violations(page) == []
    page.context.close()
