"""What tests ask the page's own modules."""

from typing import Any

from playwright.sync_api import Page


def state(page: Page, name: str) -> Any:
    """Return the value of a signal of the page's store."""
    return page.evaluate(f"async () => (await fgm('state/store')).{name}.value")


def view_s(page: Page) -> tuple[float, float]:
    """Return the range in view, epoch s."""
    view = state(page, "view")
    return view["from_ms"] / 1000, view["to_ms"] / 1000
