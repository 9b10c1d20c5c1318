"""The two requests to the Kubernetes API: the list of a node's pods, and the stream of their changes.

`list_pods`, `open_stream`, `next_events` and `close` block, and are called by one worker thread at a time.
"""

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from fgm.collector.kubernetes.pod import Pod
from fgm.collector.kubernetes.requests.address import Address
from fgm.collector.kubernetes.requests.connection import MALFORMED, Connection, Timeouts
from fgm.collector.kubernetes.requests.errors import ApiError, SilenceError, StreamError
from fgm.collector.kubernetes.requests.pod_list_reader import is_of_node, read_pods
from fgm.collector.kubernetes.watch_state import WatchEvent, parse_event

MAX_LINE_BYTES = 4 << 20
"""Maximum length of a line of a watch stream."""


class PodApi:
    """A client for the pods of one node."""

    def __init__(
        self, address: Address, node_name: str, monotonic: Callable[[], float], timeouts: Timeouts | None = None
    ) -> None:
        self._node_name = node_name
        self._monotonic = monotonic
        self._timeouts = timeouts or Timeouts()
        self._connection = Connection(address, monotonic, self._timeouts.connect_s)
        self._rest = b""

    @property
    def requests(self) -> int:
        """Number of requests so far."""
        return self._connection.requests

    def list_pods(self) -> tuple[list[Pod], str]:
        """Return the pods of the node, and the resource version of the list.

        Raises: ApiError if the request fails.
        """
        until = self._monotonic() + self._timeouts.list_s
        with self._connection.translated_errors():
            # Version 0 allows any state in the API server's memory. Without it, the server reads each list from etcd.
            self._ask({"resourceVersion": "0"}, self._timeouts.list_s)
            pods, version = read_pods(self._connection, self._node_name, until)
            if version is None:
                raise ApiError("the list of pods has no resource version")
        self.close()
        return pods, version

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
        with self._connection.translated_errors():
            self._ask(query, self._timeouts.silence_s)

    def next_events(self) -> Sequence[WatchEvent] | None:
        """Wait for the next events of the stream; return those of this node, or None if the stream has ended.

        Raises: SilenceError if none arrive in time; StreamError if the stream is malformed; another ApiError if the
        connection is lost.
        """
        until = self._monotonic() + self._timeouts.silence_s
        with self._connection.translated_errors(SilenceError):
            while part := self._connection.read(until):
                *lines, self._rest = (self._rest + part).split(b"\n")
                if len(self._rest) > MAX_LINE_BYTES:
                    raise StreamError(f"a line of the watch stream has more than {MAX_LINE_BYTES} bytes")
                try:
                    events = [parse_event(line) for line in lines if line.strip()]
                except MALFORMED as error:
                    raise StreamError(f"the watch stream is malformed: {error}") from error
                if events:
                    return [each for each in events if each.pod is None or is_of_node(each.pod, self._node_name)]
        self.close()
        return None

    def cut(self) -> None:
        """Abort the current request, and refuse all later ones. Thread-safe."""
        self._connection.cut()

    def close(self) -> None:
        """Close the connection. Only the thread that made the request may call this."""
        self._connection.close()

    def _ask(self, query: dict[str, str], wait_s: float) -> None:
        self._rest = b""
        selector = {"fieldSelector": f"spec.nodeName={self._node_name}", **query}
        self._connection.request(f"/api/v1/pods?{urlencode(selector)}", wait_s)
