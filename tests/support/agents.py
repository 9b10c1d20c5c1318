"""`fgm mcp` as a process, and the official client of the Model Context Protocol for it."""

import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

from anyio import create_task_group
from mcp import Client, types
from mcp.client.stdio import StdioServerParameters, stdio_client

from fgm.agents.nodes import Nodes
from fgm.agents.sdk_server import make_server
from fgm.asking.kept_viewers import KeptViewers
from fgm.asking.sources import Source, held
from fgm.asking.viewer_client import client_of
from fgm.clock import SystemClock


@asynccontextmanager
async def stdio_agent(
    source: str, *flags: str, env: Mapping[str, str] | None = None, mode: Literal["auto", "legacy"] = "auto"
) -> AsyncIterator[Client]:
    """Yield a client of `fgm mcp` that talks to it through pipes. `mode`: legacy is the protocol of 2025."""
    arguments = ["-m", "fgm", "mcp", source, *flags]
    parameters = StdioServerParameters(command=sys.executable, args=arguments, env=dict(env) if env else None)
    async with Client(stdio_client(parameters), mode=mode) as client:
        yield client


@asynccontextmanager
async def local_agent(url: str) -> AsyncIterator[Client]:
    """Yield a client of the tools over a viewer, all in this process: no process has to import the SDK."""
    async with held(url) as source, agent_of([source]) as client:
        yield client


@asynccontextmanager
async def agent_of_nodes(urls: Mapping[str, str]) -> AsyncIterator[Client]:
    """Yield a client of the tools over several viewers, as nodes of a cluster. `urls`: by the name of the node."""

    def source(name: str, url: str) -> Source:
        return Source(f"node/{name}", lambda: nullcontext(client_of(url)))

    async with agent_of([source(name, url) for name, url in urls.items()]) as client:
        yield client


@asynccontextmanager
async def agent_of(sources: Sequence[Source]) -> AsyncIterator[Client]:
    """Yield a client of the tools over some sources."""

    async def listed() -> Sequence[Source]:
        return sources

    async with create_task_group() as group:
        async with Client(make_server(Nodes(listed, KeptViewers(group), SystemClock()))) as client:
            yield client
        group.cancel_scope.cancel()


@contextmanager
def http_agents(source: str, *flags: str, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run `fgm mcp --http` until the block is left; yield its URL."""
    command = [sys.executable, "-m", "fgm", "mcp", source, "--http", "0", *flags]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            line = process.stderr.readline()
            match = re.search(r"http://\S+", line)
            assert match is not None, line + process.stderr.read()
            yield match[0]
        finally:
            process.terminate()
            assert process.wait(10) == 0


async def answer(client: Client, tool: str, **arguments: Any) -> str:
    """Return the text of an answer that is no error. A `_` at the end of a name is left out, as of `from_`."""
    result = await call(client, tool, {name.rstrip("_"): value for name, value in arguments.items()})
    text = text_of(result)
    assert not result.is_error, text
    return text


async def call(client: Client, tool: str, arguments: dict[str, Any]) -> types.CallToolResult:
    """Return what a call returns."""
    result = await client.call_tool(tool, arguments)
    assert isinstance(result, types.CallToolResult)
    return result


def text_of(result: types.CallToolResult) -> str:
    """Return the text of an answer or an error."""
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    return content.text


def children_of(process_id: int) -> list[int]:
    """Return the ids of the child processes of a process."""
    children = Path(f"/proc/{process_id}/task/{process_id}/children").read_text()
    return [int(each) for each in children.split()]
