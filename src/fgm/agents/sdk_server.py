"""The tools as a server of the Model Context Protocol, on standard input and output, or on HTTP."""

import logging
import socket
from collections.abc import Mapping
from typing import Any, cast

import anyio
from hypercorn.asyncio import serve
from hypercorn.config import Config
from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError

from fgm import __version__
from fgm.agents.answer import one_line
from fgm.agents.arguments import quoted, schema_of
from fgm.agents.guides import INSTRUCTIONS, PROMPTS, RESOURCES
from fgm.agents.nodes import Nodes
from fgm.agents.tools.toolbox import TOOLS
from fgm.asking.viewer_client import AskError

log = logging.getLogger(__name__)

MAX_CALLS = 4
"""Maximum number of calls that are worked on at the same time; further ones wait."""
MAX_BODY_BYTES = 64 << 10
"""Maximum size of a request over HTTP."""
GRACE_S = 1.0
"""Time that running requests get when the server stops."""
PATH = "/mcp"
_TOOLS = {tool.name: tool for tool in TOOLS}
_PROMPTS = {prompt.name: prompt for prompt in PROMPTS}
_TOOL_OF_PATH = {"/api/metrics": "the tool metrics", "/api/containers": "the tool find"}
"""What an error message of a viewer names, and what an agent has instead."""
_Context = ServerRequestContext[Any]
_Page = types.PaginatedRequestParams | None


def make_server(nodes: Nodes) -> Server[Any]:
    """Return the server of the tools over some nodes."""
    limiter = anyio.CapacityLimiter(MAX_CALLS)

    async def list_tools(_context: _Context, _page: _Page) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_described(tool) for tool in TOOLS])

    async def call_tool(context: _Context, call: types.CallToolRequestParams) -> types.CallToolResult:
        async with limiter, nodes.of_call(context.session.report_progress) as nodes_of_call:
            text, is_error = await _called(nodes_of_call, call.name, call.arguments or {})
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=is_error)

    return Server(
        "fgm",
        version=__version__,
        title="fine-grained monitor",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=_list_resources,
        on_read_resource=_read_resource,
        on_list_prompts=_list_prompts,
        on_get_prompt=_get_prompt,
    )


async def serve_stdio(server: Server[Any]) -> None:
    """Serve one client on standard input and output, until it closes the input."""
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


async def serve_http(server: Server[Any], sock: socket.socket) -> None:
    """Serve clients on a listening socket of a loopback address, without sessions, until cancelled; close it then.

    Requests with another Host, or from a page of another origin, are refused.
    """
    port = sock.getsockname()[1]
    hosts = [f"{host}:{port}" for host in ("127.0.0.1", "localhost")]
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        stateless_http=True,
        max_request_body_size=MAX_BODY_BYTES,
        transport_security=TransportSecuritySettings(
            allowed_hosts=hosts, allowed_origins=[f"http://{host}" for host in hosts]
        ),
    )
    config = Config()
    config.bind = [f"fd://{sock.detach()}"]  # it closes it
    config.graceful_timeout = config.shutdown_timeout = GRACE_S
    config.include_server_header = False
    config.errorlog = logging.getLogger("hypercorn.error")
    stop = anyio.Event()

    async def run() -> None:
        with anyio.CancelScope(shield=True):  # if it were cancelled itself, it would not end the app
            await serve(cast("Any", app), config, shutdown_trigger=stop.wait)

    async with anyio.create_task_group() as group:
        group.start_soon(run, name="hypercorn")
        try:
            await anyio.sleep_forever()
        finally:
            stop.set()


def _described(tool: Any) -> types.Tool:
    return types.Tool(
        name=tool.name,
        description=tool.summary,
        input_schema=schema_of(tool.all_arguments),
        annotations=types.ToolAnnotations(
            read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
    )


async def _called(nodes: Nodes, name: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
    """Return the text of an answer, and whether it is an error. The agent reads both."""
    tool = _TOOLS.get(name)
    if tool is None:
        return f"there is no tool {quoted(name)}: there are {', '.join(_TOOLS)}", True
    try:
        return await tool.call(nodes, arguments), False
    except AskError as error:
        text = str(error)
        for path, tool_name in _TOOL_OF_PATH.items():
            text = text.replace(path, tool_name)
        return one_line(text), True
    except Exception:
        log.exception("a tool failed")
        cause = "a mistake in fgm, or a node whose answer has another form than expected"
        return f"{name} failed because of {cause}: its log says more; ask the nodes one by one", True


async def _list_resources(_context: _Context, _page: _Page) -> types.ListResourcesResult:
    listed = [
        types.Resource(uri=uri, name=name, description=description, mime_type="text/markdown")
        for uri, (name, description, _) in RESOURCES.items()
    ]
    return types.ListResourcesResult(resources=listed)


async def _read_resource(_context: _Context, wanted: types.ReadResourceRequestParams) -> types.ReadResourceResult:
    uri = str(wanted.uri)
    if uri not in RESOURCES:
        raise MCPError(code=types.INVALID_PARAMS, message=f"there is no resource {quoted(uri)}: {', '.join(RESOURCES)}")
    text = types.TextResourceContents(uri=uri, text=RESOURCES[uri][2], mime_type="text/markdown")
    return types.ReadResourceResult(contents=[text])


async def _list_prompts(_context: _Context, _page: _Page) -> types.ListPromptsResult:
    listed = [
        types.Prompt(
            name=prompt.name,
            description=prompt.summary,
            arguments=[
                types.PromptArgument(name=each.name, description=each.description, required=each.is_required)
                for each in prompt.arguments
            ],
        )
        for prompt in PROMPTS
    ]
    return types.ListPromptsResult(prompts=listed)


async def _get_prompt(_context: _Context, wanted: types.GetPromptRequestParams) -> types.GetPromptResult:
    prompt = _PROMPTS.get(wanted.name)
    if prompt is None:
        message = f"there is no prompt {quoted(wanted.name)}: there are {', '.join(_PROMPTS)}"
        raise MCPError(code=types.INVALID_PARAMS, message=message)
    try:
        text = prompt.text(wanted.arguments or {})
    except AskError as error:
        raise MCPError(code=types.INVALID_PARAMS, message=str(error)) from error
    content = types.TextContent(type="text", text=text)
    return types.GetPromptResult(
        description=prompt.summary, messages=[types.PromptMessage(role="user", content=content)]
    )
