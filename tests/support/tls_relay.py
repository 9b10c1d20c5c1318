"""A port of 127.0.0.1 with TLS before a port without."""

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.abc
from anyio.from_thread import start_blocking_portal
from anyio.streams.tls import TLSListener


@contextlib.contextmanager
def tls_relay(port: int, certificate: Path, clients: Path | None = None) -> Iterator[int]:
    """Relay TLS connections to a port without TLS until the block is left; yield the port that takes them.

    `certificate`: a file with the key, too. `clients`: the authority of clients, which need a certificate then.

    One thread does all of it, because a TLS connection may not be read and written by two threads.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)

    async def serve(*, task_status: anyio.abc.TaskStatus[int]) -> None:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        task_status.started(listener.extra(anyio.abc.SocketAttribute.local_port))
        async with TLSListener(listener, context, standard_compatible=False) as secure:
            await secure.serve(relay)

    async def relay(outside: anyio.abc.ByteStream) -> None:
        async with outside, await anyio.connect_tcp("127.0.0.1", port) as inside, anyio.create_task_group() as tasks:
            tasks.start_soon(_copy, outside, inside, tasks.cancel_scope)
            tasks.start_soon(_copy, inside, outside, tasks.cancel_scope)

    with start_blocking_portal() as portal:
        future, found = portal.start_task(serve)
        try:
            yield int(found)
        finally:
            future.cancel()


async def _copy(source: anyio.abc.ByteStream, target: anyio.abc.ByteStream, scope: anyio.CancelScope) -> None:
    """Copy all bytes, and then end the other direction, too."""
    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        async for data in source:
            await target.send(data)
    scope.cancel()
