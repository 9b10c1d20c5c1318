"""Another range lies under the view: pale lines, differences in words and in tables, its place in the URL, its keys."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from fgm.store.samples.chunk import Chunk
from fgm.store.samples.series import Series
from tests.support.browser.daemons import viewer
from tests.support.browser.page import lane, until
from tests.support.processes import free_port
from tests.support.viewer.data_directory import MEMORY, NODE, T0, USAGE, DataDirectory, chunk, container, counting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

OLD, NEW = "web-6b7d9c54f5-2bcdf", "web-7f9c8d6b4b-9xqzp"
VIEW = "#from=2025-12-30T16:15:00Z&to=2025-12-30T16:20:00Z"
OTHER = "2025-12-30T16:05:00Z"


SIDES = """async () => {
    const wall = (await fgm("derived/wall-rows")).walls.value.get("cpu");
    const highest = ({ name, cells }) => [name, Math.max(...cells.filter((value) => value === value))];
    const side = (rows) => Object.fromEntries(rows.filter(({ name }) => name !== "outside").map(highest));
    return wall?.other ? [side(wall.rows), side(wall.other.rows)] : null;
}"""
"""Script that returns the highest value of each row of the CPU wall, in view and in the other range."""
SHADES = """async (canvas) => {
    const rows = (await fgm("derived/wall-rows")).walls.value.get("cpu").rows.map(({ name }) => name);
    const context = canvas.getContext("2d"), x = Math.round(0.6 * canvas.width);
    const shade = (i) => context.getImageData(x, Math.round(((i + 0.3) * canvas.height) / rows.length), 1, 1).data[0];
    return Object.fromEntries(rows.map((name, i) => [name, shade(i)]));
}"""
"""Script that returns the red of a pixel in each row of a wall."""


@pytest.fixture(scope="module")
def url(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: ARG001 - without a browser it skips before the viewer starts
    """The address of a viewer with 20 minutes, in the middle of which another version of a pod replaced the first."""
    data = DataDirectory(tmp_path_factory.mktemp("rollout"))
    middle_ms, end_ms = T0 + 600_000, T0 + 1_200_000

    def using(series: Series, millicores: float, first_ms: int, seconds: int) -> Chunk:
        used = np.random.default_rng(first_ms % 97).normal(1000 * millicores, 5000, seconds)
        return chunk(series, first_ms, {USAGE: np.cumsum(used).tolist(), MEMORY: [1e8] * seconds})

    data.parquet(
        using(container(1, "web", OLD), 900, T0, 600),
        using(container(2, "web", NEW), 300, middle_ms, 600),
        using(container(3, "db", "db-0"), 200, T0, 1200),
        counting(NODE, T0, 1200, per_second=1.5e6),
    )
    lives = ((container(1, "web", OLD), T0, middle_ms - 1000), (container(2, "web", NEW), middle_ms, end_ms - 1000))
    data.write_index(*lives, (container(3, "db", "db-0"), T0, end_ms - 1000))
    with viewer(data.root, free_port()) as address:
        yield address


def test_a_wall_shows_the_other_range_in_the_rows_of_the_view(page: Page, url: str, page_errors: list[str]) -> None:
    """Successors of a pod have its row, with shades on one scale, so that only what differs moves."""
    page.goto(f"{url}{VIEW}&vs={OTHER}&walls=cpu&lanes=cpu")
    until(page, lambda: page.evaluate(SIDES) is not None)
    rows, other = page.evaluate(SIDES)
    assert list(rows) == list(other) == ["web", "db"]
    assert (rows["web"], other["web"]) == (pytest.approx(300, rel=0.1), pytest.approx(900, rel=0.1))
    assert other["db"] == pytest.approx(rows["db"], rel=0.2)
    canvas = lane(page, "CPU").locator("canvas")
    shades = [canvas.evaluate(SHADES)]
    page.keyboard.press("B")
    expect(lane(page, "CPU").get_by_role("button", name="16:05\u201316:10")).to_be_visible()
    expect(lane(page, "CPU").locator(".peak")).to_contain_text(re.compile(r"max 9\d\d at 16:0\d:\d\d, web"))
    until(page, lambda: canvas.evaluate(SHADES) != shades[0])
    shades.append(canvas.evaluate(SHADES))
    assert shades[1]["web"] < shades[0]["web"], "more is darker"
    assert shades[0]["db"] == pytest.approx(shades[1]["db"], abs=12)
    page.keyboard.press("t")
    expect(lane(page, "CPU").get_by_role("columnheader", name="highest there")).to_be_visible()
    expect(lane(page, "CPU").get_by_role("row", name="web")).to_contain_text(
        re.compile(r"3\d\d 16:1\d:\d\d9\d\d 16:0\d")
    )
    page.keyboard.press("t")
    page.get_by_role("button", name="Close").click()
    expect(lane(page, "CPU").get_by_role("button", name="in view")).to_have_count(0)
    assert [error for error in page_errors if "getImageData" not in error] == []


def pale_pixels(page: Page) -> int:
    """Return how many pixels of the CPU lane have neither the background's colour nor that of a line or a hairline."""
    return int(
        page.evaluate(
            """() => {
                const canvas = document.querySelector(".lane canvas");
                const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                let pale = 0;
                for (let i = 0; i < 4 * width * height; i += 4) {
                    const [r, g, b, a] = data.slice(i, i + 4);
                    if (a > 60 && a < 110 && Math.abs(r - g) < 30 && Math.abs(g - b) < 30) pale += 1;
                }
                return pale;
            }"""
        )
    )


@pytest.mark.both_browsers
def test_the_other_range_of_a_link_lies_under_the_lines_and_is_compared_in_words(
    page: Page, url: str, page_errors: list[str]
) -> None:
    page.goto(f"{url}{VIEW}&vs={OTHER}")
    panel = page.get_by_role("region", name="What differs")
    expect(panel.get_by_role("heading")).to_contain_text("Compared with")
    expect(panel).to_contain_text("10 min earlier")
    first = panel.get_by_role("listitem").first
    expect(first).to_contain_text(NEW)
    expect(first).to_contain_text(re.compile("CPU (899|900|901) → (299|300|301) millicores"))
    expect(panel.get_by_role("listitem")).to_have_count(1)
    row = page.get_by_role("region", name="Values at the cursor").locator("tbody tr", has_text="web")
    expect(row.locator("td").first).to_contain_text(re.compile("\N{MINUS SIGN}(59|60)"))
    page.keyboard.press("t")
    table = page.get_by_role("group", name="CPU as a table")
    expect(table.get_by_role("row", name="web")).to_have_count(2)
    expect(table.get_by_role("row", name="web").nth(1)).to_contain_text("30 Dec 2025")
    assert page_errors == []


def test_a_range_is_chosen_with_the_keyboard_and_kept_while_the_view_moves(page: Page, url: str) -> None:
    page.goto(f"{url}{VIEW}")
    expect(lane(page, "CPU").locator(".peak")).to_be_attached()
    before = pale_pixels(page)
    page.keyboard.press("X")
    dialog = page.get_by_role("dialog", name="Compare with")
    dialog.get_by_role("combobox").fill("just before")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("vs=2025-12-30T16:10:00Z"))
    panel = page.get_by_role("region", name="What differs")
    expect(panel.get_by_role("status")).to_have_text("Nothing differs from the other range.")
    assert pale_pixels(page) > before + 500
    page.keyboard.press("X")
    dialog.get_by_role("combobox").fill("7 m")
    expect(dialog.get_by_role("option").first).to_contain_text("7 min earlier")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("vs=2025-12-30T16:08:00Z"))
    page.keyboard.press("a")
    expect(page).to_have_url(re.compile("vs=2025-12-30T16:06:45Z"))
    panel.get_by_role("button", name="Close").click()
    expect(panel).to_have_count(0)
    expect(page).not_to_have_url(re.compile("vs="))
    page.go_back()
    expect(panel).to_contain_text("7 min earlier")


def test_a_live_view_keeps_its_distance_and_a_range_without_data_is_said_to_have_none(page: Page, url: str) -> None:
    page.goto(f"{url}#last=15m&vs=-86400s")
    panel = page.get_by_role("region", name="What differs")
    expect(panel).to_contain_text("1 d earlier")
    expect(panel.get_by_role("status")).to_contain_text("Pause")
    page.goto("about:blank")
    page.goto(f"{url}{VIEW}&vs=2025-12-29T16:05:00Z")
    expect(panel.get_by_role("status")).to_contain_text("Nothing was recorded in the other range, 29 Dec 2025")


def test_another_container_lies_under_one_at_the_same_time(page: Page, url: str) -> None:
    page.goto(f"{url}{VIEW}&show=000000000002")
    expect(lane(page, "CPU").locator(".peak")).to_be_attached()
    page.keyboard.press("X")
    page.get_by_role("dialog", name="Compare with").get_by_role("combobox").fill("another container")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Under web: which container?")
    dialog.get_by_role("combobox").fill("db")
    expect(dialog.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    panel = page.get_by_role("region", name="What differs")
    expect(panel.get_by_role("heading")).to_have_text("Compared with db in default/db-0")
    (item,) = [panel.get_by_role("listitem")]
    expect(item).to_have_count(1)
    expect(item).to_contain_text(re.compile("CPU (199|200|201) → (299|300|301) millicores"))
    expect(page).to_have_url(re.compile("vs=2025-12-30T16:15:00Z&pair=000000000002,000000000003"))
    page.reload()
    expect(panel.get_by_role("heading")).to_have_text("Compared with db in default/db-0")
