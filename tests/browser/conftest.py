"""A real Chromium, and the two real daemons on a captured host for it to look at."""

import contextlib
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.captured_host import captured_host
from tests.support.incidents import unpacked
from tests.support.processes import free_port

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
PATIENCE_MS = 20_000
MODULES = (
    """window.fgm = (name) => import(document.querySelector("[type=module]").src.replace("main.js", `${name}.js`));"""
)
"""`fgm(name)` in a page: the module that it runs, not a second one."""


@contextlib.contextmanager
def start(module: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m module` until the block is left."""
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def collector(folder: Path, data_dir: Path) -> Iterator[None]:
    """Record the captured host, unpacked in `folder`, into `data_dir`."""
    host = captured_host(folder)
    with start("fgm.collector", "--data-dir", str(data_dir), "--rotation-seconds", "30", *host.flags):
        yield


@contextlib.contextmanager
def viewer(data_dir: Path, port: int, *flags: str) -> Iterator[str]:
    """Serve `data_dir`; yields the page's address as soon as it answers."""
    with start("fgm.viewer", str(data_dir), "--port", str(port), "--no-browser", *flags):
        url = f"http://127.0.0.1:{port}/"
        deadline = time.monotonic() + PATIENCE_MS / 1000
        while True:
            try:
                with urllib.request.urlopen(f"{url}api/health", timeout=2):
                    break
            except OSError:
                assert time.monotonic() < deadline, "the viewer does not answer"
                time.sleep(0.05)
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Playwright runs an event loop of its own while it is there, in which no other test could start one."""
    if shutil.which(CHROMIUM) is None:
        pytest.skip(f"no Chromium at {CHROMIUM}; install it to run the browser tests")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def viewer_url(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: ARG001 - skips first where there is no browser
    """A viewer whose data is being recorded; it starts only where there is a browser to see it."""
    folder = tmp_path_factory.mktemp("live")
    with collector(folder / "host", folder / "data"), viewer(folder / "data", free_port()) as url:
        yield url


@pytest.fixture(scope="module")
def incidents_url(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: ARG001 - as above
    """A viewer of the recorded incidents."""
    with viewer(unpacked(tmp_path_factory.mktemp("incidents")), free_port()) as url:
        yield url


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page in the light theme, 1440 by 900."""
    opened = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light")
    opened.set_default_timeout(PATIENCE_MS)
    opened.add_init_script(MODULES)
    yield opened
    opened.context.close()


def until(page: Page, condition: Callable[[], bool]) -> None:
    """Wait until a condition holds; Playwright's own waiting takes a promise for true."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not condition():
        assert time.monotonic() < deadline, "it never became so"
        page.wait_for_timeout(50)


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What a developer's console would show in red: errors, refusals, requests that leave the origin."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("response", lambda answer: heard.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    page.on(
        "request",
        lambda request: heard.append(request.url) if not request.url.startswith("http://127.0.0.1:") else None,
    )
    return heard
