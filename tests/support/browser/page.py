"""Actions on the page and waits for it."""

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.support.browser.browsers import PATIENCE_MS

RANGES = """async () => {
    const { charts } = await fgm('chart/lane');
    return Object.fromEntries([...charts].map(([key, u]) => [key, [u.scales.x.min, u.scales.x.max]]));
}"""


def until(page: Page, condition: Callable[[], bool]) -> None:
    """Wait until a condition holds. Playwright's own waiting treats a promise as true."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true"
        page.wait_for_timeout(50)


def lane(page: Page, title: str) -> Locator:
    """Return a lane by its title."""
    return page.get_by_role("region", name=title, exact=True)


def open_page(page: Page, url: str) -> None:
    """Open the page and wait until the memory lane has lines."""
    page.goto(url)
    expect(lane(page, "Memory").locator(".peak")).to_be_attached()


def ranges(page: Page) -> dict[str, list[float]]:
    """Return the range of time of each lane, epoch s."""
    by_lane: dict[str, list[float]] = page.evaluate(RANGES)
    return by_lane


def plot_box(page: Page, title: str) -> dict[str, float]:
    """Return the position of the plot of a lane as soon as it is drawn."""
    boxes: list[Any] = []

    def is_drawn() -> bool:
        boxes.append(lane(page, title).locator(".u-over").bounding_box())
        return boxes[-1] is not None

    until(page, is_drawn)
    return dict(boxes[-1])


def drag(page: Page, from_share: float, to_share: float) -> None:
    """Drag the mouse over the memory lane, between two shares of its width."""
    box = plot_box(page, "Memory")
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + from_share * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + to_share * box["width"], y, steps=4)
    page.mouse.up()


def titles(page: Page) -> list[str]:
    """Return the titles of all lanes, from the top."""
    return page.locator(".lane").evaluate_all("(all) => all.map((lane) => lane.ariaLabel)")  # type: ignore[no-any-return]  # a list of strings
