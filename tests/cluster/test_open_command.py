"""`fgm open NODE` with a real kubectl, and an API server that forwards its ports to servers on this machine."""

import http.server
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from tests.support.cluster import fgm_pod as pod
from tests.support.kubectl import kubectl_folder
from tests.support.port_forward import STOP_POLL_S, ClusterApi
from tests.support.processes import free_port

pytestmark = [pytest.mark.slow]
OPEN = re.compile(r"fgm: node (\S+), pod (\S+): open (http://127\.0\.0\.1:\d+/)\n")


class Cluster:
    """A cluster with two nodes, and `fgm open` with a kubectl that is configured for it."""

    def __init__(self, folder: Path) -> None:
        self.api = ClusterApi()
        self.api.nodes = [{"metadata": {"name": name}} for name in ("worker-3", "worker-4")]
        self.api.write_kubeconfig(folder / "config")
        self._environment = {
            **os.environ,
            "PATH": str(kubectl_folder()),
            "HOME": str(folder),
            "KUBECONFIG": str(folder / "config"),
        }

    @contextmanager
    def open(self, *arguments: str, context: str = "test", **variables: str) -> Iterator[subprocess.Popen[str]]:
        """Run `fgm open`, and stop it with Ctrl-C at the end if it still runs."""
        command = [sys.executable, "-m", "fgm", "open", "--no-browser", "--context", context, "--port=0", *arguments]
        environment = {**self._environment, **variables}
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.send_signal(signal.SIGINT)
                assert process.wait(30) in (0, 1)

    def refusal(self, *arguments: str, **variables: str) -> str:
        """Return the error message, without a wait."""
        with self.open(*arguments, "--wait-seconds=0", **variables) as process:
            _, message = process.communicate(timeout=30)
        assert process.returncode == 1
        assert message.startswith("fgm: ")
        assert len(message.splitlines()) == 1
        return message


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.api.close()


@contextmanager
def listener(port: int = 0) -> Iterator[int]:
    """Serve HTTP as a viewer does in a pod; yield the port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bytes(64 << 20) if self.path == "/large" else b"hello"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(STOP_POLL_S,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def until_open(process: subprocess.Popen[str]) -> tuple[list[str], tuple[str, str, str]]:
    """Return the messages before the page is open, and the node, the pod and the address of the page."""
    messages: list[str] = []
    for line in process.stderr or ():
        if match := OPEN.fullmatch(line):
            return messages, (match[1], match[2], match[3])
        messages.append(line)
    raise AssertionError(messages)


def page(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=20) as response:
        return bytes(response.read())


def test_the_page_of_the_pod_on_the_node_is_forwarded_until_ctrl_c(cluster: Cluster) -> None:
    cluster.api.pods = [pod("fgm-a"), pod("fgm-b", node="worker-4")]
    with listener() as port, cluster.open("worker-4") as process:
        cluster.api.listeners["fgm-b"] = port
        messages, (node, name, address) = until_open(process)

        assert (messages, node, name) == ([], "worker-4", "fgm-b")
        assert page(address) == b"hello"
    assert process.returncode == 0
    with pytest.raises(OSError, match="refused"):
        page(address)
    assert cluster.api.forwards == ["fgm-b"]


@pytest.mark.parametrize("has_web_sockets", [True, False])
def test_it_forwards_again_until_the_viewer_listens_and_shows_what_kubectl_printed(
    cluster: Cluster, has_web_sockets: bool
) -> None:
    """kubectl ends a forward at the first connection that the pod refuses."""
    cluster.api.pods, cluster.api.has_web_sockets = [pod("fgm-a")], has_web_sockets
    port = cluster.api.listeners["fgm-a"] = free_port()
    with cluster.open("worker-3") as process:
        cluster.api.wait_for_refused(2)
        with listener(port):
            messages, (_, name, address) = until_open(process)

            assert name == "fgm-a"
            assert page(address) == b"hello"
    assert messages[0].startswith("fgm: waiting for up to 120 s: the viewer of pod fgm-a does not respond; ")
    assert "connect: connection refused" in messages[0]
    assert len(messages) == 1, "a message is not repeated"


def test_a_proxy_is_not_asked_for_this_machine(cluster: Cluster) -> None:
    """kubectl does not ask it either."""
    cluster.api.pods = [pod("fgm-a")]
    with listener() as port, cluster.open("worker-3", "--wait-seconds=0", HTTP_PROXY="http://127.0.0.1:1") as process:
        cluster.api.listeners["fgm-a"] = port
        messages, _ = until_open(process)

    assert messages == []


def test_a_viewer_that_never_listens_is_an_error_with_what_kubectl_printed(cluster: Cluster) -> None:
    cluster.api.pods = [pod("fgm-a")]

    message = cluster.refusal("worker-3")
    assert "the viewer of pod fgm-a does not respond; kubectl printed: " in message
    assert "connect: connection refused" in message
    assert "Unhandled" not in message
    assert "portforward.go" not in message


@pytest.mark.parametrize(
    ("pods", "reason"),
    [
        ([], "node worker-3 has no fgm pod in namespace fine-grained-monitor: apply"),
        ([pod("fgm-a", phase="Pending")], "no fgm pod is running on node worker-3: fgm-a is Pending"),
    ],
)
def test_it_waits_for_a_pod_that_does_not_run_yet(cluster: Cluster, pods: list[dict[str, Any]], reason: str) -> None:
    cluster.api.pods = pods
    with listener() as port, cluster.open("worker-3") as process:
        cluster.api.listeners["fgm-a"] = port
        assert process.stderr is not None
        message = process.stderr.readline()
        cluster.api.pods = [pod("fgm-a")]
        until_open(process)

    assert message.startswith(f"fgm: waiting for up to 120 s: {reason}")


def test_a_forward_that_ends_is_started_again_on_the_same_port(cluster: Cluster) -> None:
    cluster.api.pods = [pod("fgm-a")]
    with listener() as port, cluster.open("worker-3") as process:
        cluster.api.listeners["fgm-a"] = port
        _, (_, _, address) = until_open(process)
        cluster.api.cut()
        messages, (_, name, again) = until_open(process)

        assert (name, again, page(again)) == ("fgm-a", address, b"hello")
    assert "lost connection to pod" in messages[0]
    assert messages[-1] == "fgm: kubectl has ended the port-forward; forwarding again\n"


def test_a_connection_that_the_browser_closes_early_is_not_reported(cluster: Cluster) -> None:
    cluster.api.pods, cluster.api.has_web_sockets = [pod("fgm-a")], False
    with listener() as port, cluster.open("worker-3") as process:
        cluster.api.listeners["fgm-a"] = port
        _, (_, _, address) = until_open(process)
        with urllib.request.urlopen(f"{address}large", timeout=20) as response:
            response.read(1000)
        assert page(address) == b"hello"
        cluster.api.cut()
        messages, _ = until_open(process)

    assert [message for message in messages if "local connection" in message] == []


def test_after_an_upgrade_it_forwards_to_the_new_pod(cluster: Cluster) -> None:
    """Between the old pod and the new one, the node has none."""
    cluster.api.pods = [pod("fgm-old")]
    with listener() as port, cluster.open("worker-3") as process:
        cluster.api.listeners = {"fgm-old": port}
        _, (_, _, address) = until_open(process)
        cluster.api.pods = []
        cluster.api.cut()
        assert process.stderr is not None
        messages = []
        for line in process.stderr:
            messages.append(line)
            if "has no fgm pod" in line:
                break
        cluster.api.pods, cluster.api.listeners = [pod("fgm-new")], {"fgm-new": port}
        _, (_, name, again) = until_open(process)

        assert (name, again, page(again)) == ("fgm-new", address, b"hello")
    assert cluster.api.forwards[0] == "fgm-old"
    assert cluster.api.forwards[-1] == "fgm-new"


def test_without_kubectl_the_error_names_it(cluster: Cluster) -> None:
    assert "kubectl is not installed" in cluster.refusal("worker-3", PATH="/nonexistent")


def test_without_a_cluster_the_error_has_the_message_of_kubectl(cluster: Cluster) -> None:
    with cluster.open("worker-3", context="other") as process:
        _, message = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "The connection to the server 127.0.0.1:1 was refused" in message
    assert "kubectl config get-contexts" in message


def test_the_error_of_an_unknown_node_lists_the_existing_nodes(cluster: Cluster) -> None:
    message = cluster.refusal("worker-5")

    assert "no node 'worker-5'" in message
    assert "worker-3, worker-4" in message


def test_the_error_of_a_node_without_a_pod_names_the_manifest(cluster: Cluster) -> None:
    cluster.api.pods = [pod("fgm-b", node="worker-4")]

    assert "deploy/daemonset.yaml" in cluster.refusal("worker-3")


def test_the_error_of_a_pod_that_does_not_run_has_its_phase(cluster: Cluster) -> None:
    cluster.api.pods = [pod("fgm-a", phase="Pending")]

    assert "fgm-a is Pending" in cluster.refusal("worker-3")


def test_the_error_of_several_pods_names_them(cluster: Cluster) -> None:
    cluster.api.pods = [pod("fgm-a"), pod("fgm-b")]

    assert "fgm-a, fgm-b" in cluster.refusal("worker-3")


def test_the_error_of_a_taken_port_has_the_message_of_kubectl(cluster: Cluster) -> None:
    cluster.api.pods = [pod("fgm-a")]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        message = cluster.refusal("worker-3", "--port", str(taken.getsockname()[1]))

    assert "address already in use" in message
