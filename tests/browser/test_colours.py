"""A workload keeps its colour when the selection changes, when the tab is reloaded, and after a link has set it."""

from dataclasses import asdict

import pytest
from playwright.sync_api import Page

from fgm.store.samples.series import Series, workload_of
from tests.support.browser.page import open_page, until

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]


def slots(page: Page) -> dict[str, int]:
    """Return the colour slot of every series that is shown."""
    by_series: dict[str, int] = page.evaluate(
        """async () => {
            const { shown } = await fgm('state/shown');
            return Object.fromEntries(shown.value.map(({ series, slot }) => [series.id, slot]));
        }"""
    )
    return by_series


def test_a_workload_keeps_its_colour_after_a_selection_and_a_reload(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    before = slots(page)
    *_, first, last = sorted(before, key=before.__getitem__)
    page.evaluate("async (ids) => (await fgm('state/view')).showThese(ids)", [last, first])
    assert slots(page) == {last: before[last], first: before[first]}
    page.reload()
    until(page, lambda: slots(page) == {last: before[last], first: before[first]})


def test_the_colours_of_a_link_win_and_are_kept(page: Page, incidents_url: str) -> None:
    open_page(page, incidents_url)
    first, second, third = list(slots(page))[:3]
    page.goto(f"{incidents_url}#show={first},{second}&colours=4,2")
    until(page, lambda: slots(page) == {first: 3, second: 1})
    page.goto(f"{incidents_url}#show={third},{second},{first}")
    until(page, lambda: len(slots(page)) == 3)
    assert (slots(page)[first], slots(page)[second]) == (3, 1)
    page.goto(f"{incidents_url}#show={first},{second}&colours=2,2")
    until(page, lambda: slots(page) == {first: 1, second: 0})


def test_the_page_and_the_viewer_know_the_same_workloads(page: Page, viewer_url: str) -> None:
    """A container that Compose makes again is one workload, as a container of a pod that is started again."""
    series = [
        Series("container", container_id="a", container_name="web", runtime="docker"),
        Series("container", container_id="a", container_name="web", runtime="podman", pod_name="cart"),
        Series("container", container_id="a", container_name="web", runtime="docker", pod_uid="u"),
        Series("container", container_id="a", container_name="web", pod_name="cart", namespace="shop", pod_uid="u"),
        Series("container", container_name="web", runtime="lxc", cgroup="/lxc.payload.web"),
        Series("container", container_id="a", runtime="docker"),
    ]
    page.goto(viewer_url)
    of_page = page.evaluate(
        "async (series) => { const { workload } = await fgm('lib/series'); return series.map(workload); }",
        [{**asdict(each), "id": "id"} for each in series],
    )

    assert of_page == ["id" if (names := workload_of(each)) is None else "/".join(names) for each in series]
