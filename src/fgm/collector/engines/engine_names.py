"""Names of series by the containers of engines, and how they are joined with the names from Kubernetes. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from fgm.collector.engines.container import EngineContainer
from fgm.collector.kubernetes.names import SANDBOX_NAME
from fgm.store.samples.series import Series

NameSeries = Callable[[Series], Series]
PodNames = tuple[str | None, str | None]
"""Namespace and name of a pod."""


@dataclass(frozen=True, slots=True)
class EngineNames:
    """All names at one time. `containers`: by full id; `pods`: by the uid in the path of a pod's cgroup."""

    containers: Mapping[str, EngineContainer] = field(default_factory=dict)
    pods: Mapping[str, PodNames] = field(default_factory=dict)

    def name(self, series: Series) -> Series:
        """Return a series with its names; the same object if nothing changes."""
        if series.scope == "pod":
            namespace, pod_name = self.pods.get(series.pod_uid or "", (None, None))
            named = series if pod_name is None else replace(series, namespace=namespace, pod_name=pod_name)
            return series if named == series else named
        container = self.containers.get(series.container_id or "")
        if container is None or series.scope not in {"container", "sandbox"}:
            return series
        scope = "sandbox" if container.is_sandbox else series.scope
        container_name = SANDBOX_NAME if container.is_sandbox else container.name or series.container_name
        pod_name, namespace = container.pod_name or series.pod_name, container.namespace or series.namespace
        runtime = series.runtime or container.runtime
        before = (series.scope, series.container_name, series.pod_name, series.namespace, series.runtime)
        if before == (
            scope,
            container_name,
            pod_name,
            namespace,
            runtime,
        ):  # making an equal series is ten times slower
            return series
        return replace(
            series,
            scope=scope,
            container_name=container_name,
            pod_name=pod_name,
            namespace=namespace,
            runtime=runtime,
        )


class JoinedNames:
    """Joins two sources of names. Kubernetes has the last word on what it knows. Used in the event loop."""

    def __init__(self, rename: Callable[[NameSeries], None]) -> None:
        """`rename`: called with the function for naming series, whenever it changes; see `Sampler.name_by`."""
        self._rename = rename
        self._of_engines: NameSeries | None = None
        self._of_kubernetes: NameSeries | None = None

    def rename_by_engines(self, name: NameSeries) -> None:
        """Set the function that names series by the containers of engines."""
        self._of_engines = name
        self._join()

    def rename_by_kubernetes(self, name: NameSeries) -> None:
        """Set the function that names series by the pods of Kubernetes."""
        self._of_kubernetes = name
        self._join()

    def _join(self) -> None:
        of_engines, of_kubernetes = self._of_engines, self._of_kubernetes
        if of_engines is None or of_kubernetes is None:
            self._rename(of_engines or of_kubernetes or _unchanged)
            return

        def name(series: Series) -> Series:
            named = of_kubernetes(of_engines(series))
            return series if named == series else named

        self._rename(name)


def _unchanged(series: Series) -> Series:
    return series
