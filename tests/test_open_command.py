"""`fgm open NODE`, with a script instead of kubectl and a file instead of the cluster."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

KUBECTL = f"""#!{sys.executable}
import http.server, json, os, socket, sys, time
cluster = json.load(open(os.environ["FAKE_CLUSTER"]))
arguments = sys.argv[1:]
print(json.dumps(arguments), file=open(os.environ["FAKE_CLUSTER"] + ".calls", "a"))
if cluster["error"]:
    sys.exit(cluster["error"])
if "get" in arguments:
    node = next((a.partition("=")[2] for a in arguments if a.startswith("spec.nodeName=")), None)
    items = cluster[arguments[arguments.index("get") + 1]]
    print(json.dumps(dict(items=[i for i in items if node is None or i["spec"]["nodeName"] == node])))
else:
    if cluster["forward_error"]:
        sys.exit(cluster["forward_error"])
    listener = socket.create_server(("127.0.0.1", 0))
    print("Forwarding from 127.0.0.1:%d -> 8050" % listener.getsockname()[1], flush=True)
    for _ in range(cluster["silent"]):  # as if no server listens in the pod
        listener.accept()[0].close()
    server = http.server.HTTPServer(listener.getsockname(), http.server.SimpleHTTPRequestHandler, False)
    server.socket = listener
    server.serve_forever()
"""


def pod(name: str, node: str = "worker-3", phase: str = "Running") -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"nodeName": node}, "status": {"phase": phase}}


class Cluster:
    """A cluster in a file, and a kubectl that reads it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "cluster.json"
        self.path = folder / "bin"
        self.path.mkdir()
        kubectl = self.path / "kubectl"
        kubectl.write_text(KUBECTL)
        kubectl.chmod(0o755)
        self.fill()

    def fill(self, *pods: dict[str, Any], error: str = "", forward_error: str = "", silent: int = 0) -> None:
        nodes = [{"metadata": {"name": name}} for name in ("worker-3", "worker-4")]
        errors = {"error": error, "forward_error": forward_error, "silent": silent}
        self.file.write_text(json.dumps({"pods": pods, "nodes": nodes, **errors}))

    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in self.file.with_name("cluster.json.calls").read_text().splitlines()]

    def open(self, *arguments: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PATH": str(self.path), "FAKE_CLUSTER": str(self.file)}
        command = [sys.executable, "-m", "fgm", "open", "--no-browser", *arguments]
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)

    def refusal(self, *arguments: str) -> str:
        process = self.open(*arguments)
        _, message = process.communicate(timeout=30)
        assert process.returncode == 1
        assert message.startswith("fgm: ")
        assert len(message.splitlines()) == 1
        return message


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def option(call: Sequence[str], name: str) -> str:
    return call[call.index(name) + 1]


def test_the_page_of_the_pod_on_the_node_is_forwarded_until_ctrl_c(cluster: Cluster) -> None:
    cluster.fill(pod("fgm-a"), pod("fgm-b", node="worker-4"))
    process = cluster.open("worker-4", "--context", "staging")
    assert process.stderr is not None
    message = process.stderr.readline()
    process.send_signal(signal.SIGINT)

    assert re.fullmatch(r"fgm: node worker-4, pod fgm-b: open http://127\.0\.0\.1:\d+/\n", message)
    assert process.wait(30) == 0
    process.stderr.close()
    listed, forwarded = cluster.calls()
    assert option(listed, "--context") == option(forwarded, "--context") == "staging"
    assert option(forwarded, "port-forward") == "pod/fgm-b"
    assert "8050:8050" in forwarded


def test_it_waits_for_a_viewer_that_does_not_respond_yet(cluster: Cluster) -> None:
    cluster.fill(pod("fgm-a"), silent=2)
    process = cluster.open("worker-3")
    assert process.stderr is not None
    message = [process.stderr.readline() for _ in range(2)]
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    process.stderr.close()

    assert message[0] == "fgm: waiting for the viewer of pod fgm-a to respond\n"
    assert message[1].startswith("fgm: node worker-3, pod fgm-a: open http://127.0.0.1:")


def test_without_kubectl_the_error_names_it(cluster: Cluster) -> None:
    (cluster.path / "kubectl").unlink()

    assert "kubectl is not installed" in cluster.refusal("worker-3")


def test_without_a_cluster_the_error_has_the_message_of_kubectl(cluster: Cluster) -> None:
    cluster.fill(error="The connection to the server localhost:8080 was refused")

    message = cluster.refusal("worker-3")
    assert "The connection to the server localhost:8080 was refused" in message
    assert "kubectl config get-contexts" in message


def test_the_error_of_an_unknown_node_lists_the_existing_nodes(cluster: Cluster) -> None:
    message = cluster.refusal("worker-5")

    assert "no node 'worker-5'" in message
    assert "worker-3, worker-4" in message


def test_the_error_of_a_node_without_a_pod_names_the_manifest(cluster: Cluster) -> None:
    cluster.fill(pod("fgm-b", node="worker-4"))

    assert "deploy/daemonset.yaml" in cluster.refusal("worker-3")


def test_the_error_of_a_pod_that_does_not_run_has_its_phase(cluster: Cluster) -> None:
    cluster.fill(pod("fgm-a", phase="Pending"))

    assert "fgm-a is Pending" in cluster.refusal("worker-3")


def test_the_error_of_several_pods_names_them(cluster: Cluster) -> None:
    cluster.fill(pod("fgm-a"), pod("fgm-b"))

    assert "fgm-a, fgm-b" in cluster.refusal("worker-3")


def test_the_error_of_a_taken_port_has_the_message_of_kubectl(cluster: Cluster) -> None:
    cluster.fill(pod("fgm-a"), forward_error="unable to listen on port 8050: address already in use")

    assert "address already in use" in cluster.refusal("worker-3")
