"""The requests to an engine over its Unix socket: the list of running containers, and Docker's stream of events.

All methods but `cut` block, and are called by one worker thread at a time.
Source: https://docs.docker.com/reference/api/engine/ and https://docs.podman.io/en/latest/_static/api.html
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import quote

from fgm.collector.engines.container import EngineContainer, parse_list
from fgm.collector.engines.engine_event import EngineEvent, parse_event
from fgm.collector.kubernetes.requests.address import Address
from fgm.collector.kubernetes.requests.connection import MALFORMED, Connection
from fgm.collector.kubernetes.requests.errors import ApiError, SilenceError, StreamError

# Those that Docker is starting have a cgroup already, but are not running yet.
_DOCKER_FILTER = quote('{"status":["created","paused","restarting","running"]}')
LISTS = {
    "docker": f"/containers/json?all=1&filters={_DOCKER_FILTER}",
    "podman": "/v4.0.0/libpod/containers/json",
}
"""Path of the list of containers, by engine. Only Podman's own API has the names of its pods."""
EVENTS = "/events?filters=" + quote('{"type":["container"]}')
TIMEOUT_S = 10
SILENCE_S = 600
"""Timeout for the next event. After it, the containers are listed again."""
MAX_LIST_BYTES = 4 << 20
"""Maximum size of a list: more than 1000 containers. A list may need 35 times its size in memory while it is parsed."""
MAX_LINE_BYTES = 1 << 20


_PARSING = threading.Lock()
"""Held while a list is parsed, so that only one needs memory at a time."""


class UnixConnection(Connection):
    """A connection for one GET request at a time, over a Unix socket."""

    def __init__(self, path: str, monotonic: Callable[[], float]) -> None:
        super().__init__(Address("http://engine"), monotonic, TIMEOUT_S)
        self._path = path

    def _connect(self) -> socket.socket:
        connection = self._keep(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        connection.settimeout(TIMEOUT_S)
        connection.connect(self._path)
        return connection


class EngineClient:
    """A client for the engine that listens on a socket. `runtime`: "docker" or "podman"."""

    def __init__(self, path: str, runtime: str, monotonic: Callable[[], float]) -> None:
        self.path = path
        self.runtime = runtime
        self._monotonic = monotonic
        self._lists = UnixConnection(path, monotonic)
        self._events = UnixConnection(path, monotonic)
        self._rest = bytearray()

    def list_containers(self) -> list[EngineContainer]:
        """Return the containers that run or are being started.

        Raises: ApiError if the request fails.
        """
        until, body = self._monotonic() + TIMEOUT_S, bytearray()
        with self._translated_errors(self._lists):
            self._lists.request(LISTS[self.runtime], TIMEOUT_S)
            while part := self._lists.read(until):
                body += part
                if len(body) > MAX_LIST_BYTES:
                    raise ApiError(f"the list of containers has more than {MAX_LIST_BYTES} bytes")
            with _PARSING:
                containers = list(parse_list(json.loads(body), self.runtime))
        self._lists.close()
        return containers

    def open_events(self) -> None:
        """Start the stream of events from now on.

        Raises: ApiError if the request fails.
        """
        self._rest = bytearray()
        with self._translated_errors(self._events):
            self._events.request(EVENTS, TIMEOUT_S)

    def next_events(self) -> Sequence[EngineEvent] | None:
        """Wait for the next part of the stream, and return the events that end in it; None if the stream has ended.

        Raises: SilenceError if none arrive in time; StreamError if the stream is malformed; another ApiError if the
        connection is lost.
        """
        until = self._monotonic() + SILENCE_S
        with self._translated_errors(self._events, SilenceError):
            if part := self._events.read(until):
                return self._events_in(part)
        self._events.close()
        return None

    def cut(self) -> None:
        """Abort the current requests, and refuse all later ones. Thread-safe."""
        self._lists.cut()
        self._events.cut()

    def close_events(self) -> None:
        """Close the stream of events. Only the thread that made the request may call this."""
        self._events.close()

    def _events_in(self, part: bytes) -> list[EngineEvent]:
        first, *others = part.split(b"\n")
        self._rest += first
        if len(self._rest) > MAX_LINE_BYTES:
            raise StreamError(f"an event has more than {MAX_LINE_BYTES} bytes")
        if not others:
            return []
        lines, self._rest = [bytes(self._rest), *others[:-1]], bytearray(others[-1])
        try:
            events = [parse_event(line) for line in lines if line.strip()]
        except MALFORMED as error:
            raise StreamError(f"the stream of events is malformed: {error}") from error
        return [event for event in events if event is not None]

    @contextmanager
    def _translated_errors(self, connection: Connection, of_timeout: type[ApiError] = ApiError) -> Iterator[None]:
        """Turn every error into an ApiError whose message contains the path of the socket."""
        try:
            with connection.translated_errors(of_timeout):
                yield
        except ApiError as error:
            raise type(error)(f"{self.path}: {error}", error.status) from error
