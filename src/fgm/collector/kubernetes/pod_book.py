"""The pods of this node: those that the API lists, recently deleted ones, and those in the index."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from fgm import iso_time
from fgm.collector.kubernetes.names import ContainerName, Names, PodName
from fgm.collector.kubernetes.pod import Container, Pod, Termination
from fgm.store.index.index_file import Facts, Index
from fgm.store.samples.series import Series

MAX_DELETED = 500
"""Maximum number of deleted pods that are remembered, because their containers may still be recorded."""
SANDBOX_AFTER_MS = 60_000
"""Minimum age at which a container that the API does not list counts as the sandbox of its pod."""


class PodBook:
    """The pods and their names. Used in the event loop. The value of `names` is immutable, so any thread can use it."""

    def __init__(self, index: Index) -> None:
        """Start with the names in an index."""
        self._names = Names()
        self._is_changed = True
        self._has_new_limits = False
        self._pods: dict[str, Pod] = {}
        self._deleted: dict[str, Pod] = {}
        self._indexed_containers: dict[str, ContainerName] = {}
        self._indexed_pods: dict[str, PodName] = {}
        self._first_seen_ms: dict[str, int] = {}
        self._nameless: dict[str, str] = {}
        self._with_sandbox: set[str] = set()
        self._sandboxes: frozenset[str] = frozenset()
        for entry in index.entries.values():
            facts = entry.facts
            namespace, pod_name = facts.get("namespace"), facts.get("pod_name")
            if not namespace or not pod_name:
                continue
            runtime, uid, name = facts.get("runtime"), facts.get("pod_uid"), facts.get("container_name")
            pod = PodName(namespace, pod_name, runtime)
            if isinstance(uid, str):
                self._indexed_pods[uid] = pod
            if isinstance(name, str):
                self._indexed_containers[entry.full_id] = ContainerName(pod, name, runtime)

    @property
    def names(self) -> Names:
        """The current names; the same object as long as nothing changes."""
        if self._is_changed:
            self._is_changed = False
            names = self._build_names()
            if names != self._names:
                self._names = names
        return self._names

    @property
    def pods(self) -> Collection[Pod]:
        """The pods that the API lists."""
        return self._pods.values()

    def take_new_limits(self) -> bool:
        """Return whether limits of containers or pods have changed since the last call, by an in-place resize."""
        has_new_limits, self._has_new_limits = self._has_new_limits, False
        return has_new_limits

    def replace(self, pods: Iterable[Pod]) -> None:
        """Replace all pods with those of an API list."""
        before, self._pods = self._pods, {pod.uid: pod for pod in pods}
        self._has_new_limits |= any(_has_new_limits(before.get(uid), pod) for uid, pod in self._pods.items())
        self._keep_deleted(pod for uid, pod in before.items() if uid not in self._pods)
        self._is_changed = True

    def put(self, pod: Pod) -> None:
        """Add or replace a pod."""
        before = self._pods.get(pod.uid)
        self._pods[pod.uid] = pod
        self._has_new_limits |= _has_new_limits(before, pod)
        self._is_changed |= before is None or _naming(before) != _naming(pod)

    def remove(self, pod: Pod) -> None:
        """Move a pod to the deleted ones. `pod`: its last state."""
        self._pods.pop(pod.uid, None)
        self._keep_deleted([pod])
        self._is_changed = True

    def update_series(self, series: Iterable[Series], time_ms: int) -> None:
        """Set the series to those of a tick. Call this if they have changed. All times are of a monotonic clock."""
        in_pods = [each for each in series if each.container_id is not None and each.pod_uid is not None]
        self._first_seen_ms = {
            str(each.container_id): self._first_seen_ms.get(str(each.container_id), time_ms) for each in in_pods
        }
        self._nameless = {
            str(each.container_id): str(each.pod_uid)
            for each in in_pods
            if each.scope == "container" and each.container_name is None
        }
        self._with_sandbox = {str(each.pod_uid) for each in in_pods if each.scope == "sandbox"}

    def has_nameless(self, now_ms: int) -> bool:
        """Return whether a container that is not old enough to be a sandbox has no name."""
        return any(
            now_ms - self._first_seen_ms[container_id] < SANDBOX_AFTER_MS and container_id not in self.names.containers
            for container_id in self._nameless
        )

    def missing_pods(self, now_ms: int) -> set[str]:
        """Return the uids of pods that are not listed, but whose containers have run long enough for that."""
        registered = {uid for pod in self._pods.values() for uid in pod.cgroup_uids}
        return {
            uid
            for container_id, uid in self._nameless.items()
            if now_ms - self._first_seen_ms[container_id] >= SANDBOX_AFTER_MS and uid not in registered
        }

    def note_response(self, now_ms: int) -> None:
        """Note that the API has just responded. A container that is old enough, but not listed, is a sandbox."""
        registered = {uid for pod in self._pods.values() for uid in pod.cgroup_uids}
        sandboxes = {
            container_id
            for container_id, uid in self._nameless.items()
            if now_ms - self._first_seen_ms[container_id] >= SANDBOX_AFTER_MS
            and uid in registered - self._with_sandbox
            and container_id not in self.names.containers
        }
        if not sandboxes <= self._sandboxes:
            self._sandboxes = frozenset(self._first_seen_ms.keys() & (self._sandboxes | sandboxes))
            self._is_changed = True

    def _keep_deleted(self, pods: Iterable[Pod]) -> None:
        for pod in pods:
            self._deleted.pop(pod.uid, None)
            self._deleted[pod.uid] = pod
        for uid in list(self._deleted)[:-MAX_DELETED]:
            del self._deleted[uid]

    def _build_names(self) -> Names:
        containers, pods = dict(self._indexed_containers), dict(self._indexed_pods)
        for pod in (*self._deleted.values(), *self._pods.values()):
            name = PodName(pod.namespace, pod.name, pod.runtime)
            pods.update(dict.fromkeys(pod.cgroup_uids, name))
            containers.update((each.id, ContainerName(name, each.name, each.runtime)) for each in pod.containers)
        return Names(containers, pods, self._sandboxes)


def _naming(pod: Pod) -> object:
    """Return the fields of a pod that decide its names, to notice changes."""
    return pod.namespace, pod.name, pod.cgroup_uids, [(container.id, container.name) for container in pod.containers]


def _has_new_limits(before: Pod | None, now: Pod) -> bool:
    if before is None:
        return False
    limits = {each.id: each.limits for each in before.containers}
    return before.limits != now.limits or any(
        limits.get(each.id, each.limits) != each.limits for each in now.containers
    )


def facts_of(pod: Pod) -> Mapping[str, Facts]:
    """Return the index facts of a pod's containers, by full id."""
    return {container.id: _facts(pod, container) for container in pod.containers}


def _facts(pod: Pod, container: Container) -> Facts:
    return Facts(
        pod_name=pod.name,
        namespace=pod.namespace,
        container_name=container.name,
        runtime=container.runtime,
        labels=dict(pod.labels),
        image=container.image,
        restart_count=container.restart_count,
        limits=None if container.limits is None else dict(container.limits),
        requests=None if container.requests is None else dict(container.requests),
        pod_limits=dict(pod.limits) or None,
        pod_requests=dict(pod.requests) or None,
        ended=None if container.termination is None else termination_facts(container.termination),
    )


def termination_facts(termination: Termination) -> dict[str, Any]:
    """Return a termination as the index stores it."""
    facts = {"reason": termination.reason, "exit_code": termination.exit_code}
    if termination.finished_ms is None:
        return facts
    return {**facts, "finished_at": iso_time.format_seconds(termination.finished_ms)}
