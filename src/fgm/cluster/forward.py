"""Forwards a port of this machine to the viewer of an fgm pod, for as long as questions last."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.to_thread

from fgm.asking.sources import Source
from fgm.asking.viewer_client import AskError, NoAnswerError, ViewerClient
from fgm.asking.words import NODE
from fgm.cluster.deployment import VIEWER_PORT, open_command
from fgm.cluster.fgm_pods import NodePod
from fgm.cluster.kubectl.client import Kubectl
from fgm.cluster.kubectl.messages import reasons_of
from fgm.cluster.kubectl.port_forward import PortForward

START_TIMEOUT_S = 8.0
"""Timeout of kubectl's port."""
_NOTHING_LISTENS = re.compile(r"error forwarding port \d+ to pod .*connection refused", re.IGNORECASE)
"""Part of kubectl's messages if the kubelet has reached the pod, and nothing there accepts connections."""


def source_of(kubectl: Kubectl, pod: NodePod) -> Source:
    """Return the fgm pod of a node as a source, named `node/NAME`."""
    opened_by = open_command(pod.node, kubectl.context, kubectl.namespace)
    return Source(f"{NODE}{pod.node}", lambda: forwarded(kubectl, pod), not pod.is_ready, opened_by)


@asynccontextmanager
async def forwarded(kubectl: Kubectl, pod: NodePod) -> AsyncIterator[ViewerClient]:
    """Yield the client of the viewer of an fgm pod. At the end, kubectl has ended, also if this is cancelled.

    Raises: AskError if no port can be forwarded. Raises: NoAnswerError if the viewer does not respond.
    """
    if pod.problem:
        raise AskError(pod.problem)
    forward = kubectl.forward(pod.pod, 0, VIEWER_PORT)
    try:
        with anyio.move_on_after(START_TIMEOUT_S) as scope:
            port = await anyio.to_thread.run_sync(forward.port, abandon_on_cancel=True)
        if scope.cancelled_caught:
            raise NoAnswerError(f"kubectl has not forwarded a port to its pod within {START_TIMEOUT_S:g} s")
        if port is None:
            raise AskError(f"kubectl cannot forward a port to its pod; it printed: {await _stopped(forward)}")
        try:
            yield ViewerClient(port)
        except NoAnswerError as error:
            printed = await _stopped(forward)
            if _NOTHING_LISTENS.search(printed):
                raise NoAnswerError("nothing listens in its pod: connection refused") from error
            raise NoAnswerError(f"{error}" + (f"; kubectl printed: {printed}" if printed else "")) from error
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(forward.stop)


async def _stopped(forward: PortForward) -> str:
    """End kubectl; return what it has printed about the reason, "" if nothing."""
    with anyio.CancelScope(shield=True):
        await anyio.to_thread.run_sync(forward.stop)
    return reasons_of(forward.messages())
