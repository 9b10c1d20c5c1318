"""The search language of the container list."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.page import open_page

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

DATA = {"ledger-db", "batch-import", "search-indexer", "db-migrate"}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("ledger", {"ledger-db"}),
        ("LEDGER db", {"ledger-db"}),
        ("ns:data", DATA),
        ("ns:data !ledger", DATA - {"ledger-db"}),
        ("app=redis-cache", {"redis-cache"}),
        ("app=redis", {"redis-cache"}),
        ("!ns:data !ns:shop !ns:edge", {"metrics-agent", "config-sync"}),
        ("pod:payments", {"payments"}),
        ("paymnets", {"payments"}),
        ("serach-indxer", {"search-indexer"}),
        ("nobody", set()),
    ],
)
def test_the_search_understands_words_fields_labels_negation_and_typos(
    page: Page, incidents_url: str, query: str, names: set[str]
) -> None:
    open_page(page, incidents_url)
    page.get_by_label("Search containers").fill(query)
    expect(page.locator(".containers li .name").first if names else page.get_by_text("Nothing matches")).to_be_visible()
    assert set(page.locator(".containers li .name").all_inner_texts()) == names


def test_the_chip_of_a_namespace_shows_only_its_containers(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    page.get_by_role("group", name="Namespace").get_by_role("button", name="data 4").click()
    assert set(page.locator(".containers li .name").all_inner_texts()) == {"worker-3"} | DATA


def test_every_row_has_a_sparkline(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    rows = page.locator(".containers li")
    expect(page.locator(".containers li .spark path")).to_have_count(rows.count())
