"""A connection for one GET request at a time, over a socket that another thread can close to end the request.

The methods block, and are called by one worker thread at a time. The event loop calls `cut` to abort them. The token
and the CA certificate are read again regularly, because the kubelet replaces them.
"""

import contextlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlsplit

from fgm import __version__
from fgm.collector.kubernetes.requests.address import Address
from fgm.collector.kubernetes.requests.errors import ApiError

TOKEN_EVERY_S = 60
"""Minimum interval between two reads of the token, unless it was refused."""
MALFORMED = (ValueError, RecursionError)
"""Errors of the parsers of responses."""
_PART_BYTES = 64 << 10
_MAX_TOKEN_BYTES = 64 << 10
_WRONG_NAME = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH

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


class Connection:
    """A connection to an address. `requests`: number of requests so far."""

    def __init__(self, address: Address, monotonic: Callable[[], float], connect_s: float) -> None:
        self.requests = 0
        self._url = urlsplit(address.url)
        self._address = address
        self._monotonic = monotonic
        self._connect_s = connect_s
        self._token: str | None = None
        self._token_read_at: float | None = None
        self._socket: socket.socket | None = None
        self._response: http.client.HTTPResponse | None = None
        self._lock = threading.Lock()
        self._is_busy = False
        self._is_cut = False

    def request(self, path: str, wait_s: float) -> None:
        """Send a GET request, and wait for the head of its response. Call this within `translated_errors`.

        Raises: ApiError if the response has another status than 200.
        """
        self.close()
        self.requests += 1
        connection = http.client.HTTPConnection(self._url.hostname or "", self._port)
        connection.sock = self._connect()
        connection.sock.settimeout(wait_s)
        headers = {"Accept": "application/json", "User-Agent": f"fgm/{__version__}", **self._authorization()}
        connection.request("GET", f"{self._url.path.rstrip('/')}{path}", headers=headers)
        self._response = connection.getresponse()
        if self._response.status != HTTPStatus.OK:
            if self._response.status == HTTPStatus.UNAUTHORIZED:
                self._token_read_at = None
            raise ApiError(_reason(self._response), self._response.status)

    def read(self, until: float) -> bytes:
        """Return the next bytes of the response, or b"" at its end. Call this within `translated_errors`.

        Raises: TimeoutError if none arrive before the monotonic time `until`.
        """
        left_s = until - self._monotonic()
        if self._response is None or self._socket is None:
            return b""
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left_s)
        return self._response.read1(_PART_BYTES)

    def cut(self) -> None:
        """Abort the current request, and refuse all later ones. Thread-safe."""
        with self._lock:
            self._is_cut = True
            if not self._is_busy:
                self.close()
            elif self._socket is not None:
                _shut(self._socket)

    def close(self) -> None:
        """Close the connection. Only the thread that made the request may call this."""
        if self._response is not None:
            self._response.close()
        if self._socket is not None:
            self._socket.close()
        self._response = self._socket = None

    @contextlib.contextmanager
    def translated_errors(self, of_timeout: type[ApiError] = ApiError) -> Iterator[None]:
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
        except (OSError, http.client.HTTPException, *MALFORMED) as error:
            self.close()
            kind = of_timeout if isinstance(error, TimeoutError) else ApiError
            raise kind(f"{type(error).__name__}: {error}") from error
        finally:
            with self._lock:
                self._is_busy = False
                if self._is_cut:
                    self.close()

    @property
    def _port(self) -> int:
        return self._url.port or (443 if self._url.scheme == "https" else 80)

    def _connect(self) -> socket.socket:
        """Return a connected socket. Over TLS, the certificate is always verified, before anything is sent.

        `cut` can abort connecting, too.
        """
        host = self._url.hostname or ""
        if self._url.scheme != "https":
            return self._connect_tcp(host)
        try:
            context = ssl.create_default_context(cafile=self._address.authority_file)
        except OSError as error:  # its message does not contain the path
            raise ApiError(f"cannot read certificates from {self._address.authority_file}: {error}") from error
        *others, last = self._address.tls_names or (host,)
        for name in others:
            try:
                return self._handshake(context, host, name)
            except ssl.SSLCertVerificationError as error:
                self.close()
                if error.verify_code not in _WRONG_NAME:
                    raise
        return self._handshake(context, host, last)

    def _handshake(self, context: ssl.SSLContext, host: str, name: str) -> ssl.SSLSocket:
        raw = self._connect_tcp(host)
        secure = self._keep(context.wrap_socket(raw, server_hostname=name, do_handshake_on_connect=False))
        secure.do_handshake()
        return secure

    def _connect_tcp(self, host: str) -> socket.socket:
        errors: list[OSError] = []
        for family, kind, protocol, _, address in socket.getaddrinfo(host, self._port, type=socket.SOCK_STREAM):
            raw = self._keep(socket.socket(family, kind, protocol))
            try:
                raw.settimeout(self._connect_s)
                raw.connect(address)
            except OSError as error:
                errors.append(error)
                self.close()
            else:
                return raw
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


def _reason(response: http.client.HTTPResponse) -> str:
    """Return the HTTP status and the message about a refused request: the API server's JSON, or the kubelet's text."""
    message = None
    with contextlib.suppress(OSError, http.client.HTTPException):
        message = response.read(4096).decode("utf-8", "replace").strip()
        with contextlib.suppress(AttributeError, *MALFORMED):
            message = json.loads(message).get("message")
    return f"HTTP {response.status}: {str(message or response.reason)[:300]}"


def _shut(connection: socket.socket) -> None:
    # SSLSocket.shutdown would remove the TLS state that another thread is still using to read.
    with contextlib.suppress(OSError):  # it is not connected yet, or closed already
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
