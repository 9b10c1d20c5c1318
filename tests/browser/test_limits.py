"""Limits of groups: whose they are, in the table at the cursor, on the lanes and in the strip of throttling."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from fgm.store.index.index_file import Facts
from fgm.store.samples.chunk import Chunk
from fgm.store.samples.series import Series
from tests.support.browser.daemons import viewer
from tests.support.browser.page import lane, open_page, until
from tests.support.browser.page_state import state
from tests.support.browser.pixels import pixels
from tests.support.processes import free_port
from tests.support.viewer.data_directory import COLUMNS, NODE, T0, DataDirectory, chunk, container, counting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

MIB = 1 << 20
SECONDS = 120
POD_PATH = "/kubepods/burstable/podp"
POD = Series("pod", pod_uid="p", pod_name="shop", namespace="default", cgroup=POD_PATH, node_name="node-1")
LIMIT_COLUMNS = (
    *("memory.max", "effective_memory_max", "effective_memory_max_depth", "memory.events.oom_group_kill"),
    *("effective_memory_high", "effective_memory_high_depth", "cpu_quota_usec", "cpu_period_usec"),
    *("effective_cpu_limit_millicores", "effective_cpu_limit_depth", "cpu.stat.nr_throttled", "cpu.stat.nr_periods"),
    "cpu.stat.local.throttled_usec",
)


def inside(number: int, name: str, path: str = POD_PATH) -> Series:
    series = container(number, name, "shop")
    return replace(series, pod_uid="p" if path == POD_PATH else None, cgroup=f"{path}/{series.container_id}")


WEB, SIDECAR, OTHER = inside(1, "web"), inside(2, "sidecar"), inside(3, "other", "/docker")
IDLE = inside(4, "idle")


def samples(series: Series, memory_mib: float, **values: float) -> Chunk:
    """A series whose CPU use is a tenth of a core."""
    columns = {"memory.current": memory_mib * MIB, "memory.stat.inactive_file": 0.0}
    columns |= {name.replace("__", "."): value for name, value in values.items()}
    lines: dict[str, list[float | None]] = {name: [value] * SECONDS for name, value in columns.items()}
    lines["cpu.stat.usage_usec"] = [100_000.0 * i for i in range(SECONDS)]
    lines["cpu.stat.nr_throttled"] = [columns.get("throttled", 0.0) * i for i in range(SECONDS)]
    lines["cpu.stat.nr_periods"] = [10.0 * i for i in range(SECONDS)]
    if "held" in columns:
        lines["cpu.stat.local.throttled_usec"] = [columns["held"] * i for i in range(SECONDS)]
    return chunk(series, T0, {name: line for name, line in lines.items() if name not in {"throttled", "held"}})


def limits(memory_mib: float, depth: int, cpu: float = 400) -> dict[str, float]:
    return {
        "effective_memory_max": memory_mib * MIB,
        "effective_memory_max_depth": depth,
        "effective_cpu_limit_millicores": cpu,
        "effective_cpu_limit_depth": depth,
    }


@pytest.fixture(scope="module")
def url(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: ARG001 - without a browser it skips before the daemon starts
    folder: Path = tmp_path_factory.mktemp("limits")
    data = DataDirectory(folder)
    of_node = limits(4096, 0, 2000)
    data.parquet(
        counting(NODE, T0, SECONDS),
        samples(POD, 465, **{"memory.max": 512 * MIB}, **limits(512, 3), throttled=6),
        samples(WEB, 150, **limits(512, 3), effective_memory_high=200 * MIB, effective_memory_high_depth=4),
        samples(SIDECAR, 310, **limits(512, 3), held=1000),
        samples(IDLE, 1, **limits(512, 3), held=0),
        samples(OTHER, 100, **of_node),
        columns=(*COLUMNS, *LIMIT_COLUMNS),
    )
    seen = [(series, T0, T0 + 1000 * SECONDS - 1000) for series in (WEB, SIDECAR, OTHER, IDLE)]
    data.write_index(*seen, more=Facts(requests={"memory_bytes": 96 * MIB, "cpu_millicores": 300}))
    with viewer(folder, free_port()) as address:
        shown = ",".join(series.key[:12] for series in (WEB, SIDECAR, OTHER, IDLE))
        yield f"{address}#from=2025-12-30T16:00:00Z&to=2025-12-30T16:02:00Z&show={shown}"


def cells(page: Page) -> dict[str, str]:
    """The column "of limit" by the name of the container."""
    rows = page.locator(".ledger tbody tr").all()
    return {row.locator(".name").inner_text(): " ".join(row.locator("td.limit").inner_text().split()) for row in rows}


def test_the_table_names_the_pod_whose_limit_it_is_and_no_limit_of_the_node(page: Page, url: str) -> None:
    open_page(page, f"{url}&focus=2")
    until(page, lambda: state(page, "explainingSamples") is not None and "%" in " ".join(cells(page).values()))

    shown = {name: text.replace("\u00d7 req", "x") for name, text in cells(page).items()}
    assert shown == {"sidecar": "61 % pod 3.2x", "web": "29 % pod 1.6x", "other": "no limit 1.0x", "idle": "0.2 % pod"}
    title = page.locator(".ledger tbody tr").filter(has_text="web").locator("td.limit").get_attribute("title")
    assert title == "29 % of the limit of its pod, which its containers share"


def test_a_value_above_the_nodes_is_not_called_a_share_of_it(page: Page, url: str) -> None:
    open_page(page, f"{url}&focus=1")
    web = page.locator(".ledger tbody tr").filter(has_text="web").locator("td.share")
    expect(web).to_have_text("> node")  # which uses a millicore
    assert web.get_attribute("title") == "More than the node's value at this time: not a part of it"


def test_the_limit_of_the_pod_is_drawn_once_and_the_nodes_is_not(page: Page, url: str) -> None:
    open_page(page, url)
    until(page, lambda: state(page, "explainingSamples") is not None)
    drawn = page.evaluate(
        """async () => {
            const { laneLimits, laneRequests } = await fgm("derived/limits");
            const limits = laneLimits.value.get("memory");
            return [limits.map(({ entry, kind, owner }) => [entry.series.name, kind, owner.kind]),
                laneRequests.value.get("memory").map(({ value }) => value)];
        }"""
    )
    assert sorted(drawn[0]) == [
        ["idle", "limit", "pod"],
        ["sidecar", "limit", "pod"],
        ["web", "limit", "pod"],
        ["web", "memory.high", "own"],
    ]
    assert drawn[1] == [96 * MIB] * 4
    axis = page.evaluate('async () => (await fgm("chart/lane")).charts.get("memory").scales.y.max')
    assert 512 * MIB <= axis < 1024 * MIB


def test_a_container_that_the_quota_of_its_pod_holds_is_shown_as_throttled_by_the_pod(page: Page, url: str) -> None:
    open_page(page, f"{url}&focus=1")
    until(page, lambda: "pod thr" in " ".join(cells(page).values()))

    assert {name: "pod thr 60 %" in text for name, text in cells(page).items()} == {
        "sidecar": True,
        "web": True,
        "other": False,
        "idle": False,
    }
    strip = lane(page, "CPU").locator(".ribbon canvas")
    until(page, lambda: len(pixels(strip, "thr")) > 100)
    expect(lane(page, "CPU").locator(".ribbon .box")).to_have_attribute(
        "aria-label", "throttled: max 60 % at 16:00:01, pod shop"
    )


def test_modules_find_the_group_of_a_depth(page: Page, url: str) -> None:
    open_page(page, url)
    found = page.evaluate(
        """async () => {
            const { groupAt } = await fgm("lib/series");
            const series = { scope: "container", name: "web", pod_uid: "p", cgroup: "/kubepods/pod1/web" };
            return [3, 2, 1, 0, null].map((depth) => groupAt(series, depth, new Map()).kind);
        }"""
    )
    assert found == ["own", "pod", "group", "node", "own"]
