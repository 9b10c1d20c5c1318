"""A Kubernetes API server for kubectl: it lists nodes and pods, and forwards ports to listeners on this machine.

If nothing listens on the port in the pod, the error stream has a message, as that of a kubelet with containerd has.

Source: SPDY/3.1, the protocol that kubectl speaks after an upgrade of the connection. Since 1.31 it prefers to send it
in the binary messages of a WebSocket.
"""

import base64
import hashlib
import json
import socket
import threading
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from tests.support.spdy import Session, Tunnel

WEB_SOCKET_PROTOCOL = "SPDY/3.1+portforward.k8s.io"
STOP_POLL_S = 0.02
"""Interval at which the server looks whether it should stop."""
FGM_NAMESPACE = "fine-grained-monitor"
KUBELET_FORWARD = "portForward"
"""Start of the path at which an API server asks a kubelet to forward: /portForward/NAMESPACE/POD."""
RESOURCES = {
    name: {
        "name": name,
        "singularName": kind.lower(),
        "kind": kind,
        "namespaced": is_namespaced,
        "verbs": ["get", "list"],
    }
    for name, kind, is_namespaced in (("pods", "Pod", True), ("nodes", "Node", False))
}


class ClusterApi:
    """An API server on a free port. Its attributes may be changed while it serves.

    `pods`, `nodes`: the objects it lists. `listeners`: the port on this machine for each pod that something listens in.
    `forwards`: the pods of all forwards so far. `over_web_sockets`: those of them over WebSockets.
    `refused`: number of connections that nothing in the pod accepted.
    `forbidden`: the resources that may not be listed, but in the namespace of fgm.
    `token`: the one that each request must have; "" if none has to.
    `has_web_sockets`: it forwards over WebSockets, as API servers do since 1.31; if not, kubectl takes the older form.
    `has_spdy`: so it does in the older form. What is in between may not pass on that a connection is to be upgraded.
    `refusals`: the status and message for each pod that it does not forward to.
    `hanging`: the pods for which it does not answer in the older form, until it is closed.
    """

    def __init__(self) -> None:
        self.pods: list[dict[str, Any]] = []
        self.nodes: list[dict[str, Any]] = []
        self.listeners: dict[str, int] = {}
        self.forwards: list[str] = []
        self.refused = 0
        self.forbidden: set[str] = set()
        self.token = ""
        self.over_web_sockets: list[str] = []
        self.has_web_sockets = self.has_spdy = True
        self.refusals: dict[str, tuple[int, str]] = {}
        self.hanging: set[str] = set()
        self.closed = threading.Event()
        self.changed = threading.Condition()
        self._sessions: list[Session] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"api": self}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(STOP_POLL_S,), daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Its port on this machine."""
        return int(self._server.server_port)

    def close(self) -> None:
        """Stop serving, and cut all forwards."""
        self.closed.set()
        self.cut()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def cut(self) -> None:
        """Cut the connections of all forwards, as a restart of the API server does."""
        for session in self._sessions:
            session.cut()

    def write_kubeconfig(self, path: Path) -> None:
        """Write a configuration for kubectl with this cluster as the context `test`, which is not the current one."""
        ports = {"test": self.port, "other": 1}
        clusters = [{"name": name, "cluster": {"server": f"http://127.0.0.1:{port}"}} for name, port in ports.items()]
        contexts = [{"name": name, "context": {"cluster": name, "user": "test"}} for name in ports]
        users = [{"name": "test", "user": {}}]
        facts = {"apiVersion": "v1", "kind": "Config", "clusters": clusters, "contexts": contexts, "users": users}
        path.write_text(json.dumps({**facts, "current-context": "other"}))

    def wait_for_refused(self, count: int, within_s: float = 30) -> None:
        """Wait until so many connections have been refused."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.refused >= count, within_s)

    def get(self, path: str, query: str = "") -> dict[str, Any] | None:
        """Return the answer to a GET request; None if there is no such object."""
        parts = path.strip("/").split("/")
        selectors = parse_qs(query)
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": []}
        if path == "/api/v1":
            return {"kind": "APIResourceList", "groupVersion": "v1", "resources": list(RESOURCES.values())}
        if parts[-1] == "nodes":
            return {"kind": "NodeList", "apiVersion": "v1", "items": self.nodes}
        if parts[-1] == "pods":
            namespace = parts[-2] if "namespaces" in parts else None
            fields, labels = (_conditions(selectors, name) for name in ("fieldSelector", "labelSelector"))
            items = [
                pod
                for pod in self.pods
                if namespace in (None, pod["metadata"]["namespace"])
                and fields.get("spec.nodeName", pod["spec"]["nodeName"]) == pod["spec"]["nodeName"]
                and fields.get("metadata.name", pod["metadata"]["name"]) == pod["metadata"]["name"]
                and labels.items() <= pod["metadata"]["labels"].items()
            ]
            return {"kind": "PodList", "apiVersion": "v1", "items": items}
        return next((pod for pod in self.pods if pod["metadata"]["name"] == parts[-1]), None)

    def answer(self, path: str, query: str) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of the answer to a GET request."""
        failure = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
        resource = path.rpartition("/")[2]
        if resource in self.forbidden and FGM_NAMESPACE not in path:
            message = f'{resource} is forbidden: User "test" cannot list resource "{resource}"'
            return 403, {**failure, "message": message, "reason": "Forbidden", "code": 403}
        found = self.get(path, query)
        return (404, failure) if found is None else (200, found)

    def connect(self, pod: str) -> socket.socket:
        """Connect to what listens in a pod.

        Raises: ConnectionError if nothing does.
        """
        try:
            return socket.create_connection(("127.0.0.1", self.listeners.get(pod, 1)))
        except ConnectionError:
            with self.changed:
                self.refused += 1
                self.changed.notify_all()
            raise

    def forward(self, pod: str, connection: socket.socket | Tunnel) -> None:
        """Forward to a pod over an upgraded connection, until kubectl closes it."""
        self.forwards.append(pod)
        session = Session(lambda: self.connect(pod), pod, connection)
        self._sessions.append(session)
        session.run()


class _Handler(BaseHTTPRequestHandler):
    api: ClusterApi
    protocol_version = "HTTP/1.1"

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        if self.api.token and self.headers["Authorization"] != f"Bearer {self.api.token}":
            failure = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Unauthorized"}
            self._respond(401, {**failure, "message": "Unauthorized", "code": 401})
            return False
        return True

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path.endswith("/portforward"):
            self._forward_over_web_socket()
            return
        self._respond(*self.api.answer(path, query))

    def do_POST(self) -> None:
        assert self.headers["Upgrade"] == "SPDY/3.1"
        parts = self.path.split("?")[0].split("/")
        pod = parts[-1] if parts[1] == KUBELET_FORWARD else parts[-2]
        if pod in self.api.hanging:
            self.api.closed.wait()
        elif not self.api.has_spdy:
            self._refuse(400, "Upgrade request required")
        elif pod in self.api.refusals:
            self._refuse(*self.api.refusals[pod])
        else:
            self._upgrade({"Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "portforward.k8s.io"})
            self.api.forward(pod, self.connection)

    def _forward_over_web_socket(self) -> None:
        if not self.api.has_web_sockets:
            self._refuse(400, "no WebSockets")
            return
        pod = self.path.split("?")[0].split("/")[-2]
        if pod in self.api.refusals:
            self._refuse(*self.api.refusals[pod])
            return
        assert self.headers["Sec-WebSocket-Protocol"] == WEB_SOCKET_PROTOCOL
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        headers = {"Upgrade": "websocket", "Sec-WebSocket-Accept": accept}
        self._upgrade({**headers, "Sec-WebSocket-Protocol": WEB_SOCKET_PROTOCOL})
        self.api.over_web_sockets.append(pod)
        self.api.forward(pod, Tunnel(self.connection))

    def _upgrade(self, headers: dict[str, str]) -> None:
        self.send_response(101)
        for name, value in {"Connection": "Upgrade", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True

    def _refuse(self, status: int, message: str) -> None:
        facts = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message}
        self._respond(status, {**facts, "reason": HTTPStatus(status).phrase.replace(" ", ""), "code": status})

    def _respond(self, status: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _conditions(parameters: Mapping[str, Sequence[str]], name: str) -> dict[str, str]:
    """Return the conditions of a selector, such as `app=web,tier=front`."""
    selectors = [part for text in parameters.get(name, ()) for part in text.split(",")]
    return dict(selector.split("=", 1) for selector in selectors)
