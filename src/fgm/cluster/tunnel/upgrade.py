"""Asks the API server to forward to a pod: a connection to it becomes one to the kubelet, which speaks SPDY/3.1.

Source: `PortForward` of k8s.io/client-go/tools/portforward; POST needs the right `create` of `pods/portforward`.
"""

import json
from typing import Any
from urllib.parse import quote

import anyio
import h11
from anyio.abc import ByteStream

from fgm.asking.viewer_client import AskError

MAX_REASON_BYTES = 64 << 10
"""Maximum size of an answer that refuses."""
MAX_REASON_CHARACTERS = 300
"""Maximum length of a reason that is not the API server's own."""
_HEADERS = [
    ("Host", "localhost"),
    ("Connection", "Upgrade"),
    ("Upgrade", "SPDY/3.1"),
    ("X-Stream-Protocol-Version", "portforward.k8s.io"),
    ("Content-Length", "0"),
]
_NOT_ASKED = (400, 405, 426)
"""Statuses of an API server that was not asked to upgrade, because what is in between has not passed that on."""


class NoTunnelError(Exception):
    """Raised if the connection cannot be upgraded, for a reason that is not the API server's own about this pod."""


class ClosedError(NoTunnelError):
    """Raised if the connection is closed. `kubectl proxy` answers in any case, unless it ends."""

    def __init__(self) -> None:
        super().__init__("the connection was closed")


class LoginEndedError(NoTunnelError):
    """Raised if the API server does not accept the login."""


def path_of(namespace: str, pod: str) -> str:
    """Return the path of the API server at which a pod is forwarded to."""
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/portforward"


async def upgrade(connection: ByteStream, path: str) -> bytes:
    """Make a connection to the API server one to a pod; return what has arrived on it.

    Raises: AskError if the API server refuses. Raises: NoTunnelError if anything else does, or if it is closed.
    """
    http = h11.Connection(h11.CLIENT)
    request = http.send(h11.Request(method="POST", target=path, headers=_HEADERS)) or b""
    try:
        await connection.send(request + (http.send(h11.EndOfMessage()) or b""))
        answer = await _next_event(connection, http)
        if isinstance(answer, h11.InformationalResponse) and answer.status_code == 101:
            return http.trailing_data[0]
        if not isinstance(answer, h11.Response):
            raise NoTunnelError(f"an answer that is none: {answer}")
        body = bytearray()
        while isinstance(part := await _next_event(connection, http), h11.Data) and len(body) <= MAX_REASON_BYTES:
            body += part.data
    except h11.RemoteProtocolError as error:
        raise NoTunnelError(str(error)) from error
    except anyio.BrokenResourceError as error:
        raise ClosedError from error
    raise _refusal(answer.status_code, bytes(body))


async def _next_event(connection: ByteStream, http: h11.Connection) -> object:
    while (event := http.next_event()) is h11.NEED_DATA:
        try:
            http.receive_data(await connection.receive())
        except anyio.EndOfStream:
            if http.their_state is not h11.SEND_BODY:
                raise ClosedError from None
            http.receive_data(b"")
    return event


def _refusal(status: int, body: bytes) -> AskError | NoTunnelError:
    """Return the error of an answer. The API server's own are objects of the kind Status."""
    if status == 401:
        return LoginEndedError("the login has ended")
    try:
        answer: Any = json.loads(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and answer.get("kind") == "Status" and status not in _NOT_ASKED:
        reason = answer.get("message") or answer.get("reason") or f"status {status}"
        return AskError(f"the API server does not forward to its pod: {reason}")
    text = body.decode(errors="replace").strip()
    is_page = text.startswith("<")  # of a gateway, for browsers
    return NoTunnelError(f"status {status}" if is_page or not text else text[:MAX_REASON_CHARACTERS])
