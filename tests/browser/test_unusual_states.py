"""The page in unusual states: replicas with one name, refused requests, links with nonsense, long lists."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser.page import drag, lane, open_page, plot_box, ranges

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

Change = Callable[[dict[str, Any]], None]


def change_answers(page: Page, path: str, change: Change) -> None:
    """Change every answer of `path` on its way to the page, for states that the captured host does not have."""

    def fulfil(route: Route) -> None:
        response = route.fetch()
        answer = response.json()
        change(answer)
        route.fulfill(response=response, body=json.dumps(answer))

    page.route(path, fulfil)


def containers_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [series for series in answer["containers"] if series["scope"] == "container"]


def test_replicas_with_one_name_are_distinguished_by_their_pods(page: Page, viewer_url: str) -> None:
    """In the list, in the ledger and at the peaks of lanes, on a phone, too."""

    def one_deployment(answer: dict[str, Any]) -> None:
        for number, series in enumerate(containers_of(answer)):
            pod = f"checkout-frontend-7d9c5b86f4-x7z9{number}"
            series.update(name="web", container_name="web", namespace="shop", pod_name=pod)

    change_answers(page, "**/api/containers", one_deployment)
    open_page(page, viewer_url)
    expect(page.locator("tbody th")).to_have_count(6)
    ledger = page.locator("tbody th").all_inner_texts()
    assert len(set(ledger)) == 6
    assert all("shop/checkout-frontend" in text.replace("\n", "") for text in ledger)
    expect(lane(page, "Memory").locator(".peak")).to_contain_text("web in shop/checkout-frontend-")
    page.set_viewport_size({"width": 390, "height": 844})
    suffix = page.locator(".containers li .place").filter(has_text="x7z93").locator(":last-child")
    expect(suffix).to_be_visible()
    right = "(element) => element.getBoundingClientRect().right"
    assert suffix.evaluate(right) <= suffix.locator("..").evaluate(right)


def test_containers_that_have_just_exited_are_shown(page: Page, viewer_url: str) -> None:
    def end_all(answer: dict[str, Any]) -> None:
        for series in containers_of(answer):
            series["alive"] = False

    change_answers(page, "**/api/containers", end_all)
    open_page(page, viewer_url)
    expect(page.locator("tbody tr")).to_have_count(6)
    expect(page.locator(".containers .chips .on")).to_have_text(re.compile("^all"))
    expect(page.get_by_text(re.compile(r"^6 of \d+ shown"))).to_be_visible()


def test_pods_are_listed_like_containers_if_all_their_containers_exited_long_ago(page: Page, viewer_url: str) -> None:
    def end_all_long_ago(answer: dict[str, Any]) -> None:
        for series in containers_of(answer):
            series.update(alive=False, first_seen_ms=1_000_000, last_seen_ms=2_000_000)

    change_answers(page, "**/api/containers", end_all_long_ago)
    page.goto(viewer_url)
    expect(page.locator(".containers .chips .on")).to_have_text(re.compile("^all"))
    expect(page.locator(".containers li .name").filter(has_text=re.compile(r"^pod \w")).first).to_be_visible()


def test_six_containers_are_shown_if_the_ranking_is_refused(page: Page, viewer_url: str) -> None:
    """The first request for samples is the one for the ranking."""
    requests: list[str] = []

    def refuse_first(route: Route) -> None:
        requests.append(route.request.url)
        if len(requests) > 1:
            route.continue_()
        else:
            route.fulfill(
                status=404, content_type="application/problem+json", body='{"title": "unknown", "status": 404}'
            )

    page.route("**/api/timeseries?*", refuse_first)
    open_page(page, viewer_url)
    expect(page.locator("tbody tr")).to_have_count(6)


def test_a_comma_within_an_id_does_not_separate_ids(page: Page, viewer_url: str) -> None:
    page.goto(f"{viewer_url}#show=cgroup:/a%2Cb.service,node")
    assert page.evaluate("async () => (await fgm('state/store')).picked.value") == [
        "cgroup:/a,b.service",
        "node",
    ]
    sent = page.evaluate("async () => (await fgm('lib/url-escape')).escapeForUrl('cgroup:/a,b.service')")
    assert sent == "cgroup:/a%2Cb.service"
    assert page.evaluate("async () => (await fgm('lib/url-escape')).escapeForUrl('\\udc80')") == "%EF%BF%BD"


def test_a_zoom_that_leaves_the_pinned_second_removes_the_pin(page: Page, viewer_url: str) -> None:
    open_page(page, viewer_url)
    page.get_by_role("button", name="Pause").click()
    box = plot_box(page, "Memory")
    page.mouse.click(box["x"] + box["width"] * 0.1, box["y"] + 30)
    expect(page.get_by_role("button", name="Unpin")).to_be_visible()
    drag(page, 0.5, 1)
    expect(page.get_by_role("button", name="Unpin")).to_have_count(0)


def test_the_slash_key_focuses_the_search_and_escape_leaves_it(page: Page, viewer_url: str) -> None:
    open_page(page, viewer_url)
    search = page.get_by_label("Search containers")
    page.keyboard.press("Control+/")
    expect(search).not_to_be_focused()
    page.keyboard.press("/")
    expect(search).to_be_focused()
    expect(search).to_have_value("")
    page.keyboard.type("a/b")
    expect(search).to_have_value("a/b")
    page.keyboard.press("Escape")
    expect(search).not_to_be_focused()
    expect(search).to_have_value("")


@pytest.mark.dates
@pytest.mark.parametrize(
    "nonsense", ["last=" + "9" * 400 + "d", "last=999999d", "from=x&to=y", "last=0d&show=%E0%A4%A"]
)
def test_a_link_with_nonsense_shows_data_and_causes_no_error(
    page: Page, viewer_url: str, page_errors: list[str], nonsense: str
) -> None:
    page.goto(f"{viewer_url}#{nonsense}")
    expect(page.get_by_text(re.compile(r"live, \d s behind"))).to_be_visible()
    expect(page.get_by_label("Range or time")).to_have_value(re.compile(r"^(?!.*NaN).*\d\d:\d\d"))
    assert all(low < high for low, high in ranges(page).values())
    assert page_errors == []


def test_a_refused_request_is_not_repeated(page: Page, viewer_url: str) -> None:
    requests: list[str] = []

    def refuse(route: Route) -> None:
        if "io_bytes_per_s" not in route.request.url or "reduce=mean" in route.request.url:  # of the overview
            route.continue_()
            return
        requests.append(route.request.url)
        route.fulfill(status=400, content_type="application/problem+json", body='{"detail": "never", "status": 400}')

    page.goto(f"{viewer_url}#from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&show=node")
    expect(page.get_by_text("is newer than this range").first).to_be_visible()
    page.route("**/api/timeseries?*", refuse)
    page.get_by_role("button", name="1h").click()
    expect(page.get_by_role("alert")).to_contain_text("never")
    with page.expect_response("**/api/health"):
        pass
    with page.expect_response("**/api/health"):
        pass
    assert len(requests) == 1


def test_the_axis_of_five_centuries_has_few_marks(page: Page, viewer_url: str) -> None:
    page.goto(viewer_url)
    marks = page.evaluate(
        """async () => {
            const { timeTicks } = await fgm('lib/time-ticks');
            const { ticks, minor } = timeTicks(Date.UTC(1970, 0, 2), Date.UTC(2500, 0, 2), 900);
            return [ticks.map(({ text }) => text), minor.length];
        }"""
    )
    assert marks == [[str(year) for year in range(2000, 2501, 50)], 53]


def test_the_range_all_follows_new_samples(page: Page, viewer_url: str) -> None:
    open_page(page, viewer_url)
    page.get_by_role("button", name="all", exact=True).click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    assert page.url.endswith("#last=all")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Live").click()
    assert page.url.endswith("#last=all")


def test_the_disconnected_banner_names_the_pod(page: Page, viewer_url: str) -> None:
    def add_pod(answer: dict[str, Any]) -> None:
        answer.update(pod_name="fine-grained-monitor-x7z9q", port=8050)

    change_answers(page, "**/api/health", add_pod)
    change_answers(page, "**/api/instance", add_pod)
    open_page(page, viewer_url)
    page.unroute("**/api/health")
    page.route("**/api/*", lambda route: route.abort())
    expect(page.get_by_role("alert")).to_contain_text(
        re.compile(r"kubectl -n fine-grained-monitor port-forward pod/fine-grained-monitor-x7z9q \d+:8050")
    )


@pytest.mark.dates
def test_the_header_fits_if_the_range_has_a_midnight(page: Page, viewer_url: str) -> None:
    page.goto(f"{viewer_url}#last=26h")  # longer than any day
    theme = page.get_by_role("button", name="Dark theme")
    expect(page.get_by_label("Range or time")).to_have_value(re.compile("[A-Z].+[A-Z]"))
    box = theme.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 1440
    badge, gutter = page.locator(".badge").bounding_box(), page.locator(".ruler .gutter").bounding_box()
    assert badge is not None
    assert gutter is not None
    assert badge["x"] >= gutter["x"]


def test_a_phone_shows_a_long_list_in_parts(page: Page, viewer_url: str) -> None:
    def add_fifty(answer: dict[str, Any]) -> None:
        template = containers_of(answer)[0]
        answer["containers"] += [template | {"id": f"{number:012x}", "name": f"job-{number}"} for number in range(50)]

    change_answers(page, "**/api/containers", add_fifty)
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, viewer_url)
    rows = page.locator(".containers li .pick")
    expect(rows).to_have_count(21)
    page.get_by_role("button", name=re.compile("Show 20 more")).click()
    expect(rows).to_have_count(41)
