"""Reaches the viewers of fgm pods: through one kubectl, or through one for each pod that is asked."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import anyio
import anyio.to_thread
from anyio.abc import ByteStream

from fgm.asking.sources import Source
from fgm.asking.viewer_client import AskError, NoAnswerError, ViewerClient
from fgm.asking.words import NODE
from fgm.cluster.deployment import VIEWER_PORT, open_command
from fgm.cluster.fgm_pods import NodePod
from fgm.cluster.kubectl.api_proxy import ApiProxy
from fgm.cluster.kubectl.client import Kubectl
from fgm.cluster.kubectl.messages import reasons_of
from fgm.cluster.kubectl.port_forward import PortForward
from fgm.cluster.tunnel.local_socket import LocalSocket
from fgm.cluster.tunnel.spdy_session import NOTHING_LISTENS, session_over
from fgm.cluster.tunnel.upgrade import ClosedError, LoginEndedError, NoTunnelError, path_of, upgrade

START_TIMEOUT_S = 8.0
"""Timeout of a connection to the kubelet of a pod."""
NOT_FORWARDED = f"kubectl has not forwarded a port to its pod within {START_TIMEOUT_S:g} s"
_NOTHING_LISTENS = re.compile(r"error forwarding port \d+ to pod .*connection refused", re.IGNORECASE)
"""Part of kubectl's messages if the kubelet has reached the pod, and nothing there accepts connections."""


@dataclass(slots=True)
class _Route:
    """A `kubectl proxy`, once it is started, and its socket. `works`: whether it reaches pods; None: not known yet."""

    proxy: ApiProxy | None = None
    socket: str | None = None
    works: bool | None = None
    starting: anyio.Lock = field(default_factory=anyio.Lock)


class Forwards:
    """The ways to the fgm pods of a cluster.

    Questions go through one `kubectl proxy`, which is started for the first one. If that is not possible, as behind
    an HTTP proxy, each question has a `kubectl port-forward` of its own. So have pages, because a browser needs a port.
    """

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl
        self._route = _Route()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self._give_up(self._route)

    def source_of(self, pod: NodePod) -> Source:
        """Return the fgm pod of a node as a source, named `node/NAME`."""
        return Source(
            f"{NODE}{pod.node}",
            lambda: self._opened(pod),
            not pod.is_ready,
            open_command(pod.node, self.kubectl.context, self.kubectl.namespace),
            lambda: forwarded(self.kubectl, pod),
        )

    @asynccontextmanager
    async def _opened(self, pod: NodePod) -> AsyncIterator[ViewerClient]:
        """Yield the client of the viewer of an fgm pod.

        Raises: AskError if the pod cannot be reached. Raises: NoAnswerError if the viewer does not respond.
        """
        if pod.problem:
            raise AskError(pod.problem)
        connection = None if self._route.works is False else await self._connected(pod)
        if connection is None:
            async with forwarded(self.kubectl, pod) as client:
                yield client
        else:
            stream, received = connection
            async with stream, session_over(stream, VIEWER_PORT, received) as session:
                yield ViewerClient(VIEWER_PORT, connect=session.connect)

    async def _connected(self, pod: NodePod) -> tuple[ByteStream, bytes] | None:
        """Return a connection to the kubelet of a pod, and what has arrived on it; None if there is no such way now.

        Raises: AskError if the API server refuses. Raises: NoAnswerError if only this pod cannot be reached.
        """
        route = self._route
        try:
            with anyio.fail_after(START_TIMEOUT_S):
                connection = await self._upgraded(route, pod)
        except (NoTunnelError, OSError) as error:  # a TimeoutError is an OSError
            has_closed = isinstance(error, ClosedError | ConnectionRefusedError)  # a moment before it has ended
            is_gone = has_closed or route.proxy is None or route.proxy.has_ended()
            if route.works and (is_gone or isinstance(error, LoginEndedError)):
                await self._give_up(route)  # the next question logs in again
            if not route.works or route is not self._route:
                route.works = False
                return None
            if isinstance(error, TimeoutError):
                raise NoAnswerError(NOT_FORWARDED) from None
            raise NoAnswerError(f"kubectl cannot forward a port to its pod: {error}") from error
        route.works = True
        return connection

    async def _upgraded(self, route: _Route, pod: NodePod) -> tuple[ByteStream, bytes]:
        """Return a connection through a route to the kubelet of a pod, and what has arrived on it.

        Raises: AskError if the API server refuses. Raises: NoTunnelError or OSError if anything else does.
        """
        stream = LocalSocket(await self._socket_of(route))
        try:
            return stream, await upgrade(stream, path_of(self.kubectl.namespace, pod.pod))
        except BaseException:
            await stream.aclose()
            raise

    async def _socket_of(self, route: _Route) -> str:
        """Return the path of the socket of a route, whose proxy is started if it was not.

        Raises: NoTunnelError if it has ended, or would not reach the API server as other commands do.
        """
        async with route.starting:
            if route.proxy is None and route.works is None:
                flags = await anyio.to_thread.run_sync(self.kubectl.proxy_flags)
                if flags is None:
                    raise NoTunnelError("kubectl proxy does not reach the API server as other commands do")
                route.proxy = self.kubectl.proxy(flags)
                route.socket = await anyio.to_thread.run_sync(route.proxy.socket, abandon_on_cancel=True)
            if route.socket is None or route.proxy is None or route.proxy.has_ended():
                raise NoTunnelError("kubectl proxy has ended")
            return route.socket

    async def _give_up(self, route: _Route) -> None:
        """End the proxy of a route, unless that was done before. The next question has another route."""
        if route is self._route:
            self._route = _Route()
            if route.proxy is not None:
                await anyio.to_thread.run_sync(route.proxy.stop)


@asynccontextmanager
async def forwarded(kubectl: Kubectl, pod: NodePod) -> AsyncIterator[ViewerClient]:
    """Yield the client of the viewer of an fgm pod, at a port. At the end, kubectl has ended, also if it is cancelled.

    Raises: AskError if no port can be forwarded. Raises: NoAnswerError if the viewer does not respond.
    """
    if pod.problem:
        raise AskError(pod.problem)
    forward = kubectl.forward(pod.pod, 0, VIEWER_PORT)
    try:
        with anyio.move_on_after(START_TIMEOUT_S) as scope:
            port = await anyio.to_thread.run_sync(forward.port, abandon_on_cancel=True)
        if scope.cancelled_caught:
            raise NoAnswerError(NOT_FORWARDED)
        if port is None:
            raise AskError(f"kubectl cannot forward a port to its pod; it printed: {await _stopped(forward)}")
        try:
            yield ViewerClient(port)
        except NoAnswerError as error:
            printed = await _stopped(forward)
            if _NOTHING_LISTENS.search(printed):
                raise NoAnswerError(NOTHING_LISTENS) from error
            raise NoAnswerError(f"{error}" + (f"; kubectl printed: {printed}" if printed else "")) from error
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(forward.stop)


async def _stopped(forward: PortForward) -> str:
    """End kubectl; return what it has printed about the reason, "" if nothing."""
    with anyio.CancelScope(shield=True):
        await anyio.to_thread.run_sync(forward.stop)
    return reasons_of(forward.messages())
