"""Fixtures: a real browser, its pages, and viewers whose pages it opens.

The main tests also run in Firefox: those that are marked with `both_browsers`.
"""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.browser.browsers import EXECUTABLES, MODULES, PATIENCE_MS, launch
from tests.support.browser.daemons import collector, viewer
from tests.support.incidents import unpacked
from tests.support.processes import free_port


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test in Chromium, and in Firefox, too, if it is marked with `both_browsers`."""
    if "browser_name" in metafunc.fixturenames:
        is_marked = metafunc.definition.get_closest_marker("both_browsers") is not None
        metafunc.parametrize("browser_name", ["chromium", "firefox"] if is_marked else ["chromium"], scope="module")


@pytest.fixture(scope="module")
def browser(browser_name: str) -> Iterator[Browser]:
    """A browser for one module.

    While it runs, Playwright has an event loop, and an async test could not start a second one.
    """
    if shutil.which(EXECUTABLES[browser_name]) is None:
        pytest.skip(f"no {EXECUTABLES[browser_name]}; install it to run the browser tests")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        launched = launch(playwright, browser_name)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def viewer_url(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: ARG001 - without a browser it skips before the daemons start
    """The address of a viewer whose data is being recorded."""
    folder = tmp_path_factory.mktemp("live")
    with collector(folder / "host", folder / "data"), viewer(folder / "data", free_port()) as url:
        yield url


@pytest.fixture(scope="module")
def incidents_url(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: ARG001 - as above
    """The address of a viewer of the recorded incidents."""
    with viewer(unpacked(tmp_path_factory.mktemp("incidents")), free_port()) as url:
        yield url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page in the light theme, 1440 by 900."""
    opened = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light")
    opened.set_default_timeout(PATIENCE_MS)
    opened.add_init_script(MODULES)
    # With the first listener, Playwright tells the browser to pass choosers on, and does not wait for that.
    opened.on("filechooser", lambda _: None)
    yield opened
    opened.context.close()


@pytest.fixture
def page_errors(page: Page) -> list[str]:
    """The errors and warnings in the browser's console, the failed responses, and the requests to another origin."""
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "response",
        lambda response: errors.append(f"{response.status} {response.url}") if response.status >= 400 else None,
    )
    page.on(
        "request",
        lambda request: errors.append(request.url) if not request.url.startswith("http://127.0.0.1:") else None,
    )
    return errors
