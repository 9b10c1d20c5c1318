"""Which pod ends first if a node is short of memory, by the rules of the kubelet.

Source: Kubernetes 1.36.2, in pkg/kubelet: eviction/helpers.go (rankMemoryPressure), eviction/eviction_manager.go
(evictPod), qos/policy.go (GetContainerOOMScoreAdjust) and types/pod_update.go (IsCriticalPod).
"""

from collections.abc import Iterable
from dataclasses import dataclass

SYSTEM_CRITICAL_PRIORITY = 2_000_000_000
"""Lowest priority of pods that the kubelet does not evict. User-defined classes have at most half of it."""
NODE_CRITICAL = "system-node-critical"
GUARANTEED_ADJ, BEST_EFFORT_ADJ = -997, 1000


@dataclass(frozen=True)
class Pod:
    """What the kubelet compares.

    `working_set_bytes`: None if there are no statistics, as of a pod that waits for a volume.
    """

    name: str
    priority: int
    requested_bytes: int
    working_set_bytes: int | None


def ranked(pods: Iterable[Pod]) -> list[Pod]:
    """Return pods in the order in which the kubelet evicts them, with those that it skips because they are critical.

    The order is that of its log line "pods ranked for eviction".
    """
    return sorted(pods, key=_rank)


def evicted(pods: Iterable[Pod]) -> list[Pod]:
    """Return the pods that the kubelet evicts, one after the other, as long as memory is short."""
    return [pod for pod in ranked(pods) if pod.priority < SYSTEM_CRITICAL_PRIORITY]


def oom_score_adj(qos_class: str, priority_class: str | None, requested_bytes: int, capacity_bytes: int) -> int:
    """Return the oom_score_adj of a container.

    `requested_bytes`: of the container, not of its pod. Sidecars and pods with own requests have other rules.
    """
    if priority_class == NODE_CRITICAL or qos_class == "Guaranteed":
        return GUARANTEED_ADJ
    if qos_class == "BestEffort":
        return BEST_EFFORT_ADJ
    score = 1000 - 1000 * requested_bytes // capacity_bytes
    return min(max(score, 1000 + GUARANTEED_ADJ), BEST_EFFORT_ADJ - 1)


def _rank(pod: Pod) -> tuple[bool, bool, int, int]:
    if pod.working_set_bytes is None:
        return (False, False, pod.priority, 0)
    above_request = pod.working_set_bytes - pod.requested_bytes
    return (True, above_request <= 0, pod.priority, -above_request)
