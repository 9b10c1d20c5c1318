"""Listening sockets, and what to tell people where one cannot be had."""

import errno
import socket

BACKLOG = 100


class ListenError(Exception):
    """Raised when an address cannot be listened on."""

    def __init__(self, host: str, port: int, error: OSError, flags: str) -> None:
        self.host, self.port, self.errno = host, port, error.errno
        if error.errno == errno.EADDRINUSE:
            sentence = f"port {port} of {host} is taken: stop what listens there, or give another with {flags}port"
        elif error.errno in (errno.EACCES, errno.EPERM):
            sentence = f"port {port} of {host} needs privileges: give one above 1023 with {flags}port"
        else:
            reason = error.strerror or str(error)
            sentence = (
                f"cannot listen on {host}, port {port}: {reason}; give an address of this machine with {flags}host"
            )
        super().__init__(sentence)


def listen(host: str, port: int, flags: str = "--") -> socket.socket:
    """Return a listening socket. Raises ListenError, which names the flags: `flags` + "host" and "port"."""
    try:
        facts = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        sock = socket.socket(facts[0], facts[1])
    except OSError as error:
        raise ListenError(host, port, error, flags) from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind(facts[4])
        sock.listen(BACKLOG)
        sock.setblocking(False)  # noqa: FBT003 - the standard library's
    except OSError as error:
        sock.close()
        raise ListenError(host, port, error, flags) from error
    return sock
