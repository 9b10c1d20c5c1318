"""One viewer of the recorded incidents, and one `fgm mcp` of it, for all tests of agents."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from mcp import Client
from tests.support.agents import stdio_agent
from tests.support.cluster import viewer
from tests.support.incidents import unpacked


@pytest.fixture(scope="session")
def incidents_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(tmp_path_factory.mktemp("incidents"))


@pytest.fixture(scope="session")
def incidents_url(incidents_dir: Path) -> Iterator[str]:
    with viewer(incidents_dir) as (_, port):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
async def agent(incidents_url: str) -> AsyncIterator[Client]:
    async with stdio_agent(incidents_url) as client:
        yield client
