"""The kept pack of version 1 of the format is opened by this version of the page, and opens by itself."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser.packs import watched
from tests.support.browser.page import lane, open_page
from tests.support.kept_pack import METRICS, PACK, expected

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

SAMPLES = """async ([text, query]) => {
    const names = ["requests/pack/pack-file", "requests/pack/pack-source"];
    const [{ packOfFile }, { PackSource }] = await Promise.all(names.map(fgm));
    const onDamage = (sentence) => { throw new Error(sentence); };
    const pack = new PackSource(await packOfFile(new File([text], "pack-1.html")), onDamage);
    const { series } = await pack.get("api/timeseries", query);
    const asList = (values) => Array.from(values, (value) => (Number.isNaN(value) ? null : value));
    return series.map(({ id, metric, t_ms, value }) => [id, metric, [...t_ms], asList(value)]);
}"""
"""Script that opens the text of a pack, and returns the lines of its answer to a query."""


def as_numbers(values: dict[str, float | None]) -> dict[str, float]:
    """Return values with NaN for null."""
    return {ms: float("nan") if value is None else value for ms, value in values.items()}


def is_shown(page: Page) -> None:
    """Wait until the page shows the pack: lanes, what stood out, and the note."""
    expect(lane(page, "Memory").locator(".peak")).to_be_attached()
    expect(page.locator(".findings")).to_contain_text(expected()["findings"][0].partition(" again")[0])
    expect(page.get_by_text("config-sync restarts again and again", exact=True).first).to_be_visible()


def test_this_version_of_the_page_reads_what_was_put_into_it(
    page: Page, incidents_url: str, page_errors: list[str]
) -> None:
    open_page(page, incidents_url)
    facts = expected()
    query = {
        "metric": list(METRICS),
        "containers": [*facts["containers"], "node"],
        "from": facts["from_ms"],
        "to": facts["to_ms"],
        "raw": 1,
    }

    lines: list[Any] = page.evaluate(SAMPLES, [PACK.read_text(), query])

    by_line = {(name, metric): dict(zip(map(str, times), values, strict=True)) for name, metric, times, values in lines}
    for name, metric, count, values in facts["samples"]:
        line = by_line[name, metric]
        assert len(line) == count
        assert as_numbers({ms: line[ms] for ms in values}) == pytest.approx(as_numbers(values), rel=1e-6, nan_ok=True)
    page.keyboard.press(":")
    page.get_by_role("dialog").get_by_role("combobox").fill("open a saved")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(PACK)
    is_shown(page)
    assert page_errors == []


def test_it_opens_from_its_file_without_a_network(browser: Browser) -> None:
    with browser.new_context() as context:
        context.set_offline(True)
        page = context.new_page()
        errors = watched(page)
        page.goto(f"file://{PACK}")
        is_shown(page)
        expect(page.locator("header")).to_contain_text("by fgm 0.1.0")
        assert errors == []
