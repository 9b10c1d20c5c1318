"""Answers about 50 full nodes whose names are as long as can be: each is short, and ends with a link."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from mcp import Client
from tests.support import large_node
from tests.support.agents import agent_of_nodes, answer
from tests.support.changed_viewer import changed_viewer
from tests.support.cluster import viewer

from fgm.agents.answer import DEFAULT_TOKENS, LEAST_TOKENS, estimated_tokens

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NODES = [f"{large_node.LONG[:250]}{number:03}" for number in range(50)]
SPAN = {"from_": "2025-12-30T16:05:00Z", "to": "2025-12-30T16:06:00Z"}
ALL = {"pod": large_node.LONG[:200], "namespace": f"{large_node.NAMESPACE}007"}
CALLS: dict[str, dict[str, Any]] = {
    "what_happened": SPAN,
    "what_happened in a minute": {"time": "16:05", **ALL},
    "what_changed": SPAN,
    "what_changed of many": {**SPAN, "pod": large_node.LONG[:200]},
    "compare": {**SPAN, "against": "16:01"},
    "compare two": {"from_": "16:05:00", "to": "16:05:30", "container": "id-1", "with_container": "id-2"},
    "find": {},
    "find all": {"words": "very", "limit": 100},
    "series": {"metric": ["cpu.*"], "container": "id-3", "limit": 50},
    "series of all": {"metric": "total_cpu_usage_millicores", "limit": 50, **SPAN},
    "series of a service": {"metric": ["memory.current"], "container": ".service", "study": "trend"},
    "series by label": {"metric": "filesystem.free_bytes", "by": "mount point", "limit": 50, "last": "all"},
    "processes": {"container": "id-3", "limit": 50},
    "processes of the node": {"limit": 50},
    "events": {"limit": 200},
    "metrics": {"limit": 100},
    "metrics with words": {"words": "memory", "limit": 100},
    "nodes": {},
}
"""`id-3` stands for the id of the third container."""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A viewer's answers, each of which it has worked out once for all nodes."""
    with (
        viewer(large_node.written(tmp_path_factory.mktemp("large"))) as (_, port),
        changed_viewer(f"http://127.0.0.1:{port}") as url,
    ):
        yield url


@pytest.fixture(scope="module", params=[1, 50])
async def client(url: str, request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    """A client of so many nodes. One viewer answers for all of them."""
    async with agent_of_nodes(dict.fromkeys(NODES[: request.param], url)) as client:
        yield client


@pytest.mark.parametrize("name", CALLS)
async def test_an_answer_about_much_is_short_and_ends_with_a_link_to_the_page_there(client: Client, name: str) -> None:
    arguments = {key: _id(value) if "container" in key else value for key, value in CALLS[name].items()}
    for max_tokens in (DEFAULT_TOKENS, LEAST_TOKENS):
        text = await answer(client, name.partition(" ")[0], **arguments, max_tokens=max_tokens)

        assert estimated_tokens(text) <= max_tokens
        assert "resolution: " in text or name.startswith("metrics")
        last = text.splitlines()[-1]
        assert last.startswith("Page: http://127.0.0.1:")
        assert "#from=2025-12-30T1" in last or name.startswith(("metrics", "nodes"))


def _id(value: str) -> str:
    return f"{int(value.removeprefix('id-')):012x}" if value.startswith("id-") else value
