"""Finds the node that a pod is or was on: from the nodes' own data, so that pods which are gone are found, too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import anyio.to_thread

from fgm.asking import many
from fgm.asking.answer_fields import instant, items, text, text_or_none
from fgm.asking.health import ask_health
from fgm.asking.limits import AT_ONCE, TIMEOUT_S
from fgm.asking.many import ask_each
from fgm.asking.ranking import Failure
from fgm.asking.sources import Source
from fgm.asking.typed_times import TypedTime
from fgm.asking.viewer_client import AskError, ViewerClient
from fgm.asking.words import NODE
from fgm.cluster.fgm_pods import by_node, fgm_pods
from fgm.cluster.forward import Forwards
from fgm.cluster.kubectl.client import Kubectl, KubectlError

POD = "pod/"
"""Start of the names of sources that are pods of a cluster: `pod/NAME` or `pod/NAMESPACE/NAME`."""


@dataclass(frozen=True, slots=True)
class PodOnNode:
    """A pod in the data of a node. `ids`: of its containers in the API, or of the pod itself if it has none there."""

    source: str
    namespace: str
    pod: str
    ids: tuple[str, ...]
    first_ms: int
    last_ms: int
    is_alive: bool

    @property
    def name(self) -> str:
        """Return namespace and name."""
        return f"{self.namespace}/{self.pod}"

    def is_at(self, time: TypedTime) -> bool:
        """Return whether it lived in a minute."""
        return self.first_ms < time.to_ms and self.last_ms >= time.from_ms


def parts_of(name: str) -> tuple[str, str]:
    """Return the namespace ("" if none is given) and the name of a pod, from POD, NAMESPACE/POD or pod/POD.

    Raises: AskError if there is no name: every pod has the empty text in its name.
    """
    namespace, _, pod = name.removeprefix(POD).rpartition("/")
    if not pod:
        raise AskError(f"{name!r} has no name of a pod: give POD or NAMESPACE/POD")
    return namespace, pod


def other_nodes(found: Sequence[PodOnNode], time: TypedTime | None) -> list[str]:
    """Return the names of the other nodes than the first pod's that have pods which match as well, in order."""
    best = found[0]
    others = {
        pod.source.removeprefix(NODE)
        for pod in found
        if pod.source != best.source and (time is None or not best.is_at(time) or pod.is_at(time))
    }
    return sorted(others)


async def found_pods(
    forwards: Forwards,
    name: str,
    namespace: str = "",
    time: TypedTime | None = None,
    *,
    on_done: many.OnDone = many.ignore,
) -> tuple[list[PodOnNode], list[Failure]]:
    """Return the pods of this name in a cluster, the best match first. The node that the API names is asked first.

    A pod of a StatefulSet may have been on another node at another time, so then all nodes are asked.

    Raises: KubectlError if fgm's pods cannot be listed.
    """
    pods = by_node(await anyio.to_thread.run_sync(fgm_pods, forwards.kubectl))
    sources = [forwards.source_of(pod) for pod in pods]
    now_on = await anyio.to_thread.run_sync(_node_of, forwards.kubectl, name, namespace)
    first = [source for source in sources if source.name == f"{NODE}{now_on}"]
    if first:
        found, _ = await search_pod(first, name, namespace, time)
        exact = [pod for pod in found if pod.pod == name and (time is None or pod.is_at(time))]
        if exact:
            return [replace(pod, is_alive=True) for pod in exact] if time is None else exact, []
        if time is None:
            return [PodOnNode(first[0].name, namespace, name, (), 0, 0, is_alive=True)], []  # its data has no names
    return await search_pod(sources, name, namespace, time, on_done=on_done)


def _node_of(kubectl: Kubectl, name: str, namespace: str) -> str:
    """Return the node of a pod that the API still has; "" if it has none, or if pods may not be listed."""
    try:
        pods = kubectl.get_anywhere("pods", namespace, fields=f"metadata.name={name}")
    except KubectlError:
        return ""  # the data of the nodes has it, too
    nodes = {str(pod["spec"]["nodeName"]) for pod in pods if pod["spec"].get("nodeName")}
    return nodes.pop() if len(nodes) == 1 else ""


async def search_pod(
    sources: Sequence[Source],
    name: str,
    namespace: str = "",
    time: TypedTime | None = None,
    *,
    at_once: int = AT_ONCE,
    timeout_s: float = TIMEOUT_S,
    on_done: many.OnDone = many.ignore,
) -> tuple[list[PodOnNode], list[Failure]]:
    """Return the pods with this name, or with it in their names, the best match first; and what did not answer.

    `time`: pods that lived then are better than others.
    """

    async def ask_one(client: ViewerClient, source: str) -> list[PodOnNode]:
        await ask_health(client, timeout_s=timeout_s)
        span = {"from": time.from_ms, "to": time.to_ms} if time is not None else {}
        filters = {"search": name, **({"namespace": namespace} if namespace else {})}
        answer = await client.get("/api/containers", {**filters, **span}, timeout_s=timeout_s)
        return pods_of(items(answer, "containers"), name, source)

    answers, failures = await ask_each(sources, ask_one, at_once=at_once, timeout_s=timeout_s, on_done=on_done)
    found = [pod for pods in answers for pod in pods]
    found.sort(
        key=lambda pod: (pod.pod != name, time is not None and not pod.is_at(time), -pod.last_ms, pod.name, pod.source)
    )
    return found, failures


def pods_of(containers: Sequence[Mapping[str, Any]], name: str, source: str) -> list[PodOnNode]:
    """Return the pods of containers as the API lists them, if the name is part of theirs."""
    by_pod: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for each in containers:
        pod_name = text_or_none(each, "pod_name") or ""
        if pod_name and name in pod_name:
            by_pod.setdefault((text_or_none(each, "namespace") or "", pod_name), []).append(each)
    return [
        PodOnNode(
            source,
            namespace,
            pod,
            tuple(text(each, "id") for each in listed if each["scope"] == "container")
            or tuple(text(each, "id") for each in listed),
            min(instant(each, "first_seen_ms") for each in listed),
            max(instant(each, "last_seen_ms") for each in listed),
            any(each["alive"] for each in listed),
        )
        for (namespace, pod), listed in by_pod.items()
    ]
