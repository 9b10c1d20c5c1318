"""A workload keeps its colour; and the colours of walls and of their marks can be told apart by everybody."""

from dataclasses import asdict
from typing import Literal

import numpy as np
import pytest
from playwright.sync_api import Page

from fgm.store.samples.series import Series, workload_of
from tests.support.browser.colour_vision import VISIONS, difference, seen
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


RAMP = """async () => {
    const [{ rampOf, pixelOfColour }, { RAMP_TOKENS }] =
        await Promise.all(["lib/wall/ramp", "chart/wall/wall-canvas"].map(fgm));
    const style = getComputedStyle(document.documentElement);
    const token = (name) => style.getPropertyValue(`--${name}`).trim();
    const parts = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
    const names = ["bg", "oom", "thr", "psi"];
    const marks = Object.fromEntries(names.map((name) => [name, parts(pixelOfColour(token(name)))]));
    return { ramp: [...rampOf(RAMP_TOKENS.map(token))].map(parts), ...marks };
}"""
"""Script that returns the colours of a wall and of the marks on it, as red, green and blue."""


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_shades_and_marks_of_a_wall_hold_for_every_kind_of_colour_blindness(
    page: Page, incidents_url: str, theme: Literal["light", "dark"], vision: str
) -> None:
    """More is always further from the background. A mark differs from every shade, so it is seen on any of them."""
    page.emulate_media(color_scheme=theme)
    page.goto(incidents_url)
    colours = page.evaluate(RAMP)
    ramp, background = seen(colours["ramp"], vision), seen([colours["bg"]], vision)
    lightness = ramp[:, 0] if theme == "dark" else -ramp[:, 0]

    assert (np.diff(lightness[::4]) > 0).all()
    assert (lightness[32:] - lightness[:-32]).min() > 5, "an eighth of the ramp cannot be told apart"
    assert difference(background, ramp[0]) > 6, "zero looks like nothing"
    for mark in ("oom", "thr", "psi"):
        assert difference(seen([colours[mark]], vision), ramp).min() > 12, f"{mark} looks like a shade"
