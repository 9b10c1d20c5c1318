"""Finds the fgm pods of a cluster, and which of them can be asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fgm.asking.viewer_client import AskError
from fgm.cluster.deployment import SELECTOR
from fgm.cluster.kubectl.client import Kubectl


@dataclass(frozen=True, slots=True)
class NodePod:
    """The fgm pod of a node; "" if it has several that do not run.

    `problem`: why it cannot be asked; "" if it can. `is_ready`: whether its containers are.
    """

    node: str
    pod: str
    problem: str = ""
    is_ready: bool = True


def fgm_pods(kubectl: Kubectl, node: str = "") -> list[Mapping[str, Any]]:
    """Return fgm's pods, running or not, as kubectl prints them. `node`: "" means all.

    Raises: KubectlError if kubectl fails.
    """
    return kubectl.get("pods", labels=SELECTOR, fields=f"spec.nodeName={node}" if node else "")


def no_pods(namespace: str) -> AskError:
    """Return the error for a cluster without fgm pods."""
    return AskError(
        f"the cluster has no fgm pods in namespace {namespace}: apply deploy/daemonset.yaml, or give another "
        "namespace with --fgm-namespace"
    )


def by_node(pods: Sequence[Mapping[str, Any]]) -> list[NodePod]:
    """Return one pod for each node that has any, by the names of the nodes. Pods that no node has yet are left out."""
    of_node: dict[str, list[Mapping[str, Any]]] = {}
    for pod in pods:
        if node := pod["spec"].get("nodeName"):
            of_node.setdefault(node, []).append(pod)
    return [_pod_of(node, of_node[node]) for node in sorted(of_node)]


def _pod_of(node: str, pods: Sequence[Mapping[str, Any]]) -> NodePod:
    running = sorted((pod["metadata"]["name"], is_ready(pod)) for pod in pods if is_running(pod))
    if running:
        name, ready = running[0]
        return NodePod(node, name, is_ready=ready)
    if len(pods) == 1:
        return NodePod(node, str(pods[0]["metadata"]["name"]), f"its fgm pod is {phase_of(pods[0])}")
    names = ", ".join(f"{pod['metadata']['name']} is {phase_of(pod)}" for pod in pods)
    return NodePod(node, "", f"none of its fgm pods is running: {names}")


def nodes_of_workload(kubectl: Kubectl, name: str, namespace: str = "") -> set[str]:
    """Return the nodes that have pods of a Deployment, StatefulSet, DaemonSet or Job now. `namespace`: "" means all.

    A Deployment's pods belong to a ReplicaSet that is named after it and after the hash of the pods' template.

    Raises: KubectlError if kubectl fails.
    """
    return {
        str(pod["spec"]["nodeName"])
        for pod in kubectl.get_anywhere("pods", namespace)
        if pod["spec"].get("nodeName") and name in _workloads_of(pod)
    }


def _workloads_of(pod: Mapping[str, Any]) -> set[str]:
    owners = {str(owner["name"]) for owner in pod["metadata"].get("ownerReferences", ())}
    suffix = f"-{pod['metadata'].get('labels', {}).get('pod-template-hash', '')}"
    return owners | {owner.removesuffix(suffix) for owner in owners}


def is_running(pod: Mapping[str, Any]) -> bool:
    """Return whether a pod runs, and is not about to end."""
    return pod["status"].get("phase") == "Running" and not pod["metadata"].get("deletionTimestamp")


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Return whether no container of a pod is known not to be ready, such as one that does not answer its probe."""
    return all(container.get("ready") is not False for container in pod["status"].get("containerStatuses", ()))


def phase_of(pod: Mapping[str, Any]) -> str:
    """Return the phase of a pod, or that it is about to end."""
    return "Terminating" if pod["metadata"].get("deletionTimestamp") else str(pod["status"].get("phase", "unknown"))
