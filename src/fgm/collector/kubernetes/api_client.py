"""The two requests to the Kubernetes API, over a socket that another thread can close to end a request.

`list_pods`, `open_stream` and `next_events` block, and are called by one worker thread at a time. The event loop calls
`cut` to abort them. The token and the CA certificate are read again regularly, because the kubelet replaces them.
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
from fgm.collector.kubernetes.errors import ApiError, SilenceError, StreamError
from fgm.collector.kubernetes.pod import MAX_PODS, Pod, parse_pod
from fgm.collector.kubernetes.pod_list_parser import PodListParser
from fgm.collector.kubernetes.watch_state import WatchEvent, parse_event

MAX_LINE_BYTES = 4 << 20
"""Maximum length of a line of a watch stream."""
TOKEN_EVERY_S = 60
"""Minimum interval between two reads of the token, unless it was refused."""
_PART_BYTES = 64 << 10
_MAX_TOKEN_BYTES = 64 << 10
_MALFORMED = (ValueError, RecursionError)

T = TypeVar("T", bound=socket.socket)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts of requests. `silence_s`: for the next line of a watch stream.

    A bookmark arrives about every minute, but only if the version of the pods has changed since the stream began.
    Source: apiserver/pkg/storage/cacher/cache_watcher.go
    """

    connect_s: float = 10
    list_s: float = 60
    silence_s: float = 120


class PodApi:
    """A client for the pods of one node. `requests`: number of requests so far."""

    def __init__(
        self, address: Address, node_name: str, monotonic: Callable[[], float], timeouts: Timeouts | None = None
    ) -> None:
        self.requests = 0
        self._url = urlsplit(address.url)
        self._address = address
        self._node_name = node_name
        self._monotonic = monotonic
        self._timeouts = timeouts or Timeouts()
        self._token: str | None = None
        self._token_read_at: float | None = None
        self._socket: socket.socket | None = None
        self._response: http.client.HTTPResponse | None = None
        self._rest = b""
        self._lock = threading.Lock()
        self._is_busy = False
        self._is_cut = False

    def list_pods(self) -> tuple[list[Pod], str]:
        """Return the pods of the node, and the resource version of the list.

        Raises: ApiError if the request fails.
        """
        until = self._monotonic() + self._timeouts.list_s
        parser, pods = PodListParser(), []
        with self._translated_errors():
            # Version 0 allows any state in the API server's memory. Without it, the server reads each list from etcd.
            self._ask({"resourceVersion": "0"}, self._timeouts.list_s)
            while part := self._read(until):
                pods += self._of_node(parser.feed(part))
                if len(pods) > MAX_PODS:
                    raise ApiError(f"the list has more than {MAX_PODS} pods of one node")
            pods += self._of_node(parser.end())
            if parser.resource_version is None:
                raise ApiError("the list of pods has no resource version")
        self.close()
        return pods, parser.resource_version

    def open_stream(self, resource_version: str, stream_s: int) -> None:
        """Start a watch stream of changes after `resource_version`. The API ends it after `stream_s` seconds.

        Raises: ApiError if the request fails.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(stream_s),
        }
        with self._translated_errors():
            self._ask(query, self._timeouts.silence_s)

    def next_events(self) -> Sequence[WatchEvent] | None:
        """Wait for the next events of the stream; return those of this node, or None if the stream has ended.

        Raises: SilenceError if none arrive in time; StreamError if the stream is malformed; another ApiError if the
        connection is lost.
        """
        until = self._monotonic() + self._timeouts.silence_s
        with self._translated_errors(SilenceError):
            while part := self._read(until):
                *lines, self._rest = (self._rest + part).split(b"\n")
                if len(self._rest) > MAX_LINE_BYTES:
                    raise StreamError(f"a line of the watch stream has more than {MAX_LINE_BYTES} bytes")
                try:
                    events = [parse_event(line) for line in lines if line.strip()]
                except _MALFORMED as error:
                    raise StreamError(f"the watch stream is malformed: {error}") from error
                if events:
                    return [event for event in events if event.pod is None or self._is_of_node(event.pod)]
        self.close()
        return None

    def cut(self) -> None:
        """Abort the current request, and refuse all later ones. Thread-safe."""
        with self._lock:
            self._is_cut = True
            if not self._is_busy:
                self.close()
            elif self._socket is not None:
                _shut(self._socket)

    def _of_node(self, values: Iterator[Any]) -> list[Pod]:
        return [pod for pod in map(parse_pod, values) if pod is not None and self._is_of_node(pod)]

    def _is_of_node(self, pod: Pod) -> bool:
        return pod.node_name in {None, self._node_name}

    @contextlib.contextmanager
    def _translated_errors(self, of_timeout: type[ApiError] = ApiError) -> Iterator[None]:
        """Turn every error into an ApiError, and close the connection after it. `of_timeout`: the one for timeouts."""
        with self._lock:
            if self._is_cut:
                raise ApiError("the request was aborted")
            self._is_busy = True
        try:
            yield
        except ApiError:
            self.close()
            raise
        except (OSError, http.client.HTTPException, *_MALFORMED) as error:
            self.close()
            kind = of_timeout if isinstance(error, TimeoutError) else ApiError
            raise kind(f"{type(error).__name__}: {error}") from error
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
        """Return a connected socket. `cut` can abort connecting, too."""
        host = self._url.hostname or ""
        errors: list[OSError] = []
        for family, kind, protocol, _, address in socket.getaddrinfo(host, self._port, type=socket.SOCK_STREAM):
            raw = self._keep(socket.socket(family, kind, protocol))
            try:
                raw.settimeout(self._timeouts.connect_s)
                raw.connect(address)
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

    def _keep(self, connection: T) -> T:
        with self._lock:
            self._socket = connection
            if self._is_cut:
                raise ApiError("the request was aborted")
        return connection

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
            raise ValueError(f"{self._address.token_file} contains no token")  # its content must not get into the log
        return token

    def _read(self, until: float) -> bytes:
        """Return the next bytes of the response, or b"" at its end.

        Raises: TimeoutError if none arrive before the monotonic time `until`.
        """
        left_s = until - self._monotonic()
        if self._response is None or self._socket is None:
            return b""
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left_s)
        return self._response.read1(_PART_BYTES)

    def close(self) -> None:
        """Close the connection. Only the thread that made the request may call this."""
        self._rest = b""
        if self._response is not None:
            self._response.close()
        if self._socket is not None:
            self._socket.close()
        self._response = self._socket = None


def _reason(response: http.client.HTTPResponse) -> str:
    """Return the HTTP status and the API's message about a refused request."""
    try:
        message = json.loads(response.read(4096)).get("message")
    except (OSError, http.client.HTTPException, AttributeError, *_MALFORMED):
        message = None
    return f"HTTP {response.status}: {str(message or response.reason)[:300]}"


def _shut(connection: socket.socket) -> None:
    # SSLSocket.shutdown would remove the TLS state that another thread is still using to read.
    with contextlib.suppress(OSError):  # it is not connected yet, or closed already
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
