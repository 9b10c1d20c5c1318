"""Packs in the page are compared without a viewer: the page's own ranking and pairing are those of the viewer."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from fgm import cli
from fgm.metrics.shown import SHOWN
from fgm.viewer.findings.floors import floor_of
from fgm.viewer.query.comparing.change_ranking import ranked
from fgm.viewer.query.comparing.change_sums import BEFORE, DURING, Sums
from fgm.viewer.query.wall.grouping import workload_name
from tests.support.browser.daemons import viewer
from tests.support.browser.page import lane, until
from tests.support.processes import free_port
from tests.support.viewer.data_directory import NODE, T0, DataDirectory, container, counting

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

METRICS = ("total_cpu_usage_millicores", "cpu.stat.user_usec", "memory.current", "psi_io_some_ratio", "memory.max")
CANVAS = "(canvas) => canvas.toDataURL()"
PODS = (
    "web-6b7d9c54f5-2bcdf",
    "db-0",
    "agent-x2x8z",
    "job-28912345-abcde",
    "plain",
    "a-b-c",
    "report-28912345-0-bcdfg",
)


@pytest.fixture(scope="module")
def data(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG001 - it skips without a browser
    """A folder with packs of before and after a fix, and the directory that they were saved from."""
    folder = tmp_path_factory.mktemp("packs")
    directory, later_ms = DataDirectory(folder / "data"), T0 + 3_600_000
    old, new = container(1, "web", PODS[0]), container(2, "web", "web-7f9c8d6b4b-9xqzp")
    db = container(3, "db", "db-0")
    for first_ms, web, millicores in ((T0, old, 900), (later_ms, new, 300)):
        of_db = counting(db, first_ms, 300, per_second=200_000)
        directory.parquet(
            counting(web, first_ms, 300, per_second=1000 * millicores),
            of_db,
            counting(NODE, first_ms, 300, per_second=1.5e6),
        )
    lives = ((old, T0, T0 + 299_000), (new, later_ms, later_ms + 299_000), (db, T0, later_ms + 299_000))
    directory.write_index(*lives)
    for name, begin in (("before", "16:00"), ("after", "17:00")):
        times = ["--from", f"2025-12-30T{begin}:00Z", "--to", f"2025-12-30T{begin[:2]}:05:00Z"]
        assert cli.main(["save", str(directory.root), *times, "-o", str(folder / f"{name}.html")]) == 0
    return folder


def under(page: Page, pack: Path) -> Locator:
    """Lay a pack under the view with the keyboard, and return the panel that says what differs."""
    page.keyboard.press("X")
    dialog = page.get_by_role("dialog", name="Compare with")
    dialog.get_by_role("combobox").fill("saved file")
    expect(dialog.get_by_role("option", name="A saved file")).to_have_class("on")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(pack)
    panel = page.get_by_role("region", name="What differs")
    expect(panel).to_contain_text(pack.name)
    return panel


@pytest.mark.both_browsers
def test_a_pack_lies_under_another_one_without_a_viewer(page: Page, data: Path, page_errors: list[str]) -> None:
    page.context.set_offline(True)
    page.goto(f"file://{data}/after.html")
    expect(lane(page, "CPU").locator(".peak")).to_be_attached()
    panel = under(page, data / "before.html")
    expect(panel.get_by_role("listitem").first).to_contain_text("CPU 900 → 300 millicores")
    expect(panel.get_by_role("listitem")).to_have_count(1)
    row = page.get_by_role("region", name="Values at the cursor").locator("tbody tr", has_text="web")
    expect(row.locator("td").first).to_contain_text("\N{MINUS SIGN}600")
    expect(page).to_have_url(re.compile("vs=pack,before.html,"))
    page.reload()
    missing = page.get_by_role("status").filter(has_text="This view was compared with before.html.")
    expect(missing).to_be_visible()
    with page.expect_file_chooser() as chooser:
        missing.get_by_role("button", name="Open before.html again").click()
    chooser.value.set_files(data / "before.html")
    expect(panel.get_by_role("listitem").first).to_contain_text("CPU 900 → 300 millicores")
    expect(missing).to_have_count(0)
    page.keyboard.press("V")  # walls
    rows = lane(page, "CPU").locator("canvas")
    expect(lane(page, "CPU").get_by_role("button", name="in view")).to_be_visible()
    expect(lane(page, "CPU").locator(".legend")).to_contain_text("900")  # the scale has the values of both
    page.mouse.move(5, 5)
    now = rows.evaluate(CANVAS)
    page.keyboard.press("B")
    expect(lane(page, "CPU").get_by_role("button", name=re.compile(r":00\u2013"))).to_be_visible()
    until(page, lambda: rows.evaluate(CANVAS) != now)
    page.keyboard.press("B")
    until(page, lambda: rows.evaluate(CANVAS) == now)
    panel.get_by_role("button", name="Close").click()
    expect(panel).to_have_count(0)
    expect(lane(page, "CPU").locator(".legend")).not_to_contain_text("900")
    assert [error for error in page_errors if not error.startswith(("file:", "blob:"))] == []


def test_a_pack_lies_under_the_view_of_a_viewer_and_a_file_that_is_none_is_refused(page: Page, data: Path) -> None:
    (data / "none.html").write_text("<p>no pack</p>")
    with viewer(data / "data", free_port()) as url:
        page.goto(f"{url}#from=2025-12-30T17:00:00Z&to=2025-12-30T17:05:00Z")
        expect(lane(page, "CPU").locator(".peak")).to_be_attached()
        panel = under(page, data / "before.html")
        expect(panel.get_by_role("listitem").first).to_contain_text("CPU 900 → 300 millicores")
        page.keyboard.press("X")
        page.get_by_role("dialog", name="Compare with").get_by_role("combobox").fill("saved file")
        with page.expect_file_chooser() as chooser:
            page.keyboard.press("Enter")
        chooser.value.set_files(data / "none.html")
        expect(page.get_by_role("alert").filter(has_text="The file was not opened.")).to_be_visible()
        expect(panel.get_by_role("listitem").first).to_contain_text("CPU 900 → 300 millicores")


def test_the_page_ranks_and_pairs_as_the_viewer_does(page: Page, data: Path) -> None:
    numbers = np.random.default_rng(11)
    rows, metrics = 12, [SHOWN[name] for name in METRICS]
    sums = Sums.empty(rows, len(metrics))
    for row in range(rows):
        for metric in range(len(metrics)):
            for part in (BEFORE, DURING):
                if numbers.random() < 0.85:
                    level = numbers.lognormal(3, 2) * (
                        2**20 if metrics[metric].unit == "bytes" else 0.01 if metric == 3 else 1
                    )
                    values = numbers.normal(level, level * numbers.random() / 3, int(numbers.integers(3, 60)))
                    sums.add((np.array([row]), np.array([part])), metric, np.array([0]), values)
    expected = [
        (each.row, each.score, [(change.metric.name, change.before, change.peak_before) for change in each.changes])
        for each in ranked(sums, metrics, rows, is_symmetric=True)
    ]
    assert len(expected) > 3
    names = ("count", "total", "squares", "low", "high")
    of_page = [
        [
            [{name: float(getattr(sums, name)[r, m, part]) for name in names} for part in (BEFORE, DURING)]
            for m in range(len(metrics))
        ]
        for r in range(rows)
    ]
    listed = [
        {"name": m.name, "unit": m.unit, "kind": m.kind, "needs": list(m.needs), "floor": floor_of(m.name)}
        for m in metrics
    ]
    with viewer(data / "data", free_port()) as url:
        page.goto(url)
        text = json.dumps([of_page, listed]).replace("Infinity", "1e999")
        result: list[dict[str, Any]] = page.evaluate(
            """async (text) => {
                const [rows, metrics] = JSON.parse(text);
                return (await fgm("lib/compare/ranking")).rankedRows(rows, metrics, rows.length);
            }""",
            text,
        )
        pods = page.evaluate("async (pods) => pods.map((await fgm('lib/compare/pairing')).workloadName)", list(PODS))
    assert [each["row"] for each in result] == [row for row, *_ in expected]
    for each, (_, score, changes) in zip(result, expected, strict=True):
        assert each["score"] == pytest.approx(score, rel=1e-9)
        assert [change["metric"]["name"] for change in each["changes"]] == [name for name, *_ in changes]
        assert [change["before"] for change in each["changes"]] == pytest.approx([before for _, before, _ in changes])
    assert pods == [workload_name(pod) for pod in PODS]
