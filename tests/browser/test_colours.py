"""A workload keeps its colour when the selection changes, when the tab is reloaded, and after a link has set it."""

import pytest
from playwright.sync_api import Page

from tests.support.browser.page import open_page, until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]


def slots(page: Page) -> dict[str, int]:
    """Return the colour slot of every series that is shown."""
    by_series: dict[str, int] = page.evaluate(
        """async () => {
            const { shown } = await fgm('state/shown');
            return Object.fromEntries(shown.value.map(({ series, slot }) => [series.id, slot]));
        }"""
    )
    return by_series


def test_a_workload_keeps_its_colour_after_a_selection_and_a_reload(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    before = slots(page)
    *_, first, last = sorted(before, key=before.__getitem__)
    page.evaluate("async (ids) => (await fgm('state/view')).showThese(ids)", [last, first])
    assert slots(page) == {last: before[last], first: before[first]}
    page.reload()
    until(page, lambda: slots(page) == {last: before[last], first: before[first]})


def test_the_colours_of_a_link_win_and_are_kept(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    first, second, third = list(slots(page))[:3]
    page.goto(f"{incidents_url}#show={first},{second}&colours=4,2")
    until(page, lambda: slots(page) == {first: 3, second: 1})
    page.goto(f"{incidents_url}#show={third},{second},{first}")
    until(page, lambda: len(slots(page)) == 3)
    assert (slots(page)[first], slots(page)[second]) == (3, 1)
    page.goto(f"{incidents_url}#show={first},{second}&colours=2,2")
    until(page, lambda: slots(page) == {first: 1, second: 0})
