"""`series` with `by`: values by label agree with /api/labelled."""

import math
from collections.abc import AsyncIterator, Iterator

import pytest
from mcp import Client
from tests.support.agents import answer, call, local_agent, text_of
from tests.support.cluster import viewer
from tests.support.http_api import asked
from tests.support.leak_and_stall import unpacked

from fgm.agents.quantities import clock, quantity

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A recording of a real machine, which has labelled values."""
    with viewer(unpacked(tmp_path_factory.mktemp("leak"))) as (_, port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
async def leak_agent(url: str) -> AsyncIterator[Client]:
    async with local_agent(url) as client:
        yield client


@pytest.mark.parametrize(
    ("metric", "label"),
    [
        ("io.stat.wbytes", "disk"),
        ("disk_busy_ratio", "disk"),
        ("filesystem.available_bytes", "mount point"),
        ("filesystem.size_bytes", "mount point"),
    ],
)
async def test_values_of_the_node_by_label_are_those_of_the_viewer(
    leak_agent: Client, url: str, metric: str, label: str
) -> None:
    span = {"from_": "2026-11-28T22:30:09Z", "to": "2026-11-28T22:34:19Z"}
    (series,) = asked(url, "/api/labelled", metric=metric, points=2000, **span)["series"]
    unit = asked(url, "/api/labelled", metric=metric, **span)["unit"]
    text = await answer(leak_agent, "series", metric=metric, by=label, **span)

    samples = [
        (value, at_ms) for at_ms, value in zip(series["t_ms"], series["value"], strict=True) if value is not None
    ]
    (line,) = text.split("Values, the highest first:\n")[1].splitlines()[:1]
    assert line.startswith(f"{metric} of {label} {series['label']}, worker-3 (id node): ")
    assert f"; {len(samples)} samples" in line
    highest, at_ms = max(samples)
    if highest == min(samples)[0]:
        assert f"always {quantity(highest, unit)}" in line
    else:
        assert f"mean {quantity(math.fsum(value for value, _ in samples) / len(samples), unit)}" in line
        assert f"highest {quantity(series['max'], unit)} at {clock(at_ms)}" in line
        assert f"last {quantity(series['last'], unit)} at {clock(series['last_ms'])}" in line
    assert "Note: resolution: a value each 10 s" in text


async def test_values_of_a_container_by_label_and_several_metrics_at_once(leak_agent: Client, url: str) -> None:
    body = asked(url, "/api/containers")["containers"]
    ids = ",".join(each["id"] for each in body if each["scope"] == "container")
    health = asked(url, "/api/health")  # `range=all` ends now, so that a point would be of more and more samples
    span = {"from_": str(health["oldest_ms"]), "to": str(health["newest_ms"] + 1000)}
    series = asked(url, "/api/labelled", metric="io.stat.rbytes", containers=ids, points=2000, **span)["series"]
    each = next(each for each in series if each["max"] is not None)
    text = await answer(
        leak_agent, "series", metric=["io.stat.rios", "io.stat.rbytes"], by="disk", container=each["id"], last="all"
    )

    assert text.startswith("2 series by disk on worker-3")
    line = next(line for line in text.splitlines() if line.startswith("io.stat.rbytes of disk "))
    assert line.startswith(f"io.stat.rbytes of disk {each['label']}, {each['name']}")
    assert f" {quantity(each['max'], 'bytes/s')}" in line
    assert f"{sum(value is not None for value in each['value'])} samples" in line


async def test_what_has_no_values_by_label_is_said(leak_agent: Client) -> None:
    result = await call(leak_agent, "series", {"metric": "dmem.current", "by": "region"})

    assert result.is_error
    assert text_of(result) == "no values by region were recorded of 'node' in this range"
