"""Finds the names of series, and their runtimes: by container id, or else by the pod's uid or manifest hash. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from fgm.store.samples.series import Series

SANDBOX_NAME = "POD"
"""Name of a pod's sandbox, the container that only keeps the pod's namespaces. Other tools use this name, too."""


class PodName(NamedTuple):
    """Namespace and name of a pod. `runtime`: that of its containers; None if it has none yet."""

    namespace: str
    name: str
    runtime: str | None = None


class ContainerName(NamedTuple):
    """Names of a container and of its pod. `runtime`: None if unknown."""

    pod: PodName
    name: str
    runtime: str | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """All names at one time.

    `containers`: by full id; `pods`: by each uid that may be in a cgroup's path; `sandboxes`: full ids of containers
    that the API does not list among the containers of their pod.
    """

    containers: Mapping[str, ContainerName] = field(default_factory=dict)
    pods: Mapping[str, PodName] = field(default_factory=dict)
    sandboxes: frozenset[str] = frozenset()

    def name(self, series: Series) -> Series:
        """Return a series with its names; the same object if nothing changes."""
        if series.scope not in {"container", "sandbox", "pod"}:
            return series
        container = self.containers.get(series.container_id or "") if series.scope != "pod" else None
        pod = container.pod if container is not None else self.pods.get(series.pod_uid or "")
        if pod is None:
            return series
        scope, container_name, runtime = series.scope, series.container_name, series.runtime
        if container is not None:
            scope, container_name, runtime = "container", container.name, runtime or container.runtime
        elif series.scope == "sandbox" or series.container_id in self.sandboxes:
            scope, container_name, runtime = "sandbox", SANDBOX_NAME, runtime or pod.runtime
        named = replace(
            series,
            scope=scope,
            container_name=container_name,
            pod_name=pod.name,
            namespace=pod.namespace,
            runtime=runtime,
        )
        return series if named == series else named
