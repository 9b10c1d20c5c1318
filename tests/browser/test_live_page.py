"""What a live page asks for and draws with each beat: only what has changed, once; and nothing while it is hidden."""

import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser.page import open_page, until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]

COUNT = """async () => {
    const [store, { effect }] = await Promise.all(["state/store", "vendor/signals"].map(fgm));
    const counted = (window.counted = { shown: 0, draws: 0, beats: 0, list: store.allSeries.value });
    const plot = document.querySelector(".lane .plot"), { clearRect } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.clearRect = function (...box) {
        if (plot.contains(this.canvas)) counted.draws += 1;
        return clearRect.apply(this, box);
    };
    effect(() => {
        for (const signal of [store.edge_ms, store.laneSamples, store.explainingSamples]) signal.value;
        counted.shown += 1;
    });
    effect(() => (store.edge_ms.value, (counted.beats += 1)));
}"""
"""Script that from now on counts how often new data is shown, how often the first lane is drawn, and the beats."""
COUNTED = """async () => {
    await new Promise(requestAnimationFrame);
    const { allSeries } = await fgm("state/store");
    return { ...counted, list: counted.list === allSeries.value };
}"""
HIDE = """([isHidden]) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => isHidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
NEWEST_SAMPLE = """async () => {
    const { laneSamples } = await fgm("state/store");
    return Math.max(...[...laneSamples.value.lines.values()].flat().map(({ t }) => t.at(-1)));
}"""
PICTURES = """async () => {
    const [{ default: uPlot }, { linePath }] = await Promise.all(["vendor/uplot", "chart/line-path"].map(fgm));
    const random = (() => { let n = 1; return () => (n = (n * 16807) % 2147483647) / 2147483647; })();
    const x = Array.from({ length: 900 }, (_, i) => i), level = [];
    for (const i of x) level.push(i > 0 && random() < 0.8 ? level[i - 1] : Math.round(1000 * random()) / 10);
    const holes = level.map((value, i) => (i % 100 > 90 ? null : i % 7 === 3 ? undefined : value));
    const draw = async (y, paths) => {
        const scales = { x: { time: false, range: [40, 860] }, y: { range: [0, 110] } };
        const series = [{}, { stroke: "#000", width: 1, paths, points: { show: false } }];
        const options = { width: 700, height: 200, axes: [{ show: false }, { show: false }], legend: { show: false } };
        const chart = new uPlot({ ...options, cursor: { show: false }, scales, series }, [x, y], document.body);
        await new Promise(requestAnimationFrame); // uPlot draws later
        const { width, height } = chart.ctx.canvas;
        const { data } = chart.ctx.getImageData(0, 0, width, height);
        chart.destroy();
        return data;
    };
    const covers = (data, i) => data[4 * i + 3] > 96; // a level line of many points is paler in places
    const differing = (a, b) => a.filter((_, i) => 4 * i < a.length && covers(a, i) !== covers(b, i)).length;
    const blank = await draw(x.map(() => null), linePath), counts = [];
    for (const y of [level, holes]) {
        const ours = await draw(y, linePath);
        counts.push([differing(await draw(y, uPlot.paths.linear()), ours), differing(ours, blank)]);
    }
    return counts;
}"""
"""Script that draws two lines, one with gaps, with uPlot's own paths and with those of the page, and counts pixels."""


def paths_of(page: Page) -> list[str]:
    """Return a list to which every request of the page from now on is added: its path and its query."""
    seen: list[str] = []
    page.on("request", lambda request: seen.append(urlsplit(request.url)._replace(scheme="", netloc="").geturl()))
    return seen


def _with_another_token(route: Route, name: str) -> None:
    """Respond as the viewer does, but with a token that it has not had before."""
    response = route.fetch()
    route.fulfill(response=response, body=json.dumps({**response.json(), name: f"another {time.monotonic_ns()}"}))


def beats(seen: list[str]) -> int:
    return seen.count("/api/health")


@pytest.fixture
def live_page(page: Page, viewer_url: str) -> Page:
    """A live page that has loaded everything."""
    seen = paths_of(page)
    open_page(page, viewer_url)
    until(page, lambda: page.evaluate("async () => (await fgm('state/store')).cpuUse.value !== null"))
    ranked = beats(seen)
    until(page, lambda: any(path.startswith("/api/events") for path in seen) and beats(seen) >= ranked + 2)
    return page


def test_a_beat_asks_only_for_new_samples_and_is_drawn_once(live_page: Page) -> None:
    """The containers run on, and nothing happens to them: their list, 20 KB, is neither requested nor drawn again.

    The overview's events, which have kinds, are requested twice a minute.
    """
    seen = paths_of(live_page)
    live_page.evaluate(COUNT)
    until(live_page, lambda: live_page.evaluate("() => counted.beats") > 3)
    counted = live_page.evaluate(COUNTED)

    assert counted["list"], "another list of containers"
    assert 2 <= counted["draws"] <= counted["shown"]
    assert [path for path in seen if path.startswith(("/api/containers", "/api/events")) and "kind=" not in path] == []


def test_changes_of_the_list_are_applied(page: Page, viewer_url: str) -> None:
    """A container is new, another one is removed; all others are not sent again, and stay in the list."""
    sent: list[str] = []

    def health(route: Route) -> None:
        response = route.fetch()
        token = "another" if sent else response.json()["containers_token"]
        route.fulfill(response=response, body=json.dumps({**response.json(), "containers_token": token}))

    def containers(route: Route) -> None:
        response = route.fetch(url=f"{viewer_url}api/containers")
        sent.append(urlsplit(route.request.url).query)
        answer: dict[str, Any] = response.json()
        if len(sent) > 1:
            kept = [series for series in answer["containers"] if series["scope"] == "container"]
            new = {**kept[0], "id": "fresh", "name": "fresh", "container_name": "fresh", "pod_name": "fresh-1"}
            answer |= {"whole": False, "token": "another", "containers": [new], "removed": [kept[1]["id"]]}
            removed.append(kept[1]["id"])
        route.fulfill(response=response, body=json.dumps(answer))

    removed: list[str] = []
    page.route("**/api/health", health)
    page.route("**/api/containers*", containers)
    open_page(page, viewer_url)
    expect(page.locator(".containers li .name").get_by_text("fresh", exact=True)).to_be_visible()
    ids = page.evaluate("async () => (await fgm('state/store')).allSeries.value.map(({ id }) => id)")

    page.unroute_all(behavior="ignoreErrors")
    assert sent[0] == ""
    assert sent[1].startswith("since=")
    assert len(sent) == 2
    assert "fresh" in ids
    assert removed[0] not in ids
    assert len(ids) == len(set(ids)) > 3


def test_an_earlier_viewer_without_tokens_is_asked_for_the_whole_list(page: Page, viewer_url: str) -> None:
    """A page that was left open may get the answers of an earlier version, after a rollback."""

    def without_tokens(route: Route) -> None:
        response = route.fetch()
        names = ("containers_token", "events_token", "token", "whole", "removed", "newest_ms_of_list")
        answer = {name: value for name, value in response.json().items() if name not in names}
        route.fulfill(response=response, body=json.dumps(answer))

    seen = paths_of(page)
    page.route("**/api/health", without_tokens)
    page.route("**/api/containers*", without_tokens)
    open_page(page, viewer_url)
    until(page, lambda: seen.count("/api/containers") >= 3)

    page.unroute_all(behavior="ignoreErrors")
    assert not any("since=" in path for path in seen)
    expect(page.locator("tbody th")).to_have_count(6)


def test_a_hidden_page_asks_for_nothing_and_catches_up_when_it_is_shown(live_page: Page) -> None:
    newest = "async () => (await fgm('state/store')).newest_ms.value"
    live_page.evaluate(HIDE, [True])
    live_page.wait_for_timeout(2500)  # the span is the subject: a poll that has begun still ends
    seen, before_ms = paths_of(live_page), live_page.evaluate(newest)
    live_page.wait_for_timeout(5000)  # the same: two beats and more
    assert seen == []
    live_page.evaluate(HIDE, [False])
    until(live_page, lambda: live_page.evaluate(newest) >= before_ms + 5000)

    assert beats(seen) >= 1
    assert len([path for path in seen if path.startswith("/api/timeseries")]) <= 3 * beats(seen)


def test_a_request_without_response_does_not_delay_the_samples(live_page: Page) -> None:
    """The events are requested with the samples, and the response does not come."""
    held: list[Route] = []
    given_up: list[str] = []
    live_page.on("requestfailed", lambda request: given_up.append(request.url))
    live_page.route(
        "**/api/events*", lambda route: route.continue_() if "kind=" in route.request.url else held.append(route)
    )
    live_page.route("**/api/health", lambda route: _with_another_token(route, "events_token"))
    until(live_page, lambda: bool(held))
    before_ms = live_page.evaluate(NEWEST_SAMPLE)
    until(live_page, lambda: live_page.evaluate(NEWEST_SAMPLE) > before_ms)
    live_page.unroute_all(behavior="ignoreErrors")

    assert given_up == []


def test_the_samples_of_a_range_are_not_delayed_by_the_events(page: Page, viewer_url: str) -> None:
    """The viewer may have to derive the events, which takes it seconds."""
    seen = paths_of(page)

    def hold(_: Route) -> None:
        """Give no response."""

    page.route("**/api/timeseries*", hold)
    now_s = int(time.time())
    page.goto(f"{viewer_url}#from={now_s - 40}&to={now_s}")
    until(page, lambda: any(path.startswith("/api/timeseries") for path in seen) and beats(seen) >= 4)
    page.unroute_all(behavior="ignoreErrors")

    assert [path for path in seen if path.startswith("/api/events")] == []


def test_after_the_clock_was_set_back_the_events_of_the_view_are_requested(live_page: Page) -> None:
    """What the page knows of the events of a time that has not come again is worth nothing."""
    seen = paths_of(live_page)

    def an_hour_ago(route: Route) -> None:
        response = route.fetch()
        health = response.json()
        earlier = {name: health[name] - 3_600_000 for name in ("now_ms", "newest_ms", "oldest_ms")}
        route.fulfill(response=response, body=json.dumps({**health, **earlier}))

    live_page.route("**/api/health", an_hour_ago)
    until(live_page, lambda: any(path.startswith("/api/events") and "kind=" not in path for path in seen))
    path = next(path for path in seen if path.startswith("/api/events") and "kind=" not in path)
    asked = {name: int(value) for name, _, value in (part.partition("=") for part in urlsplit(path).query.split("&"))}
    live_page.unroute_all(behavior="ignoreErrors")

    assert asked["to"] - asked["from"] >= 60_000


def test_a_path_with_fewer_points_covers_the_same_pixels(page: Page, viewer_url: str) -> None:
    page.goto(viewer_url)
    (without_gaps, drawn), (with_gaps, _) = page.evaluate(PICTURES)

    assert drawn > 1000
    assert without_gaps == 0
    assert with_gaps < 150  # uPlot clips what reaches into the nine gaps, such as half of a vertical part at an end
