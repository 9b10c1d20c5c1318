"""Opens listening sockets. Its errors explain why an address cannot be used."""

import errno
import socket

BACKLOG = 100
"""Maximum number of connections that wait to be accepted."""


class ListenError(Exception):
    """Raised if a daemon cannot listen on an address. The message contains the reason and what to do."""

    def __init__(self, host: str, port: int, error: OSError, flag_prefix: str) -> None:
        self.host, self.port, self.errno = host, port, error.errno
        if error.errno == errno.EADDRINUSE:
            message = (
                f"port {port} of {host} is taken: stop the program that listens on it, or give another port with "
                f"{flag_prefix}port"
            )
        elif error.errno in (errno.EACCES, errno.EPERM):
            message = f"port {port} of {host} needs privileges: give a port above 1023 with {flag_prefix}port"
        else:
            message = (
                f"cannot listen on {host}, port {port}: {error.strerror or error}; give an address of this machine "
                f"with {flag_prefix}host"
            )
        super().__init__(message)


def listen(host: str, port: int, flag_prefix: str = "--") -> socket.socket:
    """Return a non-blocking TCP socket that listens on the address.

    `flag_prefix`: start of the names of the flags for host and port, such as `--health-`, for the error message.

    Raises: ListenError if the address cannot be used.
    """
    try:
        facts = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        sock = socket.socket(facts[0], facts[1])
    except OSError as error:
        raise ListenError(host, port, error, flag_prefix) from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.bind(facts[4])
        sock.listen(BACKLOG)
        sock.setblocking(False)  # noqa: FBT003 - the standard library's own parameter
    except OSError as error:
        sock.close()
        raise ListenError(host, port, error, flag_prefix) from error
    return sock


def url_of(sock: socket.socket) -> str:
    """Return the URL at which a browser on this machine reaches a listening socket."""
    host, port = sock.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compares only, listens nowhere
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free at the moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
