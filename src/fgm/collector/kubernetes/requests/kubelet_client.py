"""The request to the kubelet: the list of its pods. It has no resource version, and cannot be watched.

Source: kubernetes/pkg/kubelet/server/server.go; the right that it needs: server/auth.go
"""

from collections.abc import Callable

from fgm.collector.kubernetes.pod import Pod
from fgm.collector.kubernetes.requests.address import Address
from fgm.collector.kubernetes.requests.connection import Connection, Timeouts
from fgm.collector.kubernetes.requests.pod_list_reader import read_pods


class KubeletClient:
    """A client for the pods of the kubelet of a node."""

    def __init__(
        self, address: Address, node_name: str, monotonic: Callable[[], float], timeouts: Timeouts | None = None
    ) -> None:
        self._node_name = node_name
        self._monotonic = monotonic
        self._timeouts = timeouts or Timeouts()
        self._connection = Connection(address, monotonic, self._timeouts.connect_s)

    @property
    def requests(self) -> int:
        """Number of requests so far."""
        return self._connection.requests

    def list_pods(self) -> list[Pod]:
        """Return the pods of the node. Blocks, and is called by one worker thread at a time.

        Raises: ApiError if the request fails.
        """
        until = self._monotonic() + self._timeouts.list_s
        with self._connection.translated_errors():
            self._connection.request("/pods", self._timeouts.list_s)
            pods, _ = read_pods(self._connection, self._node_name, until)
        self._connection.close()
        return pods

    def cut(self) -> None:
        """Abort the current request, and refuse all later ones. Thread-safe."""
        self._connection.cut()
