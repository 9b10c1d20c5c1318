"""`fgm open NODE`: finds the node's pod with kubectl, forwards a port to it, and opens the page.

It uses kubectl because kubectl is already configured with the user's clusters, logins and proxies.
"""

import http.client
import json
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Mapping, Sequence
from typing import Any

NAMESPACE = "fine-grained-monitor"
SELECTOR = "app.kubernetes.io/name=fine-grained-monitor"
VIEWER_PORT = 8050
REQUEST_TIMEOUT = "--request-timeout=20s"
FORWARDING = "Forwarding from "
"""Start of the line that `kubectl port-forward` prints after it has opened its port."""
MAX_NAMES = 10
"""Maximum number of node names in an error message."""
MAX_ERROR_LINES = 20
"""Maximum number of kept lines of kubectl's standard error; the last ones are kept."""
POLL_INTERVAL_S = 0.5
"""Interval between two attempts to reach a viewer that does not respond yet."""
RESPONSE_TIMEOUT_S = 5.0


class OpenError(Exception):
    """Raised if the page of a node cannot be opened. The message contains the reason and what to do."""


def open_page(
    node: str, *, port: int = VIEWER_PORT, namespace: str = NAMESPACE, context: str = "", opens_browser: bool = True
) -> int:
    """Open the page of `node` and forward its port until Ctrl-C; return the exit code.

    `port`: port on this machine; 0 takes a free one. `context`: context of kubectl; empty for the current one.

    Raises: OpenError if there is not exactly one running pod, or if kubectl is missing, fails or ends.
    """
    kubectl = [_find_kubectl(), *(["--context", context] if context else []), "--namespace", namespace]
    pod = find_pod(_pods(kubectl, node), node, namespace)
    command = [*kubectl, "port-forward", f"pod/{pod}", f"{port or ''}:{VIEWER_PORT}", "--address=127.0.0.1"]
    with subprocess.Popen(  # noqa: S603 - the user's own kubectl
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        error_lines: list[str] = []
        error_reader = threading.Thread(target=_collect_errors, args=(process, error_lines), daemon=True)
        error_reader.start()
        try:
            _announce(process, node, pod, opens_browser=opens_browser)
            process.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            process.terminate()
        error_reader.join()
    raise OpenError(f"kubectl ended the port-forward to pod {pod}: {_last_line(error_lines)}")


def find_pod(pods: Sequence[Mapping[str, Any]], node: str, namespace: str) -> str:
    """Return the name of the running fgm pod of a node. `pods`: all fgm pods of the node, as kubectl prints them.

    Raises: OpenError if no pod is running, or more than one.
    """
    staying = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    names = sorted(pod["metadata"]["name"] for pod in staying if pod["status"].get("phase") == "Running")
    if len(names) == 1:
        return str(names[0])
    if names:
        raise OpenError(
            f"node {node} has several fgm pods in namespace {namespace}, {', '.join(names)}: delete all but one "
            "DaemonSet, or use kubectl port-forward with one of the pods"
        )
    if pods:
        phases = ", ".join(f"{pod['metadata']['name']} is {_phase(pod)}" for pod in pods)
        raise OpenError(
            f"no fgm pod is running on node {node}: {phases}; "
            f"kubectl --namespace {namespace} describe pods shows the reason"
        )
    raise OpenError(
        f"node {node} has no fgm pod in namespace {namespace}: apply deploy/daemonset.yaml, or give another namespace "
        "with --namespace"
    )


def _pods(kubectl: Sequence[str], node: str) -> list[Mapping[str, Any]]:
    """Return the fgm pods of a node, running or not.

    Raises: OpenError if the cluster has no such node, or if kubectl fails.
    """
    of_node = ["--selector", SELECTOR, "--field-selector", f"spec.nodeName={node}"]
    pods: list[Mapping[str, Any]] = _get(kubectl, "pods", *of_node)
    if not pods:
        nodes = sorted(item["metadata"]["name"] for item in _get(kubectl, "nodes"))
        if node not in nodes:
            rest = f" and {len(nodes) - MAX_NAMES} more" if len(nodes) > MAX_NAMES else ""
            listed = f"its nodes are {', '.join(nodes[:MAX_NAMES])}{rest}" if nodes else "it has no nodes"
            raise OpenError(f"the cluster has no node {node!r}: {listed}")
    return pods


def _get(kubectl: Sequence[str], resource: str, *flags: str) -> Any:
    command = [*kubectl, REQUEST_TIMEOUT, "get", resource, *flags, "--output=json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the user's own kubectl
    if done.returncode:
        reason = _last_line(done.stderr.splitlines())
        raise OpenError(f"kubectl get {resource} failed: {reason}; kubectl config get-contexts lists your clusters")
    try:
        return json.loads(done.stdout)["items"]
    except (ValueError, LookupError, TypeError):
        raise OpenError(f"kubectl get {resource} did not print a list: run it yourself to see what it prints") from None


def _find_kubectl() -> str:
    path = shutil.which("kubectl")
    if path is None:
        raise OpenError("kubectl is not installed, or not on the PATH: fgm open needs it to reach the cluster")
    return path


def _announce(process: subprocess.Popen[str], node: str, pod: str, *, opens_browser: bool) -> None:
    """Wait until the page responds, then print its address and open it. Do neither if kubectl ends first."""
    line = next((line for line in process.stdout or () if line.startswith(FORWARDING)), None)
    threading.Thread(target=_discard_output, args=(process,), daemon=True).start()
    if line is None:
        return
    address = f"http://{line.removeprefix(FORWARDING).split(' ')[0]}/"
    has_waited = False
    while not _responds(address):
        if process.poll() is not None:
            return
        if not has_waited:
            sys.stderr.write(f"fgm: waiting for the viewer of pod {pod} to respond\n")
        has_waited = True
        time.sleep(POLL_INTERVAL_S)
    sys.stderr.write(f"fgm: node {node}, pod {pod}: open {address}\n")
    if opens_browser:
        webbrowser.open(address)


def _responds(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}api/health", timeout=RESPONSE_TIMEOUT_S):  # noqa: S310 - http, our own
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, http.client.HTTPException):
        return False


def _discard_output(process: subprocess.Popen[str]) -> None:
    """Read and drop kubectl's output. kubectl prints a line for each connection, and a full pipe would block it."""
    for _ in process.stdout or ():
        pass


def _collect_errors(process: subprocess.Popen[str], lines: list[str]) -> None:
    for line in process.stderr or ():
        lines.append(line)
        del lines[:-MAX_ERROR_LINES]


def _last_line(lines: Sequence[str]) -> str:
    messages = [line.strip() for line in lines if line.strip()]
    return messages[-1] if messages else "it printed no error message"


def _phase(pod: Mapping[str, Any]) -> str:
    return "Terminating" if pod["metadata"].get("deletionTimestamp") else str(pod["status"].get("phase", "unknown"))
