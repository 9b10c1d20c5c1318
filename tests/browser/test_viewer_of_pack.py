"""The page of a viewer that serves a pack says what it shows: when it was saved, by what, and what it contains."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from fgm import cli
from tests.support.browser.daemons import viewer
from tests.support.browser.page import open_page, ranges
from tests.support.processes import free_port
from tests.support.recorded_incidents import truth, unpacked

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

RECORDING = "incidents"


@pytest.fixture(scope="module")
def url(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: ARG001 - without a browser it skips before the viewer starts
    """The address of a viewer of a pack in which the names of pods are left out."""
    folder: Path = tmp_path_factory.mktemp("pack")
    path = folder / "pack.html"
    arguments = ["save", str(unpacked(RECORDING, folder)), "--last", "2m", "-o", str(path), "--redact", "pods"]
    assert cli.main(arguments) == 0
    with viewer(path, free_port()) as address:
        yield address


def test_the_page_says_what_the_pack_contains_and_shows_its_newest_data(
    page: Page, url: str, page_errors: list[str]
) -> None:
    open_page(page, url)
    banner = page.locator(".banner", has_text="pack.html was saved on ")

    expect(banner).to_contain_text("by fgm 0.1.0. It contains ")
    expect(banner).to_contain_text("Names were replaced (pods).")
    (_, to_s), *_ = ranges(page).values()
    assert abs(to_s - truth(RECORDING)["ended_ms"] / 1000) < 120
    assert page_errors == []
