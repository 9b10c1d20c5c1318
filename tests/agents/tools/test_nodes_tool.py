"""`nodes` agrees with what the viewers of the nodes say."""

from collections.abc import Iterator

import pytest
from mcp import Client
from tests.support.agents import agent_of_nodes, answer
from tests.support.cluster import viewer
from tests.support.http_api import asked
from tests.support.leak_and_stall import unpacked

from fgm.agents.quantities import day_and_clock

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def leak_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with viewer(unpacked(tmp_path_factory.mktemp("leak"))) as (_, port):
        yield f"http://127.0.0.1:{port}"


async def test_one_node_has_the_times_and_the_version_of_its_viewer(agent: Client, incidents_url: str) -> None:
    health, instance = asked(incidents_url, "/api/health"), asked(incidents_url, "/api/instance")
    text = await answer(agent, "nodes")

    assert text.startswith("1 of 1 nodes answer")
    begin, end = (day_and_clock(health[name]) for name in ("oldest_ms", "newest_ms"))
    assert f"{instance['node_name']}: data from {begin} to {end} UTC, newest sample " in text
    assert f", fgm {health['version']}" in text


async def test_each_of_several_nodes_has_what_its_viewer_says(incidents_url: str, leak_url: str) -> None:
    urls = {"b": leak_url, "a": incidents_url}
    async with agent_of_nodes({**urls, "gone": "http://127.0.0.1:1"}) as client:
        lines = (await answer(client, "nodes")).splitlines()

    assert lines[0] == "2 of 3 nodes answer"
    assert any(line.startswith("gone: NO ANSWER: cannot connect") for line in lines)
    for name, url in urls.items():
        health = asked(url, "/api/health")
        begin, end = (day_and_clock(health[name]) for name in ("oldest_ms", "newest_ms"))
        assert next(line for line in lines if line.startswith(f"{name}: ")).startswith(
            f"{name}: data from {begin} to {end} UTC, "
        )
