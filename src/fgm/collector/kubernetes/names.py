"""Finds the names of series: first by container id, then by the pod's uid or manifest hash. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from fgm.store.samples.series import Series

SANDBOX_NAME = "POD"
"""Name of a pod's sandbox, the container that only keeps the pod's namespaces. Other tools use this name, too."""


class PodName(NamedTuple):
    """Namespace and name of a pod."""

    namespace: str
    name: str


class ContainerName(NamedTuple):
    """Names of a container and of its pod."""

    pod: PodName
    name: str


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
        scope, container_name = series.scope, series.container_name
        if container is not None:
            scope, container_name = "container", container.name
        elif series.scope == "sandbox" or series.container_id in self.sandboxes:
            scope, container_name = "sandbox", SANDBOX_NAME
        named = replace(series, scope=scope, container_name=container_name, pod_name=pod.name, namespace=pod.namespace)
        return series if named == series else named
