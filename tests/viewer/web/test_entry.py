"""The entry point of HTTP: it serves the page, its files and the health, and passes other requests to the API."""

import gzip
from pathlib import Path

import anyio
import pytest

from fgm.viewer.web.asgi import Receive, Scope, Send, respond
from fgm.viewer.web.assets import load_assets
from fgm.viewer.web.entry import Entry
from tests.support.viewer.asgi_client import get

VERSION = "52b08fcd860a"
STATIC = f"/static/{VERSION}/"
PAGE = f'<p>the page <script src="static/{VERSION}/page.js">'.encode()


async def api(scope: Scope, _: Receive, send: Send) -> None:
    await respond(scope, send, 200, {}, b"the API")


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "index.html").write_text('<p>the page <script src="static/page.js">')
    (tmp_path / "page.js").write_text("let page")
    (tmp_path / "vendor" / "chart.js").write_text("let chart")
    (tmp_path / "vendor" / "chart.LICENSE").write_text("MIT")
    return Entry(load_assets(str(tmp_path)), lambda: {"state": "starting"})


async def test_the_page_its_files_and_the_health_are_served_before_the_app_is_attached(entry: Entry) -> None:
    page = await get(entry, "/")

    assert (page.status, page.body, page.headers["content-type"]) == (200, PAGE, "text/html; charset=utf-8")
    assert (await get(entry, f"{STATIC}vendor/chart.js")).headers["content-type"] == "text/javascript; charset=utf-8"
    assert (await get(entry, "/api/health")).json == {"state": "starting"}


async def test_the_health_accepts_no_parameter(entry: Entry) -> None:
    answer = await get(entry, "/api/health?x=1")

    assert (answer.status, answer.json["parameter"]) == (400, "x")


async def test_a_request_to_the_api_waits_until_it_is_released(entry: Entry) -> None:
    answers = []

    async def ask() -> None:
        answers.append(await get(entry, "/api/metrics"))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            group.start_soon(entry.wait_until_quiet, 0)
            entry.attach(api)
            await anyio.wait_all_tasks_blocked()

            assert answers == []

            entry.release()
        await entry.wait_until_quiet(0)

    assert [answer.body for answer in answers] == [b"the API"]


async def test_work_in_the_background_waits_for_the_requests_that_follow_another_one(entry: Entry) -> None:
    entry.attach(api)
    entry.release()
    with anyio.fail_after(5):
        await entry.wait_until_quiet(3600)  # there was no request yet
    await get(entry, "/api/metrics")
    with anyio.move_on_after(0) as patience:
        await entry.wait_until_quiet(3600)

    assert patience.cancelled_caught

    with anyio.fail_after(5):
        await entry.wait_until_quiet(0)


async def test_a_request_that_waits_too_long_for_the_app_is_refused() -> None:
    answer = await get(Entry({}, dict, max_hold_s=0), "/api/metrics")

    assert answer.status == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["content-type"] == "application/problem+json"


async def test_other_requests_are_passed_on_while_an_app_is_attached(entry: Entry) -> None:
    entry.attach(api)
    entry.release()

    assert (await get(entry, "/api/metrics")).body == b"the API"
    assert (await get(entry, "/")).body == PAGE
    assert (await get(entry, "/api/health")).json == {"state": "starting"}

    entry.detach()

    assert (await get(entry, "/api/metrics")).status == 503


@pytest.mark.parametrize(
    "path", ["/static/../entry.py", f"{STATIC}vendor/chart.LICENSE", STATIC, "/static//page.js", "/page.js", "//"]
)
async def test_only_the_files_of_the_page_are_served(entry: Entry, path: str) -> None:
    entry.attach(api)
    entry.release()

    assert (await get(entry, path)).body == b"the API", "a file of the package is served"


async def test_a_file_that_the_browser_has_is_not_sent_again(entry: Entry) -> None:
    first = await get(entry, f"{STATIC}page.js")
    again = await get(entry, f"{STATIC}page.js", headers={"if-none-match": f'"x", W/{first.headers["etag"]}'})

    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (await get(entry, f"{STATIC}page.js", headers={"if-none-match": '"other"'})).status == 200


@pytest.fixture
def changed(entry: Entry, tmp_path: Path) -> Entry:  # noqa: ARG001 - changes the files from which that fixture was made
    """The next version, with another chart and a long page."""
    (tmp_path / "vendor" / "chart.js").write_text("let other")
    (tmp_path / "index.html").write_text('<script src="static/page.js">' + 10_000 * "long ")
    return Entry(load_assets(str(tmp_path)), lambda: {"state": "starting"})


async def test_files_are_cached_forever_at_an_address_that_changes_with_them(entry: Entry, changed: Entry) -> None:
    assert (await get(entry, "/")).headers["cache-control"] == "no-cache"
    assert "immutable" in (await get(entry, f"{STATIC}page.js")).headers["cache-control"]
    assert STATIC[1:].encode() not in (await get(changed, "/")).body
    assert (await get(changed, f"{STATIC}page.js")).status == 503, (
        "a request for an unknown file is passed on to the API"
    )


async def test_long_files_are_compressed_for_clients_that_accept_gzip(changed: Entry) -> None:
    plain, zipped = await get(changed, "/"), await get(changed, "/", headers={"accept-encoding": "gzip, br"})

    assert zipped.headers["content-encoding"] == "gzip"
    assert (gzip.decompress(zipped.body), len(zipped.body) < 1000) == (plain.body, True)
    assert "content-encoding" not in plain.headers


def test_the_package_has_a_page() -> None:
    assert load_assets()["/"].media_type.startswith("text/html")
