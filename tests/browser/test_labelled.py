"""Lanes with a line for each label: which disk a container uses, and how full the file systems of the node are."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from fgm.store.samples.series import Series
from fgm.store.tables.table_rows import LabelledRow
from tests.support.browser.daemons import viewer
from tests.support.browser.page import lane, open_page
from tests.support.processes import free_port
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, container, counting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

MIB, SECONDS = 1 << 20, 90
VIEW = "#from=2025-12-30T16:00:00Z&to=2025-12-30T16:01:30Z"


def rows(series: Series, metric: str, label: str, per_second: float, base: float = 0.0) -> list[LabelledRow]:
    names = (series.container_id, series.container_name, series.pod_name, series.namespace, series.pod_uid)
    return [
        LabelledRow(T0 + 1000 * t, series.scope, *names, series.cgroup, metric, label, base + per_second * t)
        for t in range(0, SECONDS, 10)
    ]


@pytest.fixture(scope="module")
def url(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: ARG001 - without a browser it skips before the daemon starts
    folder: Path = tmp_path_factory.mktemp("labelled")
    data = DataDirectory(folder)
    data.parquet(counting(NODE, T0, SECONDS), counting(container(1, "writer"), T0, SECONDS))
    table = [
        *rows(container(1, "writer"), "io.stat.wbytes", "nvme0n1", 40 * MIB),
        *rows(container(1, "writer"), "io.stat.rbytes", "nvme0n1", 10 * MIB),
        *rows(container(1, "writer"), "io.stat.wbytes", "sdb", 2 * MIB),
        *rows(NODE, "filesystem.available_bytes", "/var/lib", -MIB, base=9000 * MIB),
    ]
    data.table("labelled", 0, table)
    with viewer(folder, free_port()) as address:
        yield address


def test_one_key_shows_which_disk_a_container_uses(page: Page, url: str, page_errors: list[str]) -> None:
    open_page(page, f"{url}{VIEW}")
    page.keyboard.press("b")
    disks = lane(page, "I/O by disk of writer")

    expect(disks.locator(".peak")).to_contain_text("nvme0n1")
    expect(disks.locator(".peak")).to_contain_text("50.0")
    assert "labelled:io_bytes_per_s:" in page.url.replace("%3A", ":")
    page.keyboard.press("t")
    expect(disks.locator("tbody tr")).to_have_count(2)
    expect(disks.locator("tbody")).to_contain_text("sdb")
    page.reload()
    expect(disks.locator(".peak")).to_contain_text("nvme0n1")
    assert page_errors == []


def test_the_file_systems_of_the_node_are_chosen_like_a_metric(page: Page, url: str, page_errors: list[str]) -> None:
    open_page(page, f"{url}{VIEW}")
    page.keyboard.press("+")
    page.keyboard.type("space left")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    file_systems = lane(page, "File system space left")

    expect(file_systems.locator(".peak")).to_contain_text("/var/lib")
    assert page_errors == []


def test_without_values_a_lane_says_so(page: Page, url: str) -> None:
    open_page(page, f"{url}{VIEW}&lanes=memory,labelled:dmem.current:node")
    expect(page.get_by_text("No such values were recorded in this range.")).to_be_visible()
