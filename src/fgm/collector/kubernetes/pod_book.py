"""What is known of this node's pods: by the API, by the index of an earlier run, and of pods that have gone since.

Used by the event loop only; what it gives to others are values.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from fgm import iso_time
from fgm.collector.kubernetes.names import ContainerName, Names, PodName
from fgm.collector.kubernetes.pods import Container, Ended, Pod
from fgm.store.index.index_file import Facts, Index
from fgm.store.samples.series import Series

GONE_KEPT = 500
"""So many deleted pods are remembered: their containers may be recorded a little longer."""
SANDBOX_AFTER_MS = 60_000
"""A container that was there so long before the API spoke, and that it does not know, is no container of its pod."""


class PodBook:
    """The pods."""

    def __init__(self, index: Index) -> None:
        """Begin with the names that an index knows."""
        self._names = Names()
        self._is_changed = True
        self._pods: dict[str, Pod] = {}
        self._gone: dict[str, Pod] = {}
        self._earlier_containers: dict[str, ContainerName] = {}
        self._earlier_pods: dict[str, PodName] = {}
        self._first_seen_ms: dict[str, int] = {}
        self._nameless: dict[str, str] = {}
        self._with_sandbox: set[str] = set()
        self._sandboxes: frozenset[str] = frozenset()
        for entry in index.entries.values():
            facts = entry.facts
            namespace, pod_name = facts.get("namespace"), facts.get("pod_name")
            if not namespace or not pod_name:
                continue
            pod, uid, name = PodName(namespace, pod_name), facts.get("pod_uid"), facts.get("container_name")
            if isinstance(uid, str):
                self._earlier_pods[uid] = pod
            if isinstance(name, str):
                self._earlier_containers[entry.full_id] = ContainerName(pod, name)

    @property
    def names(self) -> Names:
        """The names as they are now; another object when something changed."""
        if self._is_changed:
            self._is_changed = False
            names = self._join()
            if names != self._names:
                self._names = names
        return self._names

    @property
    def pods(self) -> Collection[Pod]:
        """The pods that there are."""
        return self._pods.values()

    def replace(self, pods: Iterable[Pod]) -> None:
        """Take a whole list."""
        before, self._pods = self._pods, {pod.uid: pod for pod in pods}
        self._keep_gone(pod for uid, pod in before.items() if uid not in self._pods)
        self._is_changed = True

    def put(self, pod: Pod) -> None:
        """Take a pod that is new or has changed."""
        before = self._pods.get(pod.uid)
        self._pods[pod.uid] = pod
        self._is_changed |= before is None or _named(before) != _named(pod)

    def remove(self, pod: Pod) -> None:
        """Take the last state of a pod that was deleted."""
        self._pods.pop(pod.uid, None)
        self._keep_gone([pod])
        self._is_changed = True

    def see(self, series: Iterable[Series], time_ms: int) -> None:
        """Take the series of a tick that has others than the last one."""
        mine = [one for one in series if one.container_id is not None and one.pod_uid is not None]
        self._first_seen_ms = {
            str(one.container_id): self._first_seen_ms.get(str(one.container_id), time_ms) for one in mine
        }
        self._nameless = {
            str(one.container_id): str(one.pod_uid)
            for one in mine
            if one.scope == "container" and one.container_name is None
        }
        self._with_sandbox = {str(one.pod_uid) for one in mine if one.scope == "sandbox"}

    def heard(self, now_ms: int) -> None:
        """Note that the API has just spoken: what it does not know now, it did not forget to say."""
        known = {uid for pod in self._pods.values() for uid in pod.cgroup_uids}
        found = {
            container_id
            for container_id, uid in self._nameless.items()
            if now_ms - self._first_seen_ms[container_id] >= SANDBOX_AFTER_MS
            and uid in known - self._with_sandbox
            and container_id not in self.names.containers
        }
        if not found <= self._sandboxes:
            self._sandboxes = frozenset(self._first_seen_ms.keys() & (self._sandboxes | found))
            self._is_changed = True

    def _keep_gone(self, pods: Iterable[Pod]) -> None:
        for pod in pods:
            self._gone.pop(pod.uid, None)
            self._gone[pod.uid] = pod
        for uid in list(self._gone)[:-GONE_KEPT]:
            del self._gone[uid]

    def _join(self) -> Names:
        containers, pods = dict(self._earlier_containers), dict(self._earlier_pods)
        for pod in (*self._gone.values(), *self._pods.values()):
            name = PodName(pod.namespace, pod.name)
            pods.update(dict.fromkeys(pod.cgroup_uids, name))
            containers.update((one.id, ContainerName(name, one.name)) for one in pod.containers)
        return Names(containers, pods, self._sandboxes)


def _named(pod: Pod) -> object:
    """Return what names come from."""
    return pod.namespace, pod.name, pod.cgroup_uids, [(one.id, one.name) for one in pod.containers]


def facts_of(pod: Pod) -> Mapping[str, Facts]:
    """Return what the index says of a pod's containers, by full id."""
    return {one.id: _facts(pod, one) for one in pod.containers}


def _facts(pod: Pod, container: Container) -> Facts:
    return Facts(
        pod_name=pod.name,
        namespace=pod.namespace,
        container_name=container.name,
        labels=dict(pod.labels),
        image=container.image,
        restart_count=container.restart_count,
        limits=None if container.limits is None else dict(container.limits),
        requests=None if container.requests is None else dict(container.requests),
        ended=None if container.ended is None else ended_facts(container.ended),
    )


def ended_facts(ended: Ended) -> dict[str, Any]:
    """Return an end as it stands in the index."""
    facts = {"reason": ended.reason, "exit_code": ended.exit_code}
    if ended.finished_ms is None:
        return facts
    return {**facts, "finished_at": iso_time.format_seconds(ended.finished_ms)}
