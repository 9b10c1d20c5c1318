"""The two requests to the Kubernetes API, over a socket that any thread can cut.

The blocking methods are for one worker thread at a time; `cut` is for the event loop, and ends them at once. The token
and the authority's certificate are files that the kubelet replaces; they are read again and again.
"""

import contextlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from fgm import __version__
from fgm.collector.kubernetes.address import Address
from fgm.collector.kubernetes.errors import ApiError, StreamError
from fgm.collector.kubernetes.pod_list_parser import PodListParser
from fgm.collector.kubernetes.pods import MAX_PODS, Pod, parse_pod
from fgm.collector.kubernetes.watch_state import Event, parse_event

MAX_LINE_BYTES = 4 << 20
TOKEN_EVERY_S = 60
_PART_BYTES = 64 << 10
_MAX_TOKEN_BYTES = 64 << 10
_NOT_UNDERSTOOD = (ValueError, RecursionError)

T = TypeVar("T", bound=socket.socket)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait. `silence_s`: for a stream's next whole line; bookmarks come about every minute."""

    connect_s: float = 10
    list_s: float = 60
    silence_s: float = 120


class PodApi:
    """Lists and watches the pods of one node. `requests`: how many were made."""

    def __init__(
        self, address: Address, node_name: str, monotonic: Callable[[], float], patience: Patience | None = None
    ) -> None:
        self.requests = 0
        self._url = urlsplit(address.url)
        self._address = address
        self._node_name = node_name
        self._monotonic = monotonic
        self._patience = patience or Patience()
        self._token: str | None = None
        self._token_read_at: float | None = None
        self._socket: socket.socket | None = None
        self._response: http.client.HTTPResponse | None = None
        self._rest = b""
        self._lock = threading.Lock()
        self._is_busy = False
        self._is_cut = False

    def list_pods(self) -> tuple[list[Pod], str]:
        """Return the node's pods, and the resource version they are of. Raises ApiError."""
        until = self._monotonic() + self._patience.list_s
        parser, pods = PodListParser(), []
        with self._failing():
            # Version 0 is what the API server has in memory; without it, each list is read from etcd.
            self._ask({"resourceVersion": "0"}, self._patience.list_s)
            while part := self._read(until):
                pods += self._mine(parser.feed(part))
                if len(pods) > MAX_PODS:
                    raise ApiError(f"it lists more than {MAX_PODS} pods of one node")
            pods += self._mine(parser.end())
            if parser.resource_version is None:
                raise ApiError("its list of pods has no resource version")
        self.close()
        return pods, parser.resource_version

    def open_stream(self, resource_version: str, stream_s: int) -> None:
        """Begin to watch. Raises ApiError."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(stream_s),
        }
        with self._failing():
            self._ask(query, self._patience.silence_s)

    def next_events(self) -> Sequence[Event] | None:
        """Wait for the next events of the stream; None: it has ended.

        Raises ApiError where it does not go on, StreamError where it makes no sense.
        """
        until = self._monotonic() + self._patience.silence_s
        with self._failing():
            while part := self._read(until):
                *lines, self._rest = (self._rest + part).split(b"\n")
                if len(self._rest) > MAX_LINE_BYTES:
                    raise StreamError(f"a line of its stream has more than {MAX_LINE_BYTES} bytes")
                try:
                    events = [parse_event(line) for line in lines if line.strip()]
                except _NOT_UNDERSTOOD as error:
                    raise StreamError(f"its stream cannot be read: {error}") from error
                if events:
                    return [event for event in events if event.pod is None or self._is_mine(event.pod)]
        self.close()
        return None

    def cut(self) -> None:
        """End, for good, whatever waits for the API. From any thread."""
        with self._lock:
            self._is_cut = True
            if not self._is_busy:
                self.close()
            elif self._socket is not None:
                _shut(self._socket)

    def _mine(self, values: Iterator[Any]) -> list[Pod]:
        return [pod for pod in map(parse_pod, values) if pod is not None and self._is_mine(pod)]

    def _is_mine(self, pod: Pod) -> bool:
        return pod.node_name in {None, self._node_name}

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        """Close the connection and raise ApiError where something goes wrong."""
        with self._lock:
            if self._is_cut:
                raise ApiError("cut")
            self._is_busy = True
        try:
            yield
        except ApiError:
            self.close()
            raise
        except (OSError, http.client.HTTPException, *_NOT_UNDERSTOOD) as error:
            self.close()
            raise ApiError(f"{type(error).__name__}: {error}") from error
        finally:
            with self._lock:
                self._is_busy = False
                if self._is_cut:
                    self.close()

    def _ask(self, query: dict[str, str], wait_s: float) -> None:
        self.close()
        self.requests += 1
        connection = http.client.HTTPConnection(self._url.hostname or "", self._port)
        connection.sock = self._keep(self._connect())
        connection.sock.settimeout(wait_s)
        selector = {"fieldSelector": f"spec.nodeName={self._node_name}", **query}
        headers = {"Accept": "application/json", "User-Agent": f"fgm/{__version__}", **self._authorization()}
        connection.request("GET", f"{self._url.path.rstrip('/')}/api/v1/pods?{urlencode(selector)}", headers=headers)
        self._response = connection.getresponse()
        if self._response.status != HTTPStatus.OK:
            if self._response.status == HTTPStatus.UNAUTHORIZED:
                self._token_read_at = None
            raise ApiError(_reason(self._response), self._response.status)

    @property
    def _port(self) -> int:
        return self._url.port or (443 if self._url.scheme == "https" else 80)

    def _connect(self) -> socket.socket:
        """Return a connection; while it is made, too, it can be cut."""
        host = self._url.hostname or ""
        errors: list[OSError] = []
        for family, kind, protocol, _, place in socket.getaddrinfo(host, self._port, type=socket.SOCK_STREAM):
            raw = self._keep(socket.socket(family, kind, protocol))
            try:
                raw.settimeout(self._patience.connect_s)
                raw.connect(place)
                if self._url.scheme != "https":
                    return raw
                context = ssl.create_default_context(cafile=self._address.authority_file)
                secure = self._keep(context.wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False))
                secure.do_handshake()
                return secure
            except OSError as error:
                errors.append(error)
                self.close()
        raise errors[0] if errors else OSError(f"{host} has no address")

    def _keep(self, made: T) -> T:
        with self._lock:
            self._socket = made
            if self._is_cut:
                raise ApiError("cut")
        return made

    def _authorization(self) -> dict[str, str]:
        now = self._monotonic()
        if self._token_read_at is None or now - self._token_read_at >= TOKEN_EVERY_S:
            self._token, self._token_read_at = self._read_token(), now
        return {} if self._token is None else {"Authorization": f"Bearer {self._token}"}

    def _read_token(self) -> str | None:
        if self._address.token_file is None:
            return None
        with open(self._address.token_file, encoding="ascii") as file:
            token = file.read(_MAX_TOKEN_BYTES).strip()
        if not token or not token.isprintable():
            raise ValueError(f"{self._address.token_file} holds no token")  # and what it holds is not for the log
        return token

    def _read(self, until: float) -> bytes:
        """Return what arrives next, nothing at the end. Raises TimeoutError where nothing does until then."""
        left_s = until - self._monotonic()
        if self._response is None or self._socket is None:
            return b""
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left_s)
        return self._response.read1(_PART_BYTES)

    def close(self) -> None:
        """End the request, from the thread that made it."""
        self._rest = b""
        if self._response is not None:
            self._response.close()
        if self._socket is not None:
            self._socket.close()
        self._response = self._socket = None


def _reason(response: http.client.HTTPResponse) -> str:
    """Return why a request was refused, in the API's own words if it has any."""
    try:
        message = json.loads(response.read(4096)).get("message")
    except (OSError, http.client.HTTPException, AttributeError, *_NOT_UNDERSTOOD):
        message = None
    return f"HTTP {response.status}: {str(message or response.reason)[:300]}"


def _shut(connection: socket.socket) -> None:
    # Not SSLSocket.shutdown, which takes the TLS state away from the thread that is reading.
    with contextlib.suppress(OSError):  # it is not connected, or closed by now
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
