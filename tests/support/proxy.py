"""A slow network: a TCP proxy on the loopback that delays every byte and resets every connection at a certain age.

It behaves like `kubectl port-forward` to a distant node: it accepts at once, bytes take half a round trip in each
direction, and connections are reset during responses. After a reset it accepts again.
"""

import contextlib
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import anyio
import anyio.abc
from anyio.from_thread import start_blocking_portal
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

ROUND_TRIP_S = 0.05
LIFETIME_S = 60.0
RECEIVE_BYTES = 64 << 10
IN_FLIGHT = 64
"""Maximum number of pieces on their way in one direction; then the sender has to wait."""
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Proxy:
    """A running proxy, which adds half of `round_trip_s` in each direction."""

    target_port: int
    round_trip_s: float
    lifetime_s: float
    port: int = 0
    accepted: int = 0
    cuts: int = 0

    async def serve(self, *, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Listen until cancelled."""
        async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
            self.port = listener.extra(anyio.abc.SocketAttribute.local_port)
            task_status.started()
            await listener.serve(self._handle)

    async def _handle(self, client: anyio.abc.SocketStream) -> None:
        self.accepted += 1
        with anyio.move_on_after(self.lifetime_s) as life:
            async with client:
                with contextlib.suppress(OSError):
                    async with await anyio.connect_tcp("127.0.0.1", self.target_port) as server:
                        await self._join(client, server, life)

    async def _join(
        self, client: anyio.abc.SocketStream, server: anyio.abc.SocketStream, life: anyio.CancelScope
    ) -> None:
        try:
            async with anyio.create_task_group() as group:
                for source, target in ((client, server), (server, client)):
                    send, receive = anyio.create_memory_object_stream[tuple[float, bytes]](IN_FLIGHT)
                    group.start_soon(_delay, source, send, self.round_trip_s / 2)
                    group.start_soon(_deliver, receive, target)
        finally:
            if life.cancel_called:
                self.cuts += 1
                for stream in (client, server):
                    raw = stream.extra(anyio.abc.SocketAttribute.raw_socket)
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


async def _delay(
    source: anyio.abc.SocketStream, send: MemoryObjectSendStream[tuple[float, bytes]], delay_s: float
) -> None:
    """Send each received piece with the time of its arrival; an empty piece means the end."""
    with send:
        with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            while True:
                data = await source.receive(RECEIVE_BYTES)
                await send.send((anyio.current_time() + delay_s, data))
        with contextlib.suppress(anyio.BrokenResourceError):
            await send.send((anyio.current_time() + delay_s, b""))


async def _deliver(receive: MemoryObjectReceiveStream[tuple[float, bytes]], target: anyio.abc.SocketStream) -> None:
    with receive, contextlib.suppress(anyio.BrokenResourceError, OSError):
        async for due, data in receive:
            await anyio.sleep_until(due)
            if data:
                await target.send(data)
            else:
                await target.send_eof()


@contextlib.contextmanager
def proxy(target_port: int, *, round_trip_s: float = ROUND_TRIP_S, lifetime_s: float = LIFETIME_S) -> Iterator[Proxy]:
    """Run a proxy to a port of the loopback, in a separate thread, until the block is left."""
    running = Proxy(target_port, round_trip_s, lifetime_s)
    with start_blocking_portal() as portal:
        serving, _ = portal.start_task(running.serve)
        try:
            yield running
        finally:
            serving.cancel()
