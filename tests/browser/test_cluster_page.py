"""The page of a cluster, in a browser: real viewers of recorded incidents, behind a real kubectl."""

import re
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.browser.accessibility import violations
from tests.support.cluster import Cluster

pytestmark = [pytest.mark.browser, pytest.mark.slow]
VIEW = "last=1h&to=2026-11-26T18:00:00Z"


@pytest.fixture(scope="module")
def cluster_url(incidents_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the page of a cluster of three nodes, one of which does not answer."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    for node in ("worker-1", "worker-2"):
        cluster.add_node(node, int(incidents_url.rstrip("/").rpartition(":")[2]))
    cluster.add_node("worker-9")
    with cluster.start("cluster", "--no-browser", "--port=0") as process:
        assert process.stderr is not None
        yield process.stderr.readline().removeprefix("fgm: open ").strip()
        process.send_signal(signal.SIGINT)
    cluster.api.close()


def test_a_click_asks_all_nodes_and_a_node_opens_its_page_there(page: Page, cluster_url: str) -> None:
    page.goto(f"{cluster_url}#{VIEW}")
    expect(page.locator(".row canvas")).to_have_count(2)
    expect(page.locator(".row").nth(2)).to_contain_text("connection refused")
    expect(page.locator("header")).to_contain_text("3 of 3 nodes, 1 does not answer")

    strip = page.get_by_role("img", name=re.compile("worker-1: CPU up to .*, 1?[0-9]+ events"))
    box = strip.bounding_box()
    assert box is not None
    strip.click(position={"x": box["width"] * (46.7 / 60), "y": 5})  # 17:46:42
    first = page.locator("aside ol li").first
    expect(first).to_contain_text("payments was OOM-killed at ")
    expect(page.locator("aside")).to_contain_text(re.compile(r"\d+ (start|exit)s?"))
    expect(page.locator("aside td.share").first).to_have_text(re.compile(r"^[\d.]+ %$"))
    assert re.search(r"&at=2026-11-26T17:46:\d\d", page.url)

    with page.context.expect_page() as opened:
        first.get_by_role("link").click()
    expect(opened.value).to_have_url(
        re.compile(r"http://127\.0\.0\.1:\d+/#from=2026-11-26T17:41:\d\dZ&to=.*&at=2026-11-26T17:46:34Z")
    )
    expect(opened.value.locator(".lane").first).to_be_visible()


def test_keys_move_the_cursor_and_ask(page: Page, cluster_url: str) -> None:
    page.goto(f"{cluster_url}#{VIEW}&at=2026-11-26T17:50:30Z")
    expect(page.locator("aside ol li").first).to_contain_text("batch-import")
    page.get_by_role("region", name="Nodes").focus()
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".axis")).to_contain_text("at 17:47:45")
    page.keyboard.press("Enter")
    expect(page.locator("aside h2").first).to_have_text("The minute around 17:47:45")


def test_axe_finds_nothing_in_both_themes(browser: Browser, cluster_url: str) -> None:
    page = browser.new_page(color_scheme="light", bypass_csp=True)
    page.goto(f"{cluster_url}#{VIEW}&at=2026-11-26T17:46:40Z")
    expect(page.locator("aside ol li").first).to_be_visible()
    found = violations(page)
    page.emulate_media(color_scheme="dark")

    assert found + violations(page) == []
    page.close()


def test_new_columns_appear_and_only_they_are_asked_for(page: Page, cluster_url: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/strips" in request.url else None)
    page.clock.install(time="2026-11-26T17:48:00Z")
    page.goto(f"{cluster_url}#last=1h")
    expect(page.locator("header")).to_contain_text("3 of 3 nodes")
    page.clock.pause_at("2026-11-26T17:48:30Z")
    asked.clear()
    page.clock.run_for(45_000)

    expect(page.locator(".axis .times span").last).to_have_text(re.compile(r"17:49:0\d"))
    columns = {url.partition("node=")[2].partition("&")[0]: url.rpartition("columns=")[2] for url in asked}
    assert columns == {"worker-1": "4", "worker-2": "4", "worker-9": "240"}
    expect(page.locator(".row canvas")).to_have_count(2)


def test_the_range_stays_where_the_address_says(page: Page, cluster_url: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/strips" in request.url else None)
    page.clock.install(time="2026-11-26T17:48:00Z")
    page.goto(f"{cluster_url}#{VIEW}")
    expect(page.locator("header")).to_contain_text("3 of 3 nodes")
    page.clock.pause_at("2026-11-26T18:30:00Z")
    page.clock.run_for(10_000)

    assert len(asked) == 3


def test_a_node_that_does_not_answer_has_a_page_that_says_so(page: Page, cluster_url: str) -> None:
    page.goto(f"{cluster_url}open?node=worker-9")
    expect(page.get_by_role("alert")).to_have_text("worker-9: nothing listens in its pod: connection refused")
    page.get_by_role("link", name="All nodes of the cluster").click()
    expect(page.locator(".row")).to_have_count(3)


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["worker-1", "worker-2"], ["worker-1", "worker-2"]),
        (["ip-10-0-3-17.eu.internal", "ip-10-0-3-18.eu.internal"], ["ip-10-0-3-17", "ip-10-0-3-18"]),
        (["gke-shop-pool-8f3a-x7k2", "gke-shop-pool-8f3a-b3cd"], ["…x7k2", "…b3cd"]),
        (["gke-shop-pool-8f3a-x7k2", "gke-shop-other-91c4-b3cd"], ["…pool-8f3a-x7k2", "…other-91c4-b3cd"]),
        (["a-very-long-name-of-a-node"], ["a-very-long-name-of-a-node"]),
        ([], []),
    ],
)
def test_names_are_shown_without_what_all_share(
    page: Page, cluster_url: str, names: list[str], shown: list[str]
) -> None:
    page.goto(f"{cluster_url}#{VIEW}")
    module = "document.querySelector('script').src.replace('main.js', 'short-names.js')"
    short = page.evaluate(f"async (names) => [...(await import({module})).shortNames(names)]", names)

    assert short == [list(pair) for pair in zip(names, shown, strict=True)]
