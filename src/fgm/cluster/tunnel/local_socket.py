"""A connection to a Unix socket of this machine.

That of anyio 4.16 prints a traceback if it is cancelled in the moment in which bytes arrive.
"""

import socket

import anyio
import anyio.lowlevel
from anyio.abc import ByteStream


class LocalSocket(ByteStream):
    """A connection, as bytes."""

    def __init__(self, path: str) -> None:
        """Connect to the socket at a path.

        Raises: OSError if nothing listens there.
        """
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.setblocking(False)  # noqa: FBT003 - it has no name
        try:
            self._socket.connect(path)  # waits for nobody
        except BaseException:
            self._socket.close()
            raise

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Return the next bytes.

        Raises: EndOfStream after the last ones. Raises: BrokenResourceError if the connection fails.
        """
        await anyio.lowlevel.checkpoint()
        while True:
            try:
                data = self._socket.recv(max_bytes)
            except BlockingIOError:
                await anyio.wait_readable(self._socket)
            except OSError as error:
                raise anyio.BrokenResourceError from error
            else:
                if not data:
                    raise anyio.EndOfStream
                return data

    async def send(self, item: bytes) -> None:
        """Send bytes.

        Raises: BrokenResourceError if the connection fails.
        """
        await anyio.lowlevel.checkpoint()
        rest = memoryview(item)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                await anyio.wait_writable(self._socket)
            except OSError as error:
                raise anyio.BrokenResourceError from error

    async def send_eof(self) -> None:
        """Say that no more is sent."""
        self._socket.shutdown(socket.SHUT_WR)

    async def aclose(self) -> None:
        """Close the connection."""
        self._socket.close()
