"""A listening socket that knows its open connections, and can stop accepting at an instant at which there are none."""

import socket
import weakref


class ListeningSocket(socket.socket):
    """A listening socket from whose `accept` asyncio gets the connections.

    asyncio and Hypercorn count a connection only some turns of the event loop after it was accepted. A server that ends
    in between drops it. Here a connection counts from the moment at which it leaves the backlog until it is closed.
    """

    def __init__(self, sock: socket.socket) -> None:
        """`sock`: is detached; its descriptor belongs to this object from now on."""
        super().__init__(sock.family, sock.type, sock.proto, sock.detach())
        self.setblocking(False)  # noqa: FBT003 - the standard library's own parameter
        self._connections: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._has_stopped = False
        self.accepted = 0
        """Number of connections that have been accepted."""

    def accept(self) -> tuple[socket.socket, object]:
        """Return a connection and its address.

        Raises: BlockingIOError if none waits, or after `stop_if_unused` has returned True.
        """
        if self._has_stopped:
            raise BlockingIOError
        connection, address = super().accept()
        self._connections.add(connection)
        self.accepted += 1
        return connection, address

    def is_used(self) -> bool:
        """Return whether a connection is open."""
        return any(connection.fileno() != -1 for connection in self._connections)

    def stop_if_unused(self) -> bool:
        """Stop accepting, unless a connection is open; return whether it has stopped.

        Connections that arrive later stay in the backlog, for the next process that has this socket.
        """
        self._has_stopped = self._has_stopped or not self.is_used()
        return self._has_stopped
