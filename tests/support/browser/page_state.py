"""The state that the modules of the page hold."""

from typing import Any

from playwright.sync_api import Page

SNAPSHOT = """async () => {
    const { range, picked } = await fgm('state/store');
    return JSON.stringify([location.hash, range.value, picked.value]);
}"""
"""Script that returns the address, range and selected containers of the page, as one text."""


def state(page: Page, name: str) -> Any:
    """Return the value of a signal of the store."""
    return page.evaluate(f"async () => (await fgm('state/store')).{name}.value")


def view_s(page: Page) -> tuple[float, float]:
    """Return the range in view, epoch s."""
    view = state(page, "view")
    return view["from_ms"] / 1000, view["to_ms"] / 1000
