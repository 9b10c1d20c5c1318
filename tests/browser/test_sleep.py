"""A page that stays open while the viewer sleeps."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser.browsers import PATIENCE_MS
from tests.support.browser.daemons import collector
from tests.support.browser.page import lane, open_page, ranges, until
from tests.support.processes import free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@contextmanager
def sleeper(data_dir: Path, port: int) -> Iterator[int]:
    """Run a viewer that sleeps after a second without a connection; yields its pid."""
    command = [sys.executable, "-m", "fgm.viewer", str(data_dir), "--no-browser", "--port", str(port)]
    process = subprocess.Popen([*command, "--sleep-after-seconds", "1"], stdin=subprocess.DEVNULL)
    comm, deadline = Path(f"/proc/{process.pid}/comm"), time.monotonic() + PATIENCE_MS / 1000
    while comm.read_text() != "fgm-asleep\n":
        assert time.monotonic() < deadline, "the sleeper does not start"
        time.sleep(0.05)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def frozen(page: Page) -> Iterator[None]:
    """Stop the processes that run pages until the block is left, as a suspended computer does."""
    assert page.context.browser is not None
    devtools = page.context.browser.new_browser_cdp_session()
    processes = devtools.send("SystemInfo.getProcessInfo")["processInfo"]
    pids = [process["id"] for process in processes if process["type"] == "renderer"]
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def is_asleep(pid: int) -> bool:
    return not Path(f"/proc/{pid}/task/{pid}/children").read_text()


def test_a_page_that_was_frozen_over_a_sleep_continues(page: Page, page_errors: list[str], tmp_path: Path) -> None:
    """A browser freezes pages in the background, and a laptop that is closed stops all."""
    data, port = tmp_path / "data", free_port()
    with collector(tmp_path / "host", data), sleeper(data, port) as pid:
        assert is_asleep(pid)
        open_page(page, f"http://127.0.0.1:{port}/")
        until(page, lambda: bool(ranges(page)))
        edge_s = max(to_s for _, to_s in ranges(page).values())
        with frozen(page):
            deadline = time.monotonic() + PATIENCE_MS / 1000
            while not is_asleep(pid):
                assert time.monotonic() < deadline, "the viewer does not sleep"
                time.sleep(0.05)

        until(page, lambda: max(to_s for _, to_s in ranges(page).values()) > edge_s + 5)
        expect(lane(page, "Memory").locator(".peak")).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0)
        assert not is_asleep(pid)
    assert page_errors == []
