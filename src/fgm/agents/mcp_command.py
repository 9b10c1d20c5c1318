"""`fgm mcp SOURCE`: serves the tools to an agent, until it closes standard input, or until Ctrl-C."""

import argparse
import importlib.util
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import anyio
from anyio.abc import TaskGroup

from fgm import logs
from fgm.agents.nodes import Nodes
from fgm.asking.kept_viewers import KeptViewers
from fgm.asking.sources import Source
from fgm.asking.viewer_client import AskError
from fgm.clock import Clock, SystemClock
from fgm.cluster.ask_command import chosen_sources, is_of_cluster
from fgm.cluster.running import say
from fgm.listening import ListenError, listen, url_of

LISTED_FOR_S = 60.0
"""Time after which the nodes of a cluster are listed again."""


def run(arguments: argparse.Namespace) -> int:
    """Run the command; return the exit code."""
    logs.configure("warning")
    if importlib.util.find_spec("mcp") is None:
        sys.stderr.write("fgm: the packages for agents are not installed: pip install 'fgm[mcp]'\n")
        return 1
    try:
        anyio.run(_serve_until_stopped, arguments)
    except (AskError, ListenError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:  # before the signals were caught
        return 0
    return 0


async def _serve_until_stopped(arguments: argparse.Namespace) -> None:
    """Serve until the client is gone, or until SIGINT or SIGTERM: what was started has ended then."""
    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(_stop_on_signals, group.cancel_scope)
        try:
            await _serve(arguments, group)
        except (AskError, ListenError) as error:
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _stop_on_signals(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return


async def _serve(arguments: argparse.Namespace, group: TaskGroup) -> None:
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        sources = await _sources(arguments, stack, clock)
        nodes = Nodes(sources, KeptViewers(group), clock)
        if not is_of_cluster(arguments.source):
            await nodes.survey()  # an error on the terminal is better than one in each answer
        from fgm.agents import sdk_server  # noqa: PLC0415 - the SDK, which is not everywhere and imports for a second

        server = sdk_server.make_server(nodes)
        if arguments.http is None:
            await sdk_server.serve_stdio(server)
            return
        sock = listen("127.0.0.1", arguments.http, "--http ")
        sys.stderr.write(f"fgm: serving agents on {url_of(sock)}{sdk_server.PATH[1:]}\n")
        await sdk_server.serve_http(server, sock)


async def _sources(
    arguments: argparse.Namespace, stack: AsyncExitStack, clock: Clock
) -> Callable[[], Awaitable[Sequence[Source]]]:
    """Return what lists the sources of all nodes. Those of a cluster come and go: they are listed again in time.

    Raises: AskError if the source cannot be opened, or if the cluster cannot be reached.
    """

    async def chosen() -> Sequence[Source]:
        async with AsyncExitStack() as search:  # has what only the search of a pod needs
            kept = search if is_of_cluster(arguments.source) else stack
            return await chosen_sources([arguments.source], kept, arguments.context, arguments.fgm_namespace)

    listed, listed_s = await chosen(), clock.monotonic()

    async def sources() -> Sequence[Source]:
        nonlocal listed, listed_s
        if is_of_cluster(arguments.source) and clock.monotonic() - listed_s > LISTED_FOR_S:
            listed, listed_s = await chosen(), clock.monotonic()
        return listed

    return sources
