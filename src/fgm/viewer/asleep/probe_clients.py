"""Answers probes without an event loop: a state for each connection, and nothing that waits."""

import errno
import socket
from collections.abc import Callable

from fgm.probes.probe_response import END_OF_HEAD, MAX_CONNECTIONS, MAX_REQUEST_BYTES, READ_TIMEOUT_S, probe_response

PAUSE_S = 1.0
"""Pause after a connection could not be accepted, such as for lack of memory: poll would report it without end."""


class ProbeClients:
    """The listening socket of the probes, and the connections that it has accepted."""

    def __init__(self, sock: socket.socket, is_ready: Callable[[], bool]) -> None:
        sock.setblocking(False)  # noqa: FBT003 - the standard library's own parameter
        self._sock, self._is_ready = sock, is_ready
        self._clients: dict[int, tuple[socket.socket, bytearray, float]] = {}
        """By descriptor: each connection, what it has sent so far, and when it is closed, by the monotonic clock."""
        self._paused_until_s = 0.0

    def descriptors(self, now_s: float) -> list[int]:
        """Return the descriptors to watch for input."""
        listening = [] if now_s < self._paused_until_s else [self._sock.fileno()]
        return [*listening, *self._clients]

    def deadline_s(self, now_s: float) -> float | None:
        """Return when `handle` must be called even without input; None: never."""
        paused = [self._paused_until_s] if now_s < self._paused_until_s else []
        return min([*paused, *(until_s for _, _, until_s in self._clients.values())], default=None)

    def handle(self, readable: set[int], now_s: float) -> None:
        """Accept, read, respond, and close connections that are too slow. `readable`: descriptors with input."""
        for fd in [fd for fd in self._clients if fd in readable]:
            self._read(fd)
        for fd in [fd for fd, (_, _, until_s) in self._clients.items() if until_s <= now_s]:
            self._close(fd)
        if self._sock.fileno() in readable:
            self._accept(now_s)

    def _accept(self, now_s: float) -> None:
        try:
            client, _ = self._sock.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                self._paused_until_s = now_s + PAUSE_S
            return
        if len(self._clients) >= MAX_CONNECTIONS:
            client.close()
            return
        client.setblocking(False)  # noqa: FBT003 - the standard library's own parameter
        self._clients[client.fileno()] = (client, bytearray(), now_s + READ_TIMEOUT_S)

    def _read(self, fd: int) -> None:
        client, request, _ = self._clients[fd]
        try:
            data = client.recv(MAX_REQUEST_BYTES)
            request += data
            if END_OF_HEAD in request[:MAX_REQUEST_BYTES]:
                client.send(probe_response(bytes(request), self._is_ready, lambda: True))
            elif data and len(request) < MAX_REQUEST_BYTES:
                return
        except BlockingIOError:
            return
        except OSError:
            pass  # the client has left
        self._close(fd)

    def _close(self, fd: int) -> None:
        client, _, _ = self._clients.pop(fd)
        client.close()
