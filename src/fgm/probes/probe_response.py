"""The responses to probes, and the limits for their clients. Imports nothing heavy: the sleeper uses it, too."""

from collections.abc import Callable

MAX_CONNECTIONS = 32
"""Maximum number of open connections; further ones are closed without a response."""
READ_TIMEOUT_S = 2.0
"""Timeout of one request, from the connection to the end of the response."""
MAX_REQUEST_BYTES = 4096
END_OF_HEAD = b"\r\n\r\n"
"""The bytes at which a request without a body ends."""

_RESPONSE = "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n{body}"


def probe_response(head: bytes, is_ready: Callable[[], bool], is_alive: Callable[[], bool]) -> bytes:
    """Return the response to a request for /healthz or /readyz, with status 200 or 503; for other requests, status 404.

    `head`: the request up to `END_OF_HEAD`.
    """
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0]
    status, body = "404 Not Found", "not found\n"
    if method in (b"GET", b"HEAD") and path == b"/healthz":
        status, body = ("200 OK", "ok\n") if is_alive() else ("503 Service Unavailable", "stuck\n")
    elif method in (b"GET", b"HEAD") and path == b"/readyz":
        status, body = ("200 OK", "ready\n") if is_ready() else ("503 Service Unavailable", "not ready\n")
    return _RESPONSE.format(status=status, size=len(body), body="" if method == b"HEAD" else body).encode()
