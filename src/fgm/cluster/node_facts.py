"""What is known of the fgm of each node: its pod, its data, and its problems."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio.to_thread

from fgm.asking import many
from fgm.asking.health import Health, ask_health
from fgm.asking.limits import AT_ONCE, TIMEOUT_S
from fgm.asking.many import ask_each
from fgm.asking.viewer_client import ViewerClient
from fgm.asking.words import NODE
from fgm.cluster.fgm_pods import by_node, fgm_pods
from fgm.cluster.forward import Forwards
from fgm.cluster.kubectl.client import Kubectl, KubectlError

MAX_AGE_TICKS = 10
"""Maximum age of the newest sample, in ticks; an older one is a problem."""


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """A node: its fgm pod ("" if it has none), what its viewer says (None if it does not answer), and its problems."""

    node: str
    pod: str
    health: Health | None
    problems: tuple[str, ...]


async def facts_of_nodes(
    kubectl: Kubectl,
    *,
    at_once: int = AT_ONCE,
    timeout_s: float = TIMEOUT_S,
    on_done: many.OnDone = many.ignore,
) -> list[NodeFacts]:
    """Return the facts of all nodes with an fgm pod, and of all nodes without one if the cluster's nodes may be listed.

    Raises: KubectlError if kubectl cannot list the pods.
    """
    pods = await anyio.to_thread.run_sync(fgm_pods, kubectl)
    nodes, note = await anyio.to_thread.run_sync(_names_of_nodes, kubectl)
    of_nodes = by_node(pods)
    healths: dict[str, Health] = {}

    async def ask_one(client: ViewerClient, name: str) -> None:
        healths[name.removeprefix(NODE)] = await ask_health(client, timeout_s=timeout_s)

    async with Forwards(kubectl) as forwards:
        asked = [forwards.source_of(pod) for pod in of_nodes]
        _, failures = await ask_each(asked, ask_one, at_once=at_once, timeout_s=timeout_s, on_done=on_done)
    reasons = {failure.source.removeprefix(NODE): failure.reason for failure in failures}
    usual = usual_version(healths.values())
    facts = [
        NodeFacts(
            pod.node,
            pod.pod,
            healths.get(pod.node),
            (
                *([reasons[pod.node]] if pod.node in reasons else []),
                *problems_of_pods([each for each in pods if each["spec"].get("nodeName") == pod.node]),
                *(problems_of(healths[pod.node], usual) if pod.node in healths else []),
            ),
        )
        for pod in of_nodes
    ]
    missing = sorted(set(nodes) - {each.node for each in of_nodes})
    facts += [NodeFacts(node, "", None, ("it has no fgm pod",)) for node in missing]
    if note:
        facts.append(NodeFacts("", "", None, (note,)))
    return facts


def _names_of_nodes(kubectl: Kubectl) -> tuple[list[str], str]:
    """Return the names of the cluster's nodes; none and the reason if they may not be listed."""
    try:
        return [str(node["metadata"]["name"]) for node in kubectl.get_anywhere("nodes")], ""
    except KubectlError as error:
        return [], f"nodes without fgm are not known: {error}"


def usual_version(healths: Any) -> str:
    """Return the version that most viewers have; "" if there is none."""
    versions = Counter(health.version for health in healths)
    return versions.most_common(1)[0][0] if versions else ""


def problems_of(health: Health, usual: str = "") -> list[str]:
    """Return what is wrong with the data of a node. `usual`: the version that most nodes have."""
    problems = list(health.problems)
    if health.newest_ms is None:
        problems.append("it has no samples")
    elif health.now_ms - health.newest_ms > MAX_AGE_TICKS * health.interval_ms:
        problems.append("its newest sample is old: nothing is recorded now")
    if usual and health.version != usual:
        problems.append(f"its version is {health.version}, while other nodes have {usual}")
    return problems


def problems_of_pods(pods: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what is wrong with the fgm pods of a node: several, containers that were restarted, or are not ready."""
    problems = []
    if len(pods) > 1:
        problems.append(f"it has {len(pods)} fgm pods: {', '.join(sorted(pod['metadata']['name'] for pod in pods))}")
    for pod in pods:
        for container in pod["status"].get("containerStatuses", ()):
            name = container["name"]
            if container.get("restartCount"):
                last = container.get("lastState", {}).get("terminated") or {}
                reason = f", the last time after {last['reason']}" if last.get("reason") else ""
                times = "once" if container["restartCount"] == 1 else f"{container['restartCount']} times"
                problems.append(f"its {name} was restarted {times}{reason}")
            if container.get("ready") is False:
                waiting = container.get("state", {}).get("waiting") or {}
                problems.append(f"its {name} is not ready" + (f": {waiting['reason']}" if "reason" in waiting else ""))
    return problems


def length(ms: int) -> str:
    """Return a length of time in its largest unit, such as `3 min`."""
    for unit, unit_ms in (("days", 86_400_000), ("h", 3_600_000), ("min", 60_000)):
        if ms >= 2 * unit_ms:
            return f"{ms // unit_ms} {unit}"
    return f"{ms // 1000} s"
