"""The wall: all containers at once, a row each, with what happened to them."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser.daemons import viewer
from tests.support.browser.page import lane, open_page, until
from tests.support.browser.page_state import state
from tests.support.browser.pixels import pixels
from tests.support.incidents import PLANTED
from tests.support.processes import free_port
from tests.support.viewer.data_directory import MEMORY, NODE, T0, DataDirectory, chunk, container, counting, id_of

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

ROWS = """async (lane) => {
    const { walls } = await fgm('derived/wall-rows');
    const { wallIdsKey } = await fgm('state/wall/wall-data');
    const wall = walls.value.get(lane);
    return wall?.cells.idsKey === wallIdsKey.value ? wall.rows.map(({ name }) => name) : [];
}"""
"""Script that returns the names of the rows of a wall; none while it still shows another kind of rows."""
SETTING = "async (name) => (await fgm('state/wall/walls'))[name].value"

DOTS = """() => {
    const cursor = document.querySelector("canvas.cursor");
    const { data } = cursor.getContext("2d").getImageData(0, 0, Math.max(1, cursor.width), Math.max(1, cursor.height));
    return data.reduce((count, value, i) => count + (i % 4 === 3 && value > 0 ? 1 : 0), 0);
}"""
"""Script that returns the number of pixels of the cursor: those of the dots on the lines, while it has no place."""


def names(page: Page, key: str = "cpu") -> list[str]:
    """Return the names of the rows of a wall, from the top."""
    rows: list[str] = page.evaluate(ROWS, key)
    return rows


def setting(page: Page, name: str) -> Any:
    """Return the value of a signal of the walls."""
    return page.evaluate(SETTING, name)


def canvas(page: Page, title: str) -> Locator:
    return lane(page, title).locator("canvas").first


def rows_of_pixels(page: Page, title: str, key: str, token: str) -> dict[str, list[float]]:
    """Return the rows of a wall that have pixels of a colour, each with the instants of these pixels, epoch ms."""
    wall = canvas(page, title)
    height: int = wall.evaluate("(canvas) => canvas.height")
    rows, plot, view = names(page, key), state(page, "plot"), state(page, "view")
    found: dict[str, list[float]] = {}
    for x, y in pixels(wall, token, plot["left"]):
        share = (x - plot["left"] + 0.5) / plot["width"]
        instant = view["from_ms"] + share * (view["to_ms"] - view["from_ms"])
        found.setdefault(rows[int((y + 0.5) * len(rows) / height)], []).append(instant)
    return found


def open_walls(page: Page, url: str, fragment: str = "#walls=cpu,memory,io") -> None:
    page.goto(f"{url}{fragment}")
    for key in ("cpu", "memory", "io"):
        until(page, lambda key=key: len(names(page, key)) > 5)  # type: ignore[misc]  # mypy does not infer a default of a lambda


def test_what_happened_to_whom_is_marked_in_the_rows(page: Page, incidents_url: str, page_errors: list[str]) -> None:
    """Throttling is in the row of the throttled, pressure in that of the victim, too, and a cross at the killed one."""
    open_walls(page, incidents_url)
    throttling, noise, kill = PLANTED["throttling"], PLANTED["noisy_neighbour"], PLANTED["oom_kill"]
    until(page, lambda: "api-gateway" in rows_of_pixels(page, "CPU", "cpu", "thr"))
    until(page, lambda: "payments" in rows_of_pixels(page, "Memory", "memory", "oom"))
    until(page, lambda: "ledger-db" in rows_of_pixels(page, "I/O", "io", "psi"))

    amber = rows_of_pixels(page, "CPU", "cpu", "thr")
    longest = max(amber, key=lambda name: len(amber[name]))
    assert longest == "api-gateway"
    within = [throttling["began_ms"] - 2000 <= ms <= throttling["ended_ms"] + 2000 for ms in amber[longest]]
    assert sum(within) > 0.8 * len(within)
    assert all(abs(ms - kill["at_ms"]) < 5000 for ms in rows_of_pixels(page, "Memory", "memory", "oom")["payments"])
    violet = rows_of_pixels(page, "I/O", "io", "psi")["ledger-db"]
    assert all(noise["began_ms"] - 5000 <= ms <= noise["ended_ms"] + 5000 for ms in violet)
    assert names(page, "io")[0] == "batch-import"  # the most used row is the first
    assert page_errors == []


def test_the_row_under_the_pointer_is_named_with_its_value_at_the_cursor(page: Page, incidents_url: str) -> None:
    """A click keeps the row and the time; both are in the link. The list at the side ranks all rows at the cursor."""
    open_walls(page, incidents_url)
    box = lane(page, "CPU").locator(".rows").bounding_box()
    assert box is not None
    rows = names(page)
    index = rows.index("redis-cache")
    x, y = box["x"] + box["width"] / 2, box["y"] + (index + 0.5) * box["height"] / len(rows)
    page.mouse.move(x, y)
    expect(lane(page, "CPU").locator(".peak")).to_contain_text(
        re.compile(r"^redis-cache in shop/redis-cache-0: \d+ at ")
    )
    expect(page.locator(".ledger tbody .current")).to_contain_text("redis-cache")
    expect(page.locator(".ledger tbody > tr")).to_have_count(len(rows))
    page.mouse.click(x, y)
    page.mouse.move(5, 5)
    expect(page.locator(".ledger tbody .current")).to_contain_text("redis-cache")
    assert state(page, "pinned_ms") is not None
    address = page.url
    assert "row=shop%2Fredis-cache-0%2Fredis-cache" in address or "row=shop/redis-cache-0/redis-cache" in address
    page.goto("about:blank")
    page.goto(address)
    until(page, lambda: len(names(page)) > 5)
    expect(page.locator(".ledger tbody .current")).to_contain_text("redis-cache")
    page.keyboard.press("Escape")
    expect(page.locator(".ledger tbody .current")).to_have_count(0)


def test_a_button_of_the_list_that_has_the_focus_stays_that_of_its_row(page: Page, incidents_url: str) -> None:
    """At each time, other rows are first. Without the focus in it, a place of the list keeps its elements."""
    open_walls(page, incidents_url)
    place = 3
    labels = "[...document.querySelectorAll('.ledger tbody .disclose')].map((button) => button.ariaLabel)"
    focused = "document.activeElement.ariaLabel"
    until(page, lambda: page.evaluate(f"{labels}.length") > 5)
    page.locator(".ledger").focus()
    for _ in range(2 * place + 8):  # there are other buttons, too
        if page.evaluate(f"{labels}.indexOf({focused})") < place:
            page.keyboard.press("Tab")
    chosen = page.evaluate(focused)
    box = lane(page, "CPU").locator(".rows").bounding_box()
    assert box is not None
    orders = set()
    for step in range(1, 10):
        page.mouse.move(box["x"] + step * box["width"] / 10, box["y"] + 20)
        page.evaluate("() => new Promise(requestAnimationFrame)")
        page.evaluate("() => new Promise(requestAnimationFrame)")
        orders.add(tuple(page.evaluate(labels)))
        assert page.evaluate(focused) in {chosen, None}

    assert len({order[place] for order in orders}) > 1, "other rows have its place"


def test_everything_on_a_wall_has_a_key_and_is_in_the_link(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    expect(page.locator(".lane.wall")).to_have_count(0)
    page.keyboard.press("v")
    expect(page.locator(".lane.wall")).to_have_count(1)
    page.keyboard.press("V")
    expect(page.locator(".lane.wall")).to_have_count(3)
    until(page, lambda: len(names(page)) > 5)
    by_use = names(page)
    page.keyboard.press("r")
    until(page, lambda: names(page) == sorted(by_use))
    page.keyboard.press("k")
    page.keyboard.press("g")
    until(page, lambda: setting(page, "rowKind") == "pod" and "batch-import-29402140-h4vcl" in names(page))
    page.keyboard.press("g")
    expect(lane(page, "CPU").locator(".settings")).to_contain_text("workloads")
    for part in ("walls=cpu,memory,io", "rows=workload", "order=name", "colour=limit"):
        assert part in page.url
    page.reload()
    until(page, lambda: len(names(page)) > 5)
    assert (setting(page, "rowKind"), setting(page, "rowOrder"), setting(page, "colourScale")) == (
        "workload",
        "name",
        "limit",
    )
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.keyboard.press("r")
    until(page, lambda: names(page) == by_use)
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(lane(page, "CPU").locator(".peak")).to_contain_text(by_use[2])
    page.keyboard.press("Enter")
    expect(page.locator(".lane.wall")).to_have_count(0)
    expect(page.locator(".ledger tbody > tr")).to_have_count(1)
    expect(page.locator(".ledger tbody")).to_contain_text(by_use[2])
    page.keyboard.press("Backspace")
    expect(page.locator(".lane.wall")).to_have_count(3)


def test_a_wall_as_a_table_has_the_rows_and_what_they_suffered(page: Page, incidents_url: str) -> None:
    open_walls(page, incidents_url)
    until(page, lambda: len(state(page, "kills")) > 0)
    page.keyboard.press("t")
    table = page.get_by_role("group", name="Memory as a table")
    expect(table.get_by_role("row").filter(has_text="payments")).to_contain_text("1 OOM kill")
    cpu = page.get_by_role("group", name="CPU as a table")
    throttled = cpu.get_by_role("row").filter(has_text="api-gateway")
    expect(throttled).to_contain_text("throttled in")
    expect(throttled).to_contain_text(re.compile(r"finding \d"))
    expect(cpu.get_by_role("row")).to_have_count(1 + len(names(page)))


def test_a_lane_that_becomes_a_wall_loses_the_dots_of_its_lines(page: Page, incidents_url: str) -> None:
    """They would be at heights that mean nothing among rows."""
    open_page(page, incidents_url)
    until(page, lambda: page.evaluate(DOTS) > 0)
    page.keyboard.press("V")
    until(page, lambda: page.evaluate(DOTS) == 0)


def test_a_workload_that_is_a_row_and_a_line_is_listed_once(page: Page, incidents_url: str) -> None:
    open_walls(page, incidents_url, "#walls=cpu,memory,io&rows=workload")
    until(page, lambda: len(state(page, "topSix")) > 0)
    listed = page.locator(".ledger tbody .name")
    expect(listed.filter(has_text="batch-import")).to_have_count(1)
    expect(listed.filter(has_text="redis-cache")).to_have_count(1)


def test_a_wall_says_that_all_data_is_older_than_the_range(page: Page, incidents_url: str) -> None:
    page.goto(f"{incidents_url}#last=5m&walls=cpu")
    expect(lane(page, "CPU")).to_contain_text("is older than this range")
    lane(page, "CPU").get_by_role("button", name="Show the newest data").click()
    until(page, lambda: len(names(page)) > 5)


def test_more_workloads_than_lines_can_show_are_a_wall_by_themselves(page: Page, tmp_path: Path) -> None:
    """Their samples are not loaded. `v` draws lines nevertheless, and few containers are lines."""
    data = DataDirectory(tmp_path)
    data.parquet(counting(NODE, T0, 300), *(counting(container(n), T0, 300, per_second=1e4 * n) for n in range(1, 31)))
    data.write_index(*((container(n), T0, T0 + 299_000) for n in range(1, 31)))
    span = "#from=2025-12-30T16:00:00Z&to=2025-12-30T16:05:00Z"
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    with viewer(tmp_path, free_port()) as url:
        page.goto(f"{url}{span}&show={','.join(id_of(n) for n in range(1, 31))}")
        until(page, lambda: len(names(page)) == 30)
        expect(page.locator(".lane.wall")).to_have_count(2)  # nothing is recorded of I/O
        assert names(page)[0] == "name-30"
        samples = [each for each in requested if "/api/timeseries" in each and f"{id_of(2)}" in each]
        assert samples == []
        page.keyboard.press("v")
        expect(lane(page, "CPU").locator(".plot")).to_be_visible()
        expect(lane(page, "CPU").locator(".peak")).to_contain_text("name-30")
        page.goto(f"{url}{span}&show={','.join(id_of(n) for n in range(1, 25))}")
        expect(lane(page, "CPU").locator(".peak")).to_contain_text("name-24")
        expect(page.locator(".lane.wall")).to_have_count(0)


LAST_MS = """async () => {
    const { walls } = await fgm('derived/wall-rows');
    const { cells, rows } = walls.value.get("memory") ?? { rows: [] };
    const last = Math.max(...rows.map((row) => row.cells.findLastIndex((value) => value === value)));
    return rows.length > 0 ? cells.grid.from_ms + last * cells.grid.column_ms : 0;
}"""
"""Script that returns the instant of the newest cell of the memory wall."""


def test_of_live_walls_only_new_columns_are_requested_all_at_once(
    page: Page, viewer_url: str, page_errors: list[str]
) -> None:
    lanes = "cpu,memory,memory.stat.anon"  # two of them have the same pressure
    page.goto(f"{viewer_url}#lanes={lanes}&walls={lanes}&last=1m")
    until(page, lambda: page.evaluate(LAST_MS) > 0)
    first_ms = page.evaluate(LAST_MS)
    until(page, lambda: page.evaluate(LAST_MS) >= first_ms + 2000)  # by then, all walls are there
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url) if "/api/wall" in request.url else None)
    until(page, lambda: page.evaluate(LAST_MS) >= first_ms + 8000)
    columns = [int(match[1]) for url in requested if (match := re.search(r"columns=(\d+)", url))]
    assert columns
    assert max(columns) < 20
    metrics = "total_cpu_usage_millicores,memory_working_set,memory.stat.anon,throttle_ratio,psi_memory_some_ratio"
    asked = {match[1] for url in requested if (match := re.search("metric=([^&]*)", url))}
    assert asked == {metrics}
    assert page_errors == []


def test_a_spike_of_a_second_in_one_of_165_rows_is_visible_in_a_view_of_a_day(page: Page, tmp_path: Path) -> None:
    """It is the only pixel column of the darkest colour, in its row, at its time."""
    day_s, number = 86_400, 97
    used = np.full(day_s, 1e6)
    spike = day_s // 2 + 17
    used[spike] = 1e8
    data = DataDirectory(tmp_path, rotation_s=7200)
    others = [container(n) for n in range(1, 166) if n != number]
    data.parquet(
        chunk(container(number), T0, {MEMORY: used.tolist()}),
        *(chunk(series, T0, {MEMORY: [2e6] * 1440}, step_ms=60_000) for series in (NODE, *others)),
        columns=(MEMORY,),
    )
    data.write_index(*((container(n), T0, T0 + 1000 * day_s - 1000) for n in range(1, 166)))
    with viewer(tmp_path, free_port()) as url:
        page.goto(f"{url}#from=2025-12-30T16:00:00Z&to=2025-12-31T16:00:00Z&lanes=memory&walls=memory&show={id_of(1)}")
        until(page, lambda: len(names(page, "memory")) == 165)
        until(page, lambda: len(rows_of_pixels(page, "Memory", "memory", "w4")) > 0)
        found = rows_of_pixels(page, "Memory", "memory", "w4")
    assert set(found) == {f"name-{number}"}
    column_ms = 1000 * day_s / state(page, "plot")["width"]
    assert all(abs(ms - T0 - 1000 * spike) <= 1.5 * column_ms for ms in found[f"name-{number}"])
