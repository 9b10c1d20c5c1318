"""An incident is saved as a file from the page: its size is shown before, and a file that is cut is not saved."""

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from fgm.viewer.packs.drawn_metrics import DRAWN_METRICS
from fgm.viewer.packs.pack_reader import read_pack
from tests.support.browser.page import open_page
from tests.support.incidents import PLANTED

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

BEGIN_MS = PLANTED["noisy_neighbour"]["began_ms"] // 1000 * 1000
ADDED = "added <b>later</b> \u2013 ü \U0001f680"
CHOOSE_FILE = """async () => {
    const { chooseFile } = await fgm('widgets/file-chooser'), { openFile } = await fgm('requests/pack/opening');
    chooseFile(openFile);
}"""
FROM_MS, TO_MS = BEGIN_MS - 60_000, BEGIN_MS + 60_000


def view(page: Page, url: str, more: str = "") -> None:
    """Open the page with the range that is saved."""
    iso = "(ms) => new Date(ms).toISOString()"
    open_page(page, url)
    page.evaluate(f"location.hash = `from=${{({iso})({FROM_MS})}}&to=${{({iso})({TO_MS})}}{more}`")


def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Save this incident")


def previewed(page: Page) -> Any:
    """Return what the viewer says about the choices in the dialog, as soon as it is shown."""
    expect(dialog(page).locator("p.size")).to_contain_text("About")
    return page.evaluate("async () => (await fgm('state/incident/saving')).preview.value.answer")


def saved(page: Page, folder: Path) -> Path:
    """Press the button, and return the path of the file that the browser has saved."""
    with page.expect_download() as download:
        dialog(page).get_by_role("button", name="Save").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    expect(dialog(page).locator("p.size")).to_contain_text(f"Saved as {path.name}")
    return path


@contextmanager
def cutting_server(body: bytes) -> Iterator[int]:
    """Serve a response whose connection ends after its first chunk, and yield the port."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n")
            self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_the_keyboard_saves_what_the_dialog_has_announced(
    page: Page, incidents_url: str, tmp_path: Path, page_errors: list[str]
) -> None:
    view(page, incidents_url, "&notes=2000-01-01T00:00:00Z:far&vs=2000-01-01T00:00:00Z")
    page.keyboard.press("e")
    page.keyboard.type("what was done")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+s")
    expect(dialog(page).get_by_role("textbox", name="Range")).to_have_value(
        re.compile(r"^[\d: A-Za-z]+\u2013[\d: A-Za-z]+$")
    )
    expect(dialog(page)).to_contain_text("2 min")
    expect(dialog(page)).to_contain_text("1 note in this range")
    answer = previewed(page)
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    expect(dialog(page).locator("p.size")).to_contain_text(f"Saved as {path.name}")
    assert re.fullmatch(r"fgm-.+-\d{8}T\d{6}Z\.html", path.name)
    assert path.stat().st_size == pytest.approx(answer["bytes"], rel=0.2)
    manifest = read_pack(str(path)).manifest
    assert (manifest.from_ms, manifest.to_ms) == (FROM_MS, TO_MS)
    assert manifest.metrics == answer["metrics"]
    assert [note["text"] for note in manifest.notes] == ["what was done"]
    fragment = parse_qs(manifest.view.replace("+", "%2B"))
    assert fragment["notes"][0].endswith(":what was done"), "only notes in the range are saved"
    assert "vs" not in fragment, "the other range is not in the file"
    assert len(fragment["show"][0].split(",")) == len(fragment["colours"][0].split(",")) > 1
    page.keyboard.press("Enter")
    expect(dialog(page)).to_have_count(0)
    assert page_errors == []


def test_the_choices_change_what_is_saved(page: Page, incidents_url: str) -> None:
    view(page, incidents_url)
    page.get_by_role("button", name="Save this incident").click()
    whole = previewed(page)
    assert set(whole["metrics"]) == set(DRAWN_METRICS) & set(whole["metrics"])
    with page.expect_request("**/api/export?*") as sent:
        dialog(page).get_by_role("radio", name="on the lanes").check()
    query = parse_qs(urlsplit(sent.value.url).query)
    drawn = query["metric"][0].split(",")
    assert set(drawn) <= set(DRAWN_METRICS)
    assert set(drawn) >= set(whole["metrics"])
    few = previewed(page)
    assert few["series"] < whole["series"]
    assert few["bytes"] < whole["bytes"]
    dialog(page).get_by_role("radio", name=re.compile(r"^All \d+")).check()
    assert len(previewed(page)["metrics"]) > len(whole["metrics"])
    box = dialog(page).get_by_role("textbox", name="Range")
    box.fill("15m ago")
    expect(dialog(page).get_by_role("alert")).to_contain_text("Not a range")
    dialog(page).get_by_role("button", name="Range in view").click()
    expect(dialog(page).get_by_role("alert")).to_have_count(0)
    box.fill("2020-01-01 00:00 - 2020-01-02 00:00")
    expect(dialog(page).get_by_role("alert")).to_contain_text("Allowed: a range of at most 21600 s")


def test_a_response_that_is_cut_is_not_saved(page: Page, incidents_url: str) -> None:
    downloads: list[str] = []
    page.on("download", lambda download: downloads.append(download.suggested_filename))
    view(page, incidents_url)
    page.keyboard.press("S")
    previewed(page)
    with cutting_server(b"<!doctype html>" + b"x" * 100_000) as port:
        page.route("**/api/export?*", lambda route: route.continue_(url=f"http://127.0.0.1:{port}/"))
        dialog(page).get_by_role("button", name="Save").click()
        expect(dialog(page).get_by_role("alert")).to_contain_text("The connection was cut after")
    page.unroute("**/api/export?*")
    page.route("**/api/export?*", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    dialog(page).get_by_role("button", name="Save").click()
    expect(dialog(page).get_by_role("alert")).to_contain_text("arrived without its end")
    page.unroute("**/api/export?*")
    page.route("**/api/export?*", lambda route: route.abort("connectionrefused"))
    dialog(page).get_by_role("button", name="Save").click()
    expect(dialog(page).get_by_role("alert")).to_contain_text("does not respond")
    assert downloads == []


def test_a_parquet_file_has_the_range_and_the_metrics(page: Page, incidents_url: str, tmp_path: Path) -> None:
    view(page, incidents_url)
    page.keyboard.press("S")
    dialog(page).get_by_role("radio", name="A Parquet file").check()
    answer = previewed(page)
    dialog(page).get_by_text("Leave out names").click()
    dialog(page).get_by_role("checkbox", name="Containers").check()
    names = dialog(page).get_by_role("group", name="What the names become")
    expect(names.get_by_role("row", name="batch-import")).to_be_visible()
    becomes = {each["from"]: each["to"] for each in previewed(page)["redacted"]}
    table = pq.read_table(saved(page, tmp_path))
    containers = set(table.column("container_name").to_pylist())
    assert becomes["batch-import"] in containers
    assert "batch-import" not in containers
    assert table.column_names[-len(answer["metrics"]) :] == answer["metrics"]
    times = table.column("time").cast("int64").to_pylist()
    assert (min(times), max(times)) == (FROM_MS, TO_MS - 1000)


def test_notes_that_are_too_long_for_a_request_are_refused_with_a_sentence(page: Page, incidents_url: str) -> None:
    view(page, incidents_url)
    page.evaluate(
        """async (from_ms) => {
            const { keepNote } = await fgm('state/incident/notes');
            const text = "ü".repeat(280);
            for (let i = 0; i < 50; i += 1) keepNote({ from_ms: from_ms + 1000 * i, to_ms: null, text });
        }""",
        FROM_MS,
    )
    page.keyboard.press("S")
    expect(dialog(page).get_by_role("alert")).to_contain_text("shorten notes")
    dialog(page).get_by_role("checkbox", name="50 notes").uncheck()
    previewed(page)


def test_names_are_left_out_by_rules_and_their_replacements_are_shown(
    page: Page, incidents_url: str, tmp_path: Path
) -> None:
    view(page, incidents_url)
    page.keyboard.press("S")
    dialog(page).get_by_text("Leave out names").click()
    dialog(page).get_by_role("checkbox", name="Containers").check()
    names = dialog(page).get_by_role("group", name="What the names become")
    expect(names).to_contain_text("batch-import")
    becomes = {each["from"]: each["to"] for each in previewed(page)["redacted"]}
    expect(names.get_by_role("row", name="batch-import")).to_contain_text(becomes["batch-import"])
    dialog(page).get_by_role("textbox", name="Everything about").fill("namespace=,")
    expect(dialog(page).get_by_role("alert")).to_contain_text("is not a rule")
    dialog(page).get_by_role("textbox", name="Everything about").fill("")
    expect(names).to_be_visible()
    path = saved(page, tmp_path)
    pack = read_pack(str(path))
    assert pack.manifest.redacted == ["containers"]
    assert b"batch-import" not in pack.part("answers")
    assert becomes["batch-import"].encode() in pack.part("answers")


def test_a_phone_shows_the_whole_dialog(browser: Browser, incidents_url: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    open_page(page, incidents_url)
    page.get_by_role("button", name="Save this incident").tap()
    dialog(page).get_by_text("Leave out names").tap()
    expect(dialog(page).get_by_role("checkbox", name="All names")).to_be_visible()
    box = dialog(page).bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert page.evaluate("document.querySelector('.save-form').scrollWidth <= 390")
    page.context.close()


@pytest.mark.parametrize("is_inside", [True, False], ids=["inside of the file", "opened in a viewer"])
def test_a_copy_of_a_saved_file_has_the_notes_that_were_added(
    page: Page, incidents_url: str, tmp_path: Path, page_errors: list[str], *, is_inside: bool
) -> None:
    path, copy = tmp_path / "incident.html", tmp_path / "copy.html"
    with urlopen(f"{incidents_url}api/export?from={FROM_MS}&to={TO_MS}&view=focus=2") as response:
        path.write_bytes(response.read())
    if is_inside:
        page.goto(path.as_uri())
    else:
        open_page(page, incidents_url)
        with page.expect_file_chooser() as chooser:
            page.evaluate(CHOOSE_FILE)
        chooser.value.set_files(path)
    expect(page.get_by_role("button", name="Save a copy")).to_be_visible()
    page.keyboard.press("e")
    page.keyboard.type(ADDED)
    page.keyboard.press("Enter")
    expect(page.locator(".note-flag")).to_be_visible()
    with page.expect_download() as download:
        page.keyboard.press("Control+s")
    assert download.value.suggested_filename == path.name
    download.value.save_as(copy)
    before, after = read_pack(str(path)), read_pack(str(copy))
    assert "notes=" in after.manifest.view
    assert "focus=2" in after.manifest.view
    assert [note["text"] for note in after.manifest.notes] == [ADDED]
    assert replace(after.manifest, view="", notes=[]) == replace(before.manifest, view="", notes=[])
    assert all(after.part(part.name) == before.part(part.name) for part in before.manifest.parts)
    page.goto(copy.as_uri())
    expect(page.get_by_role("region", name="Notes", exact=True)).to_contain_text(ADDED)
    expect(page.get_by_role("region", name="Memory", exact=True).locator(".peak")).to_be_attached()
    assert [error for error in page_errors if not error.startswith(("file:", "blob:"))] == []
