"""The drawn pixels: spikes, gaps, lone samples, OOM kills, lives, limits, throttling and pressure."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.daemons import viewer
from tests.support.browser.page import lane, open_page, until
from tests.support.browser.page_state import state, view_s
from tests.support.browser.pixels import pixels
from tests.support.incidents import PLANTED
from tests.support.processes import free_port
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, chunk, container, counting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

USAGE = "cpu.stat.usage_usec"
DAY_S = 86_400
CONTAINER = container(1)
LINK = f"#from=2025-12-30T16:00:00Z&to={{to}}&show={CONTAINER.key[:12]}"


def to_iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def x_of(page: Page, epoch_s: float) -> float:
    """Return the position of an instant on the canvas of a lane.

    Unit: CSS px
    """
    from_s, to_s = view_s(page)
    plot = state(page, "plot")
    return float(plot["left"] + (epoch_s - from_s) / (to_s - from_s) * plot["width"])


def test_each_of_six_bursty_series_can_be_followed_over_a_day(page: Page, tmp_path: Path) -> None:
    """All reach the same height in each pixel column. Each mean has its colour in most of them."""
    numbers = np.random.default_rng(1)
    data = DataDirectory(tmp_path, rotation_s=900)
    chunks = []
    for number in range(1, 7):
        busy = numbers.random(DAY_S) < number / 8
        chunks.append(chunk(container(number), T0, {USAGE: np.cumsum(np.where(busy, 9e5, 1e4)).tolist()}))
    data.parquet(counting(NODE, T0, DAY_S), *chunks)
    data.write_index(*[(container(number), T0, T0 + 1000 * DAY_S - 1000) for number in range(1, 7)])
    shown = ",".join(container(number).key[:12] for number in range(1, 7))
    with viewer(tmp_path, free_port()) as url:
        page.goto(f"{url}#from=2025-12-30T16:00:00Z&to=2025-12-31T16:00:00Z&show={shown}")
        until(page, lambda: state(page, "meanSamples") is not None)
        plot = lane(page, "CPU").locator(".plot")
        width = state(page, "plot")["width"]
        for number in range(1, 7):
            token = f"c{number}"
            until(page, lambda token=token: len({x for x, _ in pixels(plot, token)}) > 0.9 * width)  # type: ignore[misc]


def test_a_spike_of_one_second_is_visible_in_a_view_of_a_day(page: Page, tmp_path: Path) -> None:
    """A spike of one sample among 86,400 reaches its height in its own pixel column, and only there."""
    used = np.full(DAY_S, 1e4)
    spike = DAY_S // 2 + 17
    used[spike] = 9e5
    data = DataDirectory(tmp_path, rotation_s=900)
    data.parquet(counting(NODE, T0, DAY_S), chunk(CONTAINER, T0, {USAGE: np.cumsum(used).tolist()}))
    data.write_index((CONTAINER, T0, T0 + 1000 * DAY_S - 1000))
    with viewer(tmp_path, free_port()) as url:
        page.goto(url + LINK.format(to="2025-12-31T16:00:00Z"))
        expect(page.locator(".badge")).to_have_text("97 s/px")
        until(page, lambda: not state(page, "loading"))
        cpu = lane(page, "CPU")
        expect(cpu.locator(".peak")).to_contain_text("max 900 at")
        until(page, lambda: len(pixels(cpu.locator(".plot"), "c1")) > 500)
        middle = cpu.locator(".plot").evaluate("(plot) => plot.clientHeight / 2")
        high = [x for x, y in pixels(cpu.locator(".plot"), "c1") if y < middle]
        assert high, "the spike is not drawn"
        assert max(abs(x - x_of(page, T0 / 1000 + spike)) for x in high) <= 3


def test_a_gap_is_not_bridged_and_a_lone_sample_is_a_dot(page: Page, tmp_path: Path) -> None:
    values = [5e7 if second < 100 or second == 150 or second >= 200 else None for second in range(300)]
    data = DataDirectory(tmp_path)
    data.parquet(counting(NODE, T0, 300), chunk(CONTAINER, T0, {"memory.current": values}))
    data.write_index((CONTAINER, T0, T0 + 299_000))
    with viewer(tmp_path, free_port()) as url:
        open_page(page, url + LINK.format(to="2025-12-30T16:05:00Z"))
        plot = lane(page, "Memory").locator(".plot")

        def at(second: int) -> float:
            return x_of(page, T0 / 1000 + second)

        until(page, lambda: len(pixels(plot, "c1", at(0), at(99))) > 100)
        assert pixels(plot, "c1", at(102), at(148)) == []
        assert pixels(plot, "c1", at(152), at(198)) == []
        assert len(pixels(plot, "c1", at(148), at(152))) >= 4


def test_kills_throttling_and_pressure_have_their_colours_at_their_times(page: Page, incidents_url: str) -> None:
    """The end of the killed line is red-orange, the strip below CPU is amber, the one below I/O is violet."""
    open_page(page, incidents_url)
    until(page, lambda: state(page, "explainingSamples") is not None and len(state(page, "events")) > 0)
    memory, cpu, disk = (lane(page, title) for title in ("Memory", "CPU", "I/O"))

    killed = x_of(page, PLANTED["oom_kill"]["at_ms"] / 1000)
    until(page, lambda: len(pixels(memory.locator(".plot"), "oom")) > 10)
    assert all(abs(x - killed) < 12 for x, _ in pixels(memory.locator(".plot"), "oom"))

    left = state(page, "plot")["left"]
    throttled = [x_of(page, PLANTED["throttling"][name] / 1000) - left for name in ("began_ms", "ended_ms")]
    hatched = cpu.locator(".ribbon canvas")
    until(page, lambda: len(pixels(hatched, "thr", *throttled)) > 100)
    # The quota of the pod of payments ran out in three periods before, while that was started again.
    assert len(pixels(hatched, "thr", 0, throttled[0] - 40)) < 10

    noisy = [x_of(page, PLANTED["noisy_neighbour"][name] / 1000) - left for name in ("began_ms", "ended_ms")]
    violet = disk.locator(".ribbon canvas")
    until(page, lambda: len(pixels(violet, "psi", *noisy)) > 200)
    assert len(pixels(violet, "psi", 0, noisy[0] - 5)) < len(pixels(violet, "psi", *noisy)) / 5


def test_a_restarted_container_is_a_new_line_in_the_same_colour(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    page.get_by_label("Search containers").fill("payments")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("life 2")
    lives = page.evaluate(
        """async () => {
            const { charts } = await fgm('chart/lane');
            return charts.get("memory").series.slice(1).map(({ stroke }) => stroke());
        }"""
    )
    assert len(lives) == 2
    assert len(set(lives)) == 1


def test_dots_are_on_the_values_after_the_axis_has_changed(page: Page, incidents_url: str) -> None:
    """Limits are loaded after the lines and may extend an axis."""
    at_ms = PLANTED["oom_kill"]["at_ms"] // 1000 * 1000
    view = f"from={to_iso(at_ms - 40_000)}&to={to_iso(at_ms + 80_000)}"
    open_page(page, f"{incidents_url}#{view}&at={to_iso(at_ms)}")
    until(page, lambda: state(page, "explainingSamples") is not None)
    page.wait_for_timeout(500)
    coloured = page.evaluate(
        """async (at) => {
            const [{ charts }, { laneSamples, interval_ms }, { shown }, { linesOf, highestIn }] =
                await Promise.all(["chart/lane", "state/store", "state/shown", "lib/lines"].map(fgm));
            const u = charts.get("memory"), cursor = document.querySelector("canvas.cursor");
            const copy = new OffscreenCanvas(cursor.width, cursor.height).getContext("2d");
            copy.drawImage(cursor, 0, 0);
            const ratio = devicePixelRatio, top = (element) => element.getBoundingClientRect().top;
            const begin = top(u.root) - top(cursor);
            const values = shown.value.flatMap(({ ids }) => linesOf(laneSamples.value, "memory_working_set", ids))
                .map((line) => highestIn(line, at, at + interval_ms.value)).filter((value) => value !== null);
            const y = begin + u.bbox.top / ratio + u.valToPos(Math.max(...values), "y");
            const { data } = copy.getImageData(0, Math.round((y - 2) * ratio), cursor.width, Math.round(4 * ratio));
            let coloured = 0;
            for (let i = 3; i < data.length; i += 4) coloured += data[i] > 200;
            return coloured;
        }""",
        at_ms,
    )
    assert coloured > 12, "there is no dot at the highest value"


def test_a_gap_at_the_edge_of_the_view_is_hatched_and_one_that_fills_it_is_explained(
    page: Page, tmp_path: Path
) -> None:
    data = DataDirectory(tmp_path)
    for start in (0, 180):
        data.parquet(*(counting(series, T0 + 1000 * start, 120) for series in (NODE, CONTAINER)))
    data.write_index((CONTAINER, T0, T0 + 299_000))
    with viewer(tmp_path, free_port()) as url:
        page.goto(f"{url}#from=2025-12-30T16:02:20Z&to=2025-12-30T16:04:00Z&show={CONTAINER.key[:12]}")
        expect(lane(page, "CPU").locator(".peak")).to_be_attached()
        plot = lane(page, "CPU").locator(".plot")

        def hatched(begin: int, end: int) -> int:
            left, right = (x_of(page, T0 / 1000 + second) for second in (begin, end))
            return len(pixels(plot, "gap", left, right, least_alpha=60))

        until(page, lambda: hatched(140, 178) > 100)
        assert hatched(185, 238) == 0
        page.goto(f"{url}#from=2025-12-30T16:02:20Z&to=2025-12-30T16:02:50Z&show={CONTAINER.key[:12]}")
        page.reload()
        expect(lane(page, "CPU").locator(".why")).to_have_text("Nothing was recorded on this node in this range.")
