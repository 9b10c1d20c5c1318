"""A listening socket that stops accepting only at an instant without connections."""

import socket

import pytest

from fgm.listening import listen
from fgm.viewer.web.listening_socket import ListeningSocket


def test_it_does_not_stop_while_a_connection_is_open() -> None:
    with ListeningSocket(listen("127.0.0.1", 0)) as sock:
        with socket.create_connection(sock.getsockname()):
            connection, _ = sock.accept()

            assert sock.is_used()
            assert not sock.stop_if_unused()

        assert not sock.stop_if_unused()  # the client has left, but this side has not closed it yet
        connection.close()
        assert sock.stop_if_unused()
        assert sock.accepted == 1


def test_a_connection_that_nobody_refers_to_any_more_does_not_count() -> None:
    with ListeningSocket(listen("127.0.0.1", 0)) as sock, socket.create_connection(sock.getsockname()):
        with pytest.warns(ResourceWarning):
            sock.accept()

        assert not sock.is_used()


def test_a_connection_that_arrives_after_it_has_stopped_waits_for_the_next_process() -> None:
    with listen("127.0.0.1", 0) as of_the_sleeper:
        of_the_viewer = ListeningSocket(of_the_sleeper.dup())
        assert of_the_viewer.stop_if_unused()
        with socket.create_connection(of_the_sleeper.getsockname()) as client:
            client.sendall(b"question")
            with pytest.raises(BlockingIOError):
                of_the_viewer.accept()
            of_the_viewer.close()
            connection, _ = of_the_sleeper.accept()
            with connection:
                assert connection.recv(100) == b"question"
