"""What tests ask the page's own modules."""

from typing import Any

from playwright.sync_api import Page


def module(name: str) -> str:
    """JavaScript that gives a module of the page: the one that it runs, not a second one."""
    return f'(await import(document.scripts[0].src.replace("main.js", "{name}.js")))'


def state(page: Page, name: str) -> Any:
    """Return the value of a signal of the page's store."""
    return page.evaluate(f"async () => {module('store')}.{name}.value")


def view_s(page: Page) -> tuple[float, float]:
    """Return the range in view, epoch s."""
    view = state(page, "view")
    return view["from_ms"] / 1000, view["to_ms"] / 1000
