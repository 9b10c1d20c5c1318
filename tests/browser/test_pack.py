"""A pack is opened from file:// without a network, and shows what the page showed."""

import base64
import json
import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser.accessibility import violations
from tests.support.browser.daemons import viewer
from tests.support.browser.packs import PIXELS, json_of, save_pack, watched, with_manifest, with_part
from tests.support.browser.page import lane, until
from tests.support.processes import free_port
from tests.support.recorded_incidents import unpacked

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]

LENGTH_MS = 300_000
OWNED = "window.owned = true"


class Saved(NamedTuple):
    """A pack of recorded incidents, and the viewer of which it was saved. `view`: the fragment of its page."""

    url: str
    path: Path
    view: str


def iso(ms: int) -> str:
    """Return an instant as the page writes it."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat().replace("+00:00", "Z")


@pytest.fixture(scope="module")
def saved(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Saved]:  # noqa: ARG001 - without a browser it skips first
    """A pack of five minutes, with the view of the three busiest containers and a pinned cursor.

    The recording has the present format: the rates of earlier ones are rounded when their rows are written again.
    """
    folder = tmp_path_factory.mktemp("packs")
    with viewer(unpacked("many_incidents", folder), free_port()) as url:
        json_of(f"{url}api/containers")  # its answer waits until there is data
        from_ms = json_of(f"{url}api/health")["oldest_ms"] + 30_000
        to_ms = from_ms + LENGTH_MS
        within = f"from={from_ms}&to={to_ms}"
        busiest = json_of(f"{url}api/top?metric=total_cpu_usage_millicores&scope=container&limit=3&{within}")["series"]
        shown = ",".join(series["id"] for series in busiest)
        view = f"from={iso(from_ms)}&to={iso(to_ms)}&show={shown}&colours=2,4,1&at={iso(from_ms + 100_000)}"
        yield Saved(url, save_pack(url, folder / "incident.html", f"{within}&view={quote(view, safe='')}"), view)


def has_lines(page: Page) -> None:
    """Wait until all of the view is drawn: the samples, what explains them, and the findings."""
    expect(lane(page, "Memory").locator(".peak")).to_be_attached()
    expect(page.locator(".findings.done")).to_be_attached()
    expect(page.locator(".ledger tbody tr").first).to_be_attached()


def settled_pixels(page: Page) -> list[str]:
    """Return the pixels of the canvases as soon as they no longer change."""
    seen: list[list[str]] = [[]]

    def is_same() -> bool:
        page.wait_for_timeout(700)
        seen.append(page.evaluate(PIXELS))
        return len(seen[-1]) > 0 and seen[-1] == seen[-2]

    until(page, is_same)
    return seen[-1]


def changed(saved: Saved, folder: Path, content: bytes) -> str:
    """Write a changed pack, and return its URL."""
    path = folder / "changed.html"
    path.write_bytes(content)
    return f"file://{path}#{saved.view}"


@pytest.mark.both_browsers
def test_the_lanes_and_walls_in_a_file_have_the_pixels_of_the_page(browser: Browser, page: Page, saved: Saved) -> None:
    page.goto(f"{saved.url}#{saved.view}")
    has_lines(page)
    with browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light") as context:
        context.set_offline(True)
        inside = context.new_page()
        errors = watched(inside)
        inside.goto(f"file://{saved.path}")
        has_lines(inside)
        expect(inside.locator("header")).to_contain_text("saved")
        assert settled_pixels(inside) == settled_pixels(page)
        for each in (page, inside):
            each.keyboard.press("Shift+V")
            expect(each.locator(".lane.wall").first).to_be_attached()
        assert settled_pixels(inside) == settled_pixels(page)
        assert errors == []


@pytest.mark.both_browsers
def test_a_pack_works_in_a_frame_without_an_origin(page: Page, saved: Saved, tmp_path: Path) -> None:
    """Ticket systems show attachments so: there is no storage."""
    frame = tmp_path / "ticket.html"
    frame.write_text(
        f'<!doctype html><iframe sandbox="allow-scripts" src="file://{saved.path}" width="1400" height="850">'
    )
    errors = watched(page)
    page.goto(f"file://{frame}")
    expect(page.frame_locator("iframe").get_by_role("region", name="Memory").locator(".peak")).to_be_attached()
    assert errors == []


def test_what_is_not_in_the_pack_is_said_where_it_would_have_been(page: Page, saved: Saved) -> None:
    errors = watched(page)
    page.goto(f"file://{saved.path}#from=2025-01-01T00:00:00Z&to=2025-01-01T00:10:00Z&lanes=cpu,pids.current")
    expect(lane(page, "CPU")).to_contain_text("and nothing of this range")
    expect(lane(page, "pids.current")).to_contain_text("This file was saved without pids.current data.")
    lane(page, "CPU").get_by_role("button", name="Show what it contains").click()
    expect(lane(page, "CPU").locator(".peak")).to_be_attached()
    expect(page.locator(".findings.done")).to_be_attached()
    expect(page.get_by_role("button", name="Live")).to_have_count(0)
    page.keyboard.press(" ")
    expect(page).to_have_url(re.compile(r"#(?!.*last=).*from="))
    assert errors == []


def test_markup_in_names_is_text(page: Page, saved: Saved, tmp_path: Path) -> None:
    name = f'</script><script>{OWNED}</script><img src=x onerror="{OWNED}"><!--'

    def change(content: bytes) -> bytes:
        answers = json.loads(content)
        for series in answers["/api/containers"]["containers"]:
            series["name"] = name
        for finding in answers["/api/findings"]["findings"]:
            finding["text"] = finding["name"] = name
        for event in answers["/api/events"]["events"]:
            event["name"] = event["what"] = name
        return json.dumps(answers).encode()

    content = with_part(saved.path.read_bytes(), "answers", change)
    hostile = with_manifest(
        content, lambda manifest: manifest.update(node_name=name, made_by="<b>fgm</b>", redacted=[name])
    )
    errors = watched(page)
    page.goto(changed(saved, tmp_path, hostile))
    expect(lane(page, "Memory").locator(".peak")).to_be_attached()
    expect(page.locator(".ledger tbody tr").first).to_contain_text("</script>")
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    assert page.evaluate("window.owned") is None
    assert errors == []


def test_a_script_that_is_put_into_the_file_does_not_run(page: Page, saved: Saved, tmp_path: Path) -> None:
    content = saved.path.read_bytes().replace(b"<body>", f"<body><script>{OWNED}</script>".encode(), 1)
    page.goto(changed(saved, tmp_path, content))
    expect(lane(page, "Memory").locator(".peak")).to_be_attached()
    assert page.evaluate("window.owned") is None
    page.goto("about:blank")
    page.goto(changed(saved, tmp_path, content.replace(b"Content-Security-Policy", b"no-policy", 1)))
    assert page.evaluate("window.owned") is True  # only the policy has kept it from running


@pytest.mark.both_browsers
def test_a_file_that_cannot_be_shown_says_why(page: Page, saved: Saved, tmp_path: Path) -> None:
    whole = saved.path.read_bytes()
    for content, sentence in (
        (whole[: len(whole) // 2], "Or the file was cut off: get it again."),
        (with_manifest(whole, lambda manifest: manifest.update(version=2)), "has version 2 of the format"),
        (
            with_manifest(whole, lambda manifest: manifest.update(to_ms=1e300)),
            "to_ms in its manifest is not a whole number",
        ),
        (with_part(whole, "answers", lambda _: b"[]"), "its answers are no object"),
        (whole.replace(b'data-name="answers">H4sI', b'data-name="answers">H4sJ', 1), "its part answers cannot be read"),
        (
            whole.replace(b'data-name="page">H4sI', b'data-name="page">H4sJ', 1),
            "the program of its page cannot be read",
        ),
    ):
        page.goto("about:blank")
        page.goto(changed(saved, tmp_path, content))
        expect(page.locator("#page")).to_contain_text(sentence)


@pytest.mark.parametrize("part", ["manifest", "answers"])
def test_another_file_can_be_opened_in_the_place_of_one_that_cannot_be_shown(
    page: Page, saved: Saved, tmp_path: Path, page_errors: list[str], part: str
) -> None:
    whole = saved.path.read_bytes()
    bad = {
        "manifest": with_manifest(whole, lambda manifest: manifest.update(version=2)),
        "answers": with_part(whole, "answers", lambda _: b"[]"),
    }[part]
    address = changed(saved, tmp_path, bad)
    page.goto(address)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Open another file").click()
    chooser.value.set_files(saved.path)
    banner = page.get_by_role("status").filter(has_text="Saved file: incident.html.")
    expect(banner).to_contain_text("not from the file of this page")
    expect(banner.get_by_role("button")).to_have_count(0)  # there is nothing to go back to
    page.evaluate("history.back()")
    expect(page.get_by_role("heading", name="This file cannot be shown")).to_be_visible()
    expect(page.locator("#page")).to_contain_text("version 2" if part == "manifest" else "its answers are no object")
    assert {error for error in page_errors if not error.startswith("blob:")} == {address.partition("#")[0]}, (
        "it asks no viewer"
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"value": {"as": "f8", "at": 10**15}}, "a column is outside of it"),
        ({"value": {"as": "null"}, "count": 2_400_000, "t_ms": [[0, 1, 2_400_000]]}, "it has too many samples"),
    ],
)
def test_a_damaged_part_is_missing_and_the_page_says_which(
    page: Page, saved: Saved, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    def change(content: bytes) -> bytes:
        size = int.from_bytes(content[:4], "little")
        header = json.loads(content[4 : 4 + size])
        for series in header["series"]:
            series.update(changes)
        text = json.dumps(header).encode()
        return len(text).to_bytes(4, "little") + text + content[4 + size :]

    page.goto(changed(saved, tmp_path, with_part(saved.path.read_bytes(), "samples/memory_working_set", change)))
    expect(page.get_by_role("alert")).to_contain_text(f"samples/memory_working_set cannot be read, because {reason}")
    expect(lane(page, "CPU").locator(".peak")).to_be_attached()


def test_a_part_that_is_larger_than_it_says_is_not_decompressed(page: Page, saved: Saved, tmp_path: Path) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(256)), packer.flush()])
    line = b'data-name="samples/memory_working_set">'
    before, after = saved.path.read_bytes().split(line, 1)
    rest = after[after.index(b"</script>") :]
    page.goto(changed(saved, tmp_path, before + line + base64.b64encode(bomb) + rest))
    expect(page.get_by_role("alert")).to_contain_text("samples/memory_working_set cannot be read")
    expect(lane(page, "CPU").locator(".peak")).to_be_attached()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["wide", "phone"])
def test_axe_finds_no_accessibility_problem_in_a_pack(
    browser: Browser, saved: Saved, tmp_path: Path, theme: Literal["light", "dark"], size: tuple[int, int]
) -> None:
    redacted = with_manifest(saved.path.read_bytes(), lambda manifest: manifest.update(redacted=["pods"]))
    cut = tmp_path / "cut.html"
    cut.write_bytes(redacted[: len(redacted) // 2])
    with browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=theme) as context:
        inside = context.new_page()
        inside.goto(changed(saved, tmp_path, redacted))
        expect(inside.get_by_text("Names were replaced")).to_be_visible()
        expect(lane(inside, "CPU").locator(".peak")).to_be_attached()
        assert violations(inside) == []
        inside.goto(f"file://{cut}")
        assert violations(inside) == []
