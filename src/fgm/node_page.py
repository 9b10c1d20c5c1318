"""`fgm open NODE`: finds the pod of a node with kubectl, forwards its port, and opens the page.

kubectl, not a client of our own: it knows the person's clusters, logins and proxies already.
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
NAMES_SHOWN = 10
ASK_AGAIN_S, ANSWER_TIMEOUT_S = 0.5, 5.0


class OpenError(Exception):
    """Raised when the page of a node cannot be opened; the message says why and what to do."""


def open_page(
    node: str, *, port: int = VIEWER_PORT, namespace: str = NAMESPACE, context: str = "", opens_browser: bool = True
) -> int:
    """Forward the page of `node` until Ctrl-C, or until kubectl ends. Raises OpenError.

    `port`: on this machine; 0 takes a free one. `context`: of kubectl's configuration, else its current one.
    """
    kubectl = [_find_kubectl(), *(["--context", context] if context else []), "--namespace", namespace]
    pod = find_pod(_pods(kubectl, node), node, namespace)
    command = [*kubectl, "port-forward", f"pod/{pod}", f"{port or ''}:{VIEWER_PORT}", "--address=127.0.0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603
        complaints: list[str] = []
        listener = threading.Thread(target=_collect, args=(process, complaints), daemon=True)
        listener.start()
        try:
            _announce(process, node, pod, opens_browser=opens_browser)
            process.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            process.terminate()
        listener.join()
    raise OpenError(f"kubectl ended the port-forward to pod {pod}: {_last_line(complaints)}")


def find_pod(pods: Sequence[Mapping[str, Any]], node: str, namespace: str) -> str:
    """Return the name of the one pod of fgm on the node that can be reached. Raises OpenError."""
    going = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    names = sorted(pod["metadata"]["name"] for pod in going if pod["status"].get("phase") == "Running")
    if len(names) == 1:
        return str(names[0])
    if names:
        raise OpenError(
            f"node {node} has several pods of fgm in namespace {namespace}, {', '.join(names)}: remove all but one "
            "DaemonSet, or forward one with kubectl port-forward"
        )
    if pods:
        phases = ", ".join(f"{pod['metadata']['name']} is {_phase(pod)}" for pod in pods)
        raise OpenError(f"no pod of fgm runs on node {node} yet: {phases}; kubectl describe says why")
    raise OpenError(
        f"there is no pod of fgm on node {node} in namespace {namespace}: apply deploy/daemonset.yaml, or name its "
        "namespace with --namespace"
    )


def _pods(kubectl: Sequence[str], node: str) -> list[Mapping[str, Any]]:
    """Return fgm's pods on the node. Raises OpenError, also where there is no such node."""
    chosen = ["--selector", SELECTOR, "--field-selector", f"spec.nodeName={node}"]
    pods: list[Mapping[str, Any]] = _get(kubectl, "pods", *chosen)
    if not pods:
        nodes = sorted(item["metadata"]["name"] for item in _get(kubectl, "nodes"))
        if node not in nodes:
            more = f" and {len(nodes) - NAMES_SHOWN} more" if len(nodes) > NAMES_SHOWN else ""
            there = f"there are {', '.join(nodes[:NAMES_SHOWN])}{more}" if nodes else "it has none"
            raise OpenError(f"the cluster has no node {node!r}: {there}")
    return pods


def _get(kubectl: Sequence[str], *what: str) -> Any:
    command = [*kubectl, REQUEST_TIMEOUT, "get", *what, "--output=json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        reason = _last_line(done.stderr.splitlines())
        raise OpenError(
            f"kubectl cannot get {what[0]}: {reason}; kubectl config get-contexts lists the clusters it knows"
        )
    try:
        return json.loads(done.stdout)["items"]
    except (ValueError, LookupError, TypeError):
        raise OpenError(f"kubectl get {what[0]} answered something that is not a list: try it by hand") from None


def _find_kubectl() -> str:
    found = shutil.which("kubectl")
    if found is None:
        raise OpenError("kubectl is not installed, or not on the PATH: fgm open needs it to reach the cluster")
    return found


def _announce(process: subprocess.Popen[str], node: str, pod: str, *, opens_browser: bool) -> None:
    """Wait until the page answers; then say so, and open it. Returns at once where kubectl ended."""
    forwarded = next((line for line in process.stdout or () if line.startswith(FORWARDING)), None)
    threading.Thread(target=_drop, args=(process,), daemon=True).start()
    if forwarded is None:
        return
    address = f"http://{forwarded.removeprefix(FORWARDING).split(' ')[0]}/"
    is_waiting = False
    while not _answers(address):
        if process.poll() is not None:
            return
        if not is_waiting:
            sys.stderr.write(f"fgm: the viewer of pod {pod} does not answer yet; waiting for it\n")
        is_waiting = True
        time.sleep(ASK_AGAIN_S)
    sys.stderr.write(f"fgm: node {node}, pod {pod}: open {address}\n")
    if opens_browser:
        webbrowser.open(address)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}api/health", timeout=ANSWER_TIMEOUT_S):  # noqa: S310 - of ours
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, http.client.HTTPException):
        return False


def _drop(process: subprocess.Popen[str]) -> None:
    """Read what nobody needs: kubectl says a line for each connection, and a full pipe would stop it."""
    for _ in process.stdout or ():
        pass


def _collect(process: subprocess.Popen[str], lines: list[str]) -> None:
    for line in process.stderr or ():
        lines.append(line)
        del lines[:-20]


def _last_line(lines: Sequence[str]) -> str:
    said = [line.strip() for line in lines if line.strip()]
    return said[-1] if said else "it did not say why"


def _phase(pod: Mapping[str, Any]) -> str:
    return "ending" if pod["metadata"].get("deletionTimestamp") else str(pod["status"].get("phase", "unknown"))
