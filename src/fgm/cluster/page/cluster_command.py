"""`fgm cluster`: serves the page of a cluster on this machine until Ctrl-C."""

import argparse
import sys
import webbrowser
from collections.abc import Sequence

import anyio
import anyio.to_thread

from fgm.asking.kept_viewers import KeptViewers
from fgm.asking.sources import Source
from fgm.cluster import running
from fgm.cluster.fgm_pods import by_node, fgm_pods, no_pods
from fgm.cluster.forward import Forwards
from fgm.cluster.kubectl.client import Kubectl
from fgm.cluster.page.page_app import PageApp
from fgm.cluster.page.page_files import load_page_files
from fgm.listening import listen, url_of
from fgm.viewer.web.guard import Guard
from fgm.viewer.web.server import serve_until_cancelled

HOST = "127.0.0.1"
MAX_OPENED = 32
"""Maximum number of nodes whose pages stay open."""


def serve(arguments: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C; return the exit code."""
    return running.run(lambda: _serve(arguments), stopped=0)


async def _serve(arguments: argparse.Namespace) -> int:
    async with Forwards(Kubectl(arguments.fgm_namespace, arguments.context)) as forwards:

        async def nodes() -> Sequence[Source]:
            pods = await anyio.to_thread.run_sync(fgm_pods, forwards.kubectl)
            return [forwards.source_of(pod) for pod in by_node(pods)]

        if not await nodes():  # an error of kubectl is one of the command, too
            raise no_pods(arguments.fgm_namespace)
        sock = listen(HOST, arguments.port)
        async with anyio.create_task_group() as group:
            opened = KeptViewers(group, max_kept=MAX_OPENED)
            app = PageApp(load_page_files(), nodes, opened, forwards.kubectl, arguments.timeout)
            await group.start(serve_until_cancelled, Guard(app), sock)
            address = url_of(sock)
            sys.stderr.write(f"fgm: open {address}\n")
            if not arguments.no_browser:
                webbrowser.open(address)
    return 0
