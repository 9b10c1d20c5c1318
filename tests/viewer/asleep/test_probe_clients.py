"""Probes on real sockets, answered without an event loop; the test hands the time in."""

import select
import socket
from collections.abc import Iterator

import pytest

from fgm.listening import listen
from fgm.probes.probe_response import MAX_CONNECTIONS, MAX_REQUEST_BYTES, READ_TIMEOUT_S
from fgm.viewer.asleep.probe_clients import PAUSE_S, ProbeClients

HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n"


class Server:
    """The clients of a listening socket, and a clock that the test moves."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock, self.now_s, self.is_ready = sock, 100.0, True
        self.clients = ProbeClients(sock, lambda: self.is_ready)

    def connect(self) -> socket.socket:
        return socket.create_connection(self.sock.getsockname(), timeout=5)

    def turn(self, timeout_s: float = 5) -> None:
        """Handle what is readable, as the sleeper does it."""
        readable, _, _ = select.select(self.clients.descriptors(self.now_s), [], [], timeout_s)
        self.clients.handle(set(readable), self.now_s)

    def connections(self) -> int:
        return len(set(self.clients.descriptors(self.now_s)) - {self.sock.fileno()})


@pytest.fixture
def server() -> Iterator[Server]:
    with listen("127.0.0.1", 0) as sock:
        server = Server(sock)
        yield server
        server.clients.handle(set(), server.now_s + READ_TIMEOUT_S)


def response(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(4096), b""))


def ask(server: Server, request: bytes) -> bytes:
    with server.connect() as client:
        client.sendall(request)
        server.turn()
        server.turn()
        return response(client)


def test_the_two_paths_are_answered_and_nothing_else_is(server: Server) -> None:
    assert ask(server, HEALTHZ) == (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
    )
    assert ask(server, HEALTHZ.replace(b"/healthz", b"/readyz")).startswith(b"HTTP/1.1 200 ")
    server.is_ready = False
    assert ask(server, HEALTHZ.replace(b"/healthz", b"/readyz")).startswith(b"HTTP/1.1 503 ")
    assert ask(server, HEALTHZ.replace(b"GET", b"POST")).startswith(b"HTTP/1.1 404 ")
    assert ask(server, HEALTHZ.replace(b"/healthz", b"/api/health")).startswith(b"HTTP/1.1 404 ")
    assert server.connections() == 0


def test_a_request_may_arrive_byte_by_byte_while_others_are_answered(server: Server) -> None:
    with server.connect() as slow:
        server.turn()
        for byte in HEALTHZ[:-1]:
            slow.sendall(bytes([byte]))
            server.turn()
        assert ask(server, HEALTHZ).startswith(b"HTTP/1.1 200 ")
        slow.sendall(HEALTHZ[-1:])
        server.turn()

        assert response(slow).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_is_too_slow_or_sends_too_much_is_disconnected(server: Server) -> None:
    with server.connect() as silent:
        server.turn()
        assert server.clients.deadline_s(server.now_s) == server.now_s + READ_TIMEOUT_S

        server.now_s += READ_TIMEOUT_S
        server.turn(0)

        assert response(silent) == b""
        assert server.clients.deadline_s(server.now_s) is None
    with server.connect() as talkative:
        talkative.sendall(b"x" * MAX_REQUEST_BYTES)
        server.turn()
        server.turn()

        assert response(talkative) == b""
    assert server.connections() == 0


def test_clients_that_leave_are_forgotten(server: Server) -> None:
    server.connect().close()
    server.turn()
    server.turn()

    assert server.connections() == 0


def test_only_so_many_connections_are_kept_as_the_limit_says(server: Server) -> None:
    clients = [server.connect() for _ in range(MAX_CONNECTIONS + 1)]
    for _ in clients:
        server.turn()

    assert server.connections() == MAX_CONNECTIONS
    assert response(clients[-1]) == b""

    for client in clients:
        client.close()


def test_without_free_descriptors_it_pauses_instead_of_trying_all_the_time(server: Server) -> None:
    import resource  # noqa: PLC0415 - for this test only

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with server.connect() as client:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))  # no descriptor is free below this number
        try:
            server.clients.handle({server.sock.fileno()}, server.now_s)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

        assert server.clients.descriptors(server.now_s) == []
        assert server.clients.deadline_s(server.now_s) == server.now_s + PAUSE_S

        server.now_s += PAUSE_S
        client.sendall(HEALTHZ)
        server.turn()
        server.turn()

        assert response(client).startswith(b"HTTP/1.1 200 ")
