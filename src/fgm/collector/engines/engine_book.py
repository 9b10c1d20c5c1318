"""The containers of engines: those that an engine lists, those that bundles describe, and those in the index."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import anyio

from fgm.clock import Clock
from fgm.collector.engines.container import EngineContainer
from fgm.collector.engines.engine_names import EngineNames, PodNames
from fgm.collector.kubernetes.container_exits import ContainerExit
from fgm.collector.kubernetes.follower import Outputs
from fgm.store.index.index_file import Index
from fgm.store.samples.series import Series

MAX_CONTAINERS = 2000
"""Maximum number of past containers that are remembered of each source."""


class EngineBook:
    """The containers by full id, and whom to tell about them. Used in the event loop.

    `running`: the running containers that no pod of a followed Kubernetes API contains, by full id. `changes`: number
    of times that containers have come or gone.
    """

    def __init__(self, index: Index, outputs: Outputs, wall_ms: Callable[[], int], *, has_kubernetes: bool) -> None:
        """Start with the names in an index. `has_kubernetes`: whether Kubernetes names the containers in its pods."""
        self.running: Mapping[str, Series] = {}
        self.changes = 0
        self._outputs = outputs
        self._wall_ms = wall_ms
        self._has_kubernetes = has_kubernetes
        self._changed = anyio.Event()
        self._listed: dict[str, EngineContainer] = {}
        self._of_bundles: dict[str, EngineContainer] = {}
        self._indexed = _of_index(index)
        self._names = EngineNames()
        self._publish()

    def update_series(self, series: Iterable[Series]) -> None:
        """Set the series to those of a tick. Call this if they changed, after adding their containers to the index."""
        before = self.running
        self.running = {
            each.container_id: each
            for each in series
            if each.container_id is not None and (each.pod_uid is None or not self._has_kubernetes)
        }
        if self.running.keys() == before.keys():
            return
        for containers in (self._listed, self._of_bundles, self._indexed):
            self._forget(containers)
        self._describe(self.running.keys() - before.keys())
        self._publish()
        self.changes += 1
        self._changed.set()
        self._changed = anyio.Event()

    async def wait_for_change(self, clock: Clock, at_most_s: float | None = None, *, since: int | None = None) -> None:
        """Wait until containers have come or gone, or until a time has passed.

        `since`: an earlier value of `changes`; if it is another one now, this returns immediately.
        """
        if since is not None and since != self.changes:
            return
        changed = self._changed
        if at_most_s is None:
            await changed.wait()
            return
        async with anyio.create_task_group() as group:

            async def wait() -> None:
                await changed.wait()
                group.cancel_scope.cancel()

            group.start_soon(wait)
            await clock.sleep_until(clock.monotonic() + at_most_s)
            group.cancel_scope.cancel()

    def put_listed(self, containers: Iterable[EngineContainer]) -> None:
        """Add or replace containers that an engine has described."""
        self._put(self._listed, containers)

    def put_bundles(self, containers: Iterable[EngineContainer]) -> None:
        """Add or replace containers that bundles describe. An engine knows more, but a rename only if it is asked."""
        containers = tuple(containers)
        for container in containers:
            listed = self._listed.get(container.id)
            if listed is not None and container.name is not None:
                self._listed[container.id] = replace(listed, name=container.name)
        self._put(self._of_bundles, containers)

    def report(self, exited: ContainerExit) -> None:
        """Pass the exit of a container on."""
        self._outputs.report(exited)

    def labels(self, container_id: str) -> Mapping[str, str]:
        """Return the labels of a container that an engine has described; none if they are unknown."""
        listed = self._listed.get(container_id)
        return (listed.labels if listed is not None else None) or {}

    def may_be_of(self, runtime: str) -> set[str]:
        """Return the running containers of a runtime, and those of an unknown one that nothing has described."""
        return {
            container_id
            for container_id, series in self.running.items()
            if (series.runtime or self._runtime_of(container_id) or runtime) == runtime
        }

    def unlisted(self, runtime: str) -> set[str]:
        """Return the containers that may be of a runtime, and which no engine has listed."""
        return self.may_be_of(runtime) - self._listed.keys()

    def with_bundle(self) -> Mapping[str, Series]:
        """Return the running containers whose bundle may have a name, which those of Docker have not."""
        return {container_id: series for container_id, series in self.running.items() if series.runtime != "docker"}

    def nameless(self) -> Mapping[str, Series]:
        """Return the running containers that have no name."""
        names = self._names.containers
        return {
            container_id: series
            for container_id, series in self.running.items()
            if container_id not in names or not (names[container_id].name or names[container_id].is_sandbox)
        }

    def _runtime_of(self, container_id: str) -> str | None:
        described = self._listed.get(container_id) or self._of_bundles.get(container_id)
        return None if described is None else described.runtime

    def _put(self, target: dict[str, EngineContainer], containers: Iterable[EngineContainer]) -> None:
        described = {container.id: container for container in containers}
        target.update(described)
        self._forget(target)
        self._describe(described)
        self._publish()

    def _forget(self, containers: dict[str, EngineContainer]) -> None:
        """Forget the oldest containers that do not run, if there are too many."""
        if len(containers) > MAX_CONTAINERS:
            past = [container_id for container_id in containers if container_id not in self.running]
            for container_id in past[: max(0, len(past) - MAX_CONTAINERS)]:
                del containers[container_id]

    def _describe(self, container_ids: Iterable[str]) -> None:
        """Pass what engines and bundles say about containers to the index."""
        described = ((each, self._listed.get(each) or self._of_bundles.get(each)) for each in container_ids)
        facts = {container_id: container.facts for container_id, container in described if container is not None}
        if facts:
            self._outputs.describe(facts, self._wall_ms())

    def _publish(self) -> None:
        """Pass the names on if they have changed."""
        containers = {**self._indexed, **self._of_bundles, **self._listed}
        pods: dict[str, PodNames] = {}
        for container_id, series in self.running.items():
            container = containers.get(container_id)
            if container is not None and series.pod_uid is not None and container.pod_name is not None:
                pods[series.pod_uid] = (container.namespace, container.pod_name)
        names = EngineNames(containers, pods)
        if names != self._names:
            self._names = names
            self._outputs.rename(names.name)


def _of_index(index: Index) -> dict[str, EngineContainer]:
    """Return the containers in an index that have a name, but are in no pod of Kubernetes."""
    containers = {}
    for entry in index.entries.values():
        facts = entry.facts
        name, pod_name = facts.get("container_name"), facts.get("pod_name")
        if isinstance(name, str) and facts.get("pod_uid") is None:
            pod_name = pod_name if isinstance(pod_name, str) else None
            containers[entry.full_id] = EngineContainer(entry.full_id, facts.get("runtime"), name, pod_name=pod_name)
    return containers
