"""The page of a viewer opens a pack: its answers are those of the viewer, and a file that is none is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser.daemons import viewer
from tests.support.browser.pack_scripts import BOTH, FORWARD_AND_BACK, FUZZ, HIGHEST, OPEN_FOLDER, OPEN_TWO, OPENED
from tests.support.browser.packs import json_of, manifest_of, save_pack, with_manifest, with_part
from tests.support.browser.page import lane, open_page
from tests.support.browser.page_state import state
from tests.support.processes import free_port
from tests.support.recorded_incidents import incidents, unpacked

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]

CPU = "total_cpu_usage_millicores"


@pytest.fixture(scope="module")
def recorded_url(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: ARG001 - without a browser it skips first
    """The address of a viewer of recorded incidents, with processes and labelled values."""
    with viewer(unpacked("many_incidents", tmp_path_factory.mktemp("recorded")), free_port()) as url:
        json_of(f"{url}api/containers")  # its answer waits until there is data
        yield url


@pytest.fixture(scope="module")
def pack(recorded_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of five minutes of all series."""
    restarts = next(each for each in incidents() if each.recording == "many_incidents" and "restarts" in each.kinds)
    from_ms = restarts.began_ms // 1000 * 1000 - 150_000
    path = tmp_path_factory.mktemp("packs") / "incident.html"
    return save_pack(recorded_url, path, f"from={from_ms}&to={from_ms + 300_000}")


def differences(first: Any, second: Any, path: str = "") -> list[str]:
    """Return the first places where two JSON values differ by more than the rounding of the viewer's JSON."""
    pairs: list[tuple[str, Any, Any]] = []
    if isinstance(first, dict) and isinstance(second, dict):
        pairs = [(f"{path}.{name}", first[name], second[name]) for name in first.keys() & second.keys()]
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        pairs = [(f"{path}[{i}]", *pair) for i, pair in enumerate(zip(first, second, strict=True))]
    elif isinstance(first, int | float) and isinstance(second, int | float):
        return [] if first == pytest.approx(second, rel=1e-5, abs=1e-3) else [f"{path}: {first} {second}"]
    else:
        return [] if first == second else [f"{path}: {first} {second}"]
    return [text for name, one, other in pairs for text in differences(one, other, name)][:5]


def by_series(answer: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["id"], each["metric"]): each for each in answer["series"] if each["t_ms"]}


def test_a_pack_answers_as_the_viewer_that_saved_it(
    page: Page, recorded_url: str, pack: Path, page_errors: list[str]
) -> None:
    open_page(page, recorded_url)
    content = pack.read_bytes()
    page.evaluate(OPENED, {"text": content.decode()})
    manifest = manifest_of(content)
    whole = {"from": manifest["from_ms"], "to": manifest["to_ms"]}
    part = {"from": manifest["from_ms"] + 60_000, "to": manifest["from_ms"] + 180_000}
    listed = json_of(f"{recorded_url}api/containers")["containers"]
    ids = page.evaluate("async () => [...(await pack.series()).keys()]")
    assert len(ids) > 5

    metrics = ["total_cpu_usage_millicores", "memory_working_set", "io_bytes_per_s", "throttle_ratio"]
    for query in ({**whole}, {**part}, {**part, "points": 30, "reduce": "mean"}):
        viewer, own = page.evaluate(BOTH, ["api/timeseries", {**query, "metric": metrics, "containers": ids}])
        assert (viewer["resolution"], viewer["interval_ms"]) == (own["resolution"], own["interval_ms"])
        assert by_series(viewer).keys() == by_series(own).keys()
        assert differences(by_series(viewer), by_series(own)) == []

    for query in (
        {"parts": 48, "scope": ["container", "pod", "cgroup", "outside", "node"], "limit": 500},
        {"limit": 3},
    ):
        viewer, own = page.evaluate(BOTH, ["api/top", {**part, **query, "metric": metrics[0]}])
        assert len(viewer["series"]) > 2
        assert differences(viewer, own) == []

    for kind in ("container", "pod", "workload"):
        for metric in (metrics[1], "memory_limit_bytes"):
            query = {**part, "metric": metric, "by": kind, "columns": 60}
            viewer, own = page.evaluate(BOTH, ["api/wall", query])
            assert len(viewer["rows"]) > 2
            assert differences(viewer, own) == []

    top = json_of(f"{recorded_url}api/top?metric={metrics[0]}&scope=container&from={part['from']}&to={part['to']}")
    busiest = top["series"][0]["id"]
    uid = next(each["pod_uid"] for each in listed if each["id"] == busiest)
    pod = next(each["id"] for each in listed if each["scope"] == "pod" and each["pod_uid"] == uid)
    for of in ({"at": part["to"]}, {**part, "points": 20}, {**whole, "by": "memory", "points": 600}):
        for name in (busiest, pod, "node"):
            viewer, own = page.evaluate(BOTH, ["api/processes", {"by": "cpu", "limit": 20, "id": name, **of}])
            assert viewer["total"] > 0
            for answer in (viewer, own):
                answer["names"] = [name["processes"] for name in answer["names"]]  # equal ones are in any order
            assert differences(viewer, own) == []

    for metric in ("io_bytes_per_s", "disk_busy_ratio"):
        query = {**part, "metric": metric, "containers": [busiest, "node"], "points": 600}
        viewer, own = page.evaluate(BOTH, ["api/labelled", query])
        assert viewer["series"]
        assert differences(viewer, own) == []

    viewer, own = page.evaluate(BOTH, ["api/events", {**whole, "limit": 500}])
    assert len(own["events"]) > 2
    assert own["events"] == [event for event in viewer["events"] if event["series"] in ids]
    assert page_errors == []


def is_saved(page: Page) -> None:
    """Wait until the pack is shown, and that the page says so."""
    expect(page.get_by_role("status").filter(has_text="Saved file: incident.html.")).to_be_visible()
    expect(lane(page, "Memory").locator(".peak")).to_be_attached()
    expect(page.locator("header")).to_contain_text("contains")


def is_live(page: Page) -> None:
    """Wait until the data of the viewer is shown."""
    expect(page.get_by_role("status").filter(has_text="Saved file")).to_have_count(0)
    expect(page.get_by_role("button", name="Live", exact=True)).to_be_visible()
    expect(lane(page, "Memory").locator(".peak")).to_be_attached()


def choose(page: Page, path: Path) -> None:
    """Open a file with the command of the page."""
    page.keyboard.press(":")
    page.get_by_role("dialog").get_by_role("combobox").fill("open a saved")
    expect(page.get_by_role("option").first).to_contain_text("Open a saved file")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(path)


@pytest.mark.both_browsers
def test_a_chosen_file_is_shown_and_then_the_viewer_again(
    page: Page, recorded_url: str, pack: Path, page_errors: list[str]
) -> None:
    open_page(page, f"{recorded_url}#lanes=memory")
    choose(page, pack)
    is_saved(page)
    manifest = manifest_of(pack.read_bytes())
    assert state(page, "view") == {"from_ms": manifest["from_ms"], "to_ms": manifest["to_ms"]}
    assert len(state(page, "allSeries")) > 5
    page.keyboard.press(" ")  # there is nothing to follow
    assert state(page, "range")["live"] is False
    page.get_by_role("button", name="Back to the viewer").click()
    is_live(page)
    assert page.url.endswith("#lanes=memory")
    expect(page.locator(".lane")).to_have_count(1)
    assert page_errors == []


def test_the_browser_goes_back_from_a_file_to_the_viewer_and_forward_again(
    page: Page, recorded_url: str, pack: Path, page_errors: list[str]
) -> None:
    open_page(page, f"{recorded_url}#lanes=memory")
    choose(page, pack)
    is_saved(page)
    page.keyboard.press("w")  # zoom
    zoomed = page.url
    page.evaluate("history.back()")
    is_saved(page)
    page.evaluate("history.back()")
    is_live(page)
    assert page.url.endswith("#lanes=memory")
    assert page.evaluate(FORWARD_AND_BACK) == {"reads": 1, "origin": None}
    is_live(page)
    assert page.url.endswith("#lanes=memory")
    page.evaluate("history.go(2)")
    is_saved(page)
    assert page.url == zoomed
    page.reload()
    missing = page.get_by_role("status").filter(has_text="incident.html is not open any more.")
    expect(missing).to_contain_text("now has the data of the viewer")
    with page.expect_file_chooser() as chooser:
        missing.get_by_role("button", name="Open incident.html again").click()
    chooser.value.set_files(pack)
    is_saved(page)
    assert page.url == zoomed
    expect(missing).to_have_count(0)
    assert page_errors == []


@pytest.mark.both_browsers
def test_a_dropped_file_is_shown_and_a_bad_one_is_refused(
    page: Page, recorded_url: str, pack: Path, page_errors: list[str]
) -> None:
    whole = pack.read_bytes()
    series_without_name = b'{"/api/containers": {"containers": [{"id": 5}]}}'
    aliases_in_an_object = (
        b'{"/api/containers": {"containers": []}, "/api/metrics": {"metrics": [%s]}}'
        % json.dumps({"name": "cpu", "title": "CPU", "unit": "1", "aliases": {}}).encode()
    )
    open_page(page, recorded_url)
    drop = """([name, text]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([text], name, { type: "text/html" }));
        const options = { dataTransfer: transfer, cancelable: true };
        for (const type of ["dragover", "drop"]) dispatchEvent(new DragEvent(type, options));
    }"""
    for content, sentence in (
        ("<!doctype html><p>A page</p>", "is not an incident pack of fgm"),
        (whole[: len(whole) // 2].decode(), "its end is missing"),
        (with_manifest(whole, lambda manifest: manifest.update(version=7, made_by="fgm 9.0.0")).decode(), "fgm 9.0.0"),
        (with_manifest(whole, lambda manifest: manifest.update(parts=[{}] * 3000)).decode(), "3000 parts"),
        (with_part(whole, "answers", lambda part: part[:-1]).decode(), "answers is not JSON"),
        (with_part(whole, "answers", lambda _: series_without_name).decode(), "/api/containers in it has another form"),
        (with_part(whole, "answers", lambda _: aliases_in_an_object).decode(), "/api/metrics in it has another form"),
    ):
        page.evaluate(drop, ["bad.html", content])
        expect(page.get_by_role("alert")).to_contain_text(sentence)
    page.get_by_role("alert").get_by_role("button", name="Close").click()
    is_live(page)
    page.evaluate(drop, ["incident.html", whole.decode()])
    is_saved(page)
    page.evaluate(drop, ["bad.html", "no pack"])
    expect(page.get_by_role("alert")).to_contain_text("is not an incident pack of fgm")
    is_saved(page)
    page.evaluate(OPEN_TWO, whole.decode())
    is_saved(page)
    page.evaluate(OPEN_FOLDER)
    expect(page.get_by_role("alert")).to_contain_text("The browser cannot read this file.")
    assert page_errors == []


@pytest.mark.both_browsers
def test_a_pack_of_the_first_version_is_shown(page: Page, recorded_url: str, page_errors: list[str]) -> None:
    """It was saved by the first version that could, and is opened by every later one."""
    kept = Path(__file__).parents[1] / "data" / "pack-1.html"
    open_page(page, recorded_url)
    choose(page, kept)
    expect(page.get_by_role("status").filter(has_text="Saved file: pack-1.html.")).to_be_visible()
    expect(lane(page, "CPU").locator(".peak")).to_be_attached()
    expect(page.locator(".findings.done")).to_be_attached()
    assert state(page, "view")["from_ms"] == manifest_of(kept.read_bytes())["from_ms"]
    assert page_errors == []


def test_damaged_packs_answer_or_are_refused(page: Page, recorded_url: str, pack: Path) -> None:
    open_page(page, recorded_url)
    answered = page.evaluate(FUZZ, {"text": pack.read_bytes().decode(), "seed": 7, "count": 60})
    assert answered["unexpected"] == []
    assert answered["whole"] > 100
    assert answered["refused"] > 10
    assert answered["damaged"] > 0
    tiny = with_part(pack.read_bytes(), f"samples/{CPU}", lambda part: part.replace(b":1000.0", b":1e-320"))
    assert page.evaluate(HIGHEST, [pack.read_bytes().decode(), CPU]) > 0
    assert page.evaluate(HIGHEST, [tiny.decode(), CPU]) == 0  # an infinite value is none
