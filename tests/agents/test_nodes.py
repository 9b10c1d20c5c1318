"""`fgm mcp cluster` with a real kubectl and real viewers: nodes that do not answer are named; nothing is left over."""

import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from itertools import product
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from anyio import create_task_group, fail_after, sleep
from mcp import Client
from tests.support.agents import answer, call, children_of, http_agents, stdio_agent, text_of
from tests.support.cluster import Cluster, viewer
from tests.support.leak_and_stall import unpacked
from tests.support.processes import LOOK_AGAIN_S

from fgm.agents.nodes import Nodes
from fgm.agents.tools.toolbox import TOOLS
from fgm.asking.kept_viewers import KeptViewers
from fgm.asking.sources import Source
from fgm.asking.viewer_client import ViewerClient, client_of
from fgm.clock import SystemClock

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.api.close()


@pytest.fixture(scope="module")
def two_nodes(incidents_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster of two nodes, one of which does not answer."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    cluster.add_node("worker-3", urlsplit(incidents_url).port)
    cluster.add_node("worker-9")  # nothing listens
    yield cluster
    cluster.api.close()


@pytest.fixture(scope="module")
async def agent(two_nodes: Cluster) -> AsyncIterator[Client]:
    async with stdio_agent("cluster", "--context", "test", env=two_nodes.environment) as client:
        yield client


async def test_all_nodes_are_asked_and_those_that_do_not_answer_are_named(agent: Client) -> None:
    nodes = await answer(agent, "nodes")
    assert nodes.startswith("1 of 2 nodes answer")
    assert "worker-9: NO ANSWER" in nodes

    text = await answer(agent, "what_happened", time="2026-11-26T17:46Z")
    assert "on 1 of 2 nodes" in text.splitlines()[0]
    assert "1. worker-3: payments was OOM-killed" in text
    assert "Note: no answer from worker-9: " in text
    assert "(when fgm mcp has ended: fgm open --context test worker-3 2026-11-26T17:46:34Z)" in text


async def test_one_node_of_the_cluster_can_be_chosen(agent: Client) -> None:
    text = await answer(agent, "find", words="payments", node="worker-3")
    assert text.startswith("3 series on worker-3")

    result = await call(agent, "find", {"node": "worker-9"})
    assert result.is_error
    wrong = await call(agent, "find", {"node": "worker-1"})
    assert text_of(wrong) == "there is no node 'worker-1': there are worker-3, worker-9"


async def test_what_several_nodes_have_is_one_list_and_what_one_lacks_is_no_failure(
    cluster: Cluster, incidents_url: str, tmp_path: Path
) -> None:
    cluster.add_node("worker-3", urlsplit(incidents_url).port)
    with viewer(unpacked(tmp_path)) as (_, port):
        cluster.add_node("worker-4", port)
        async with stdio_agent("cluster", "--context", "test", env=cluster.environment) as client:
            both = await answer(client, "find", words="checkout", last="all")
            leak = await answer(client, "series", metric="memory_working_set", container="stream-processor", last="all")
            missing = await call(
                client, "series", {"metric": "memory_working_set", "container": "no such", "last": "all"}
            )

    assert " on worker-3, worker-4, " in both
    assert "worker-4: checkout" in both
    assert "stream-processor" in leak
    assert "no answer" not in leak
    assert "no series matches 'no such'" in text_of(missing)


async def test_a_forward_that_has_ended_is_opened_again(two_nodes: Cluster, agent: Client) -> None:
    before = await answer(agent, "find", words="payments", node="worker-3")
    two_nodes.api.cut()
    after = await answer(agent, "find", words="payments", node="worker-3")

    assert before.splitlines()[:-1] == after.splitlines()[:-1]


async def test_kubectl_ends_with_the_client(cluster: Cluster, incidents_url: str) -> None:
    cluster.add_node("worker-3", urlsplit(incidents_url).port)
    async with stdio_agent("cluster", "--context", "test", env=cluster.environment) as client:
        text = await answer(client, "nodes")
        address = urlsplit(next(line for line in text.splitlines() if line.startswith("Page: ")).split(" ")[1])
        assert address.port is not None
        with socket.create_connection(("127.0.0.1", address.port)):
            pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", address.port))


async def test_progress_is_reported_through_pipes_and_http_to_clients_of_both_protocols(two_nodes: Cluster) -> None:
    environment = {**os.environ, **two_nodes.environment}
    with http_agents("cluster", "--context", "test", env=environment) as url:
        modes: list[Literal["auto", "legacy"]] = ["auto", "legacy"]
        for server, mode in product((url, None), modes):
            async with agent_to(server, two_nodes, mode) as client:
                reported: list[tuple[float, float | None, str | None]] = []

                async def report(progress: float, total: float | None, message: str | None) -> None:
                    reported.append((progress, total, message))  # noqa: B023 - each list has its own function

                await client.call_tool("nodes", {}, progress_callback=report)
                assert [each[:2] for each in reported] == [(1, 2), (2, 2)]
                assert reported[-1][2] == "asked 2 of 2 nodes, 1 have answered"


@pytest.mark.parametrize(("transport", "mode"), [("pipes", "auto"), ("pipes", "legacy"), ("http", "auto")])
async def test_a_cancelled_call_leaves_no_kubectl_running(
    cluster: Cluster, incidents_url: str, transport: str, mode: Literal["auto", "legacy"]
) -> None:
    """Of three nodes one answers, and two never do."""
    cluster.add_node("worker-3", urlsplit(incidents_url).port)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel connects, and nobody answers
        for name in ("worker-8", "worker-9"):
            cluster.add_node(name, silent.getsockname()[1])
        before = set(children_of(os.getpid()))
        with ExitStack() as stack:
            url = None
            if transport == "http":
                environment = {**os.environ, **cluster.environment}
                url = stack.enter_context(http_agents("cluster", "--context", "test", env=environment))
            async with agent_to(url, cluster, mode) as client:
                (server,) = set(children_of(os.getpid())) - before
                with fail_after(30):
                    async with create_task_group() as group:
                        group.start_soon(client.call_tool, "what_happened", {"last": "10m"})
                        while len(children_of(server)) < 3:
                            await sleep(LOOK_AGAIN_S)
                        group.cancel_scope.cancel()
                    while children_of(server):
                        await sleep(LOOK_AGAIN_S)
                cluster.api.pods[:] = cluster.api.pods[:1]
                assert "worker-3: data from" in await answer(client, "nodes")


@asynccontextmanager
async def agent_to(url: str | None, cluster: Cluster, mode: Literal["auto", "legacy"]) -> AsyncIterator[Client]:
    """Yield a client of a server at a URL, or of a new one through pipes."""
    if url is not None:
        async with Client(url, mode=mode) as client:
            yield client
        return
    async with stdio_agent("cluster", "--context", "test", env=cluster.environment, mode=mode) as client:
        yield client


async def test_more_nodes_than_stay_open_are_all_asked_and_the_link_is_to_an_open_one(incidents_url: str) -> None:
    """Sources of one real viewer that count how many of them are open."""
    opened: set[str] = set()
    most = 0

    @asynccontextmanager
    async def open_source(name: str) -> AsyncIterator[ViewerClient]:
        nonlocal most
        opened.add(name)
        most = max(most, len(opened))
        try:
            yield client_of(incidents_url)
        finally:
            opened.remove(name)

    sources = [Source(f"node/n{number}", partial(open_source, f"n{number}")) for number in range(12)]

    async def listed() -> list[Source]:
        return sources

    (what_happened,) = (tool for tool in TOOLS if tool.name == "what_happened")
    async with create_task_group() as group:
        nodes = Nodes(listed, KeptViewers(group, max_kept=2), SystemClock())
        text = await what_happened.call(nodes, {"time": "2026-11-26T17:46Z"})
        still_open = set(opened)
        group.cancel_scope.cancel()

    assert text.startswith("12 findings on 12 of 12 nodes")
    assert "1. n0: payments was OOM-killed" in text
    assert f"Page: {incidents_url}/#from=" in text
    assert "n0" in still_open
    assert len(still_open) <= 3
    assert most <= 11  # those that are asked at once, and those that wait to be closed
    assert opened == set()
