"""What happened to containers, told once each: that one ended, and why; that its limits changed. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fgm.collector.kubernetes.pod_book import ended_facts
from fgm.collector.kubernetes.pods import Container, Pod
from fgm.store.index.index_file import Index

MAX_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class ContainerEnded:
    """A container ended. `finished_ms`: to the second, by the node's wall clock; None where it never ran."""

    container_id: str
    namespace: str
    pod_name: str
    container_name: str
    reason: str | None
    exit_code: int | None
    finished_ms: int | None
    restart_count: int | None


@dataclass(frozen=True, slots=True)
class LimitsChanged:
    """A running container got other limits: `cpu_millicores`, `memory_bytes`; what is not there has no limit."""

    container_id: str
    namespace: str
    pod_name: str
    container_name: str
    before: Mapping[str, float]
    after: Mapping[str, float]


Change = ContainerEnded | LimitsChanged


class ChangeFinder:
    """Compares each state of a pod with what is known of its containers."""

    def __init__(self, index: Index, since_ms: int) -> None:
        """`index`: what was told before; `since_ms`: the end of a container that is not in it is news from then on."""
        self._since_ms = since_ms
        self._ended: dict[str, dict[str, Any] | None] = {}
        self._limits: dict[str, Mapping[str, float]] = {}
        for entry in index.entries.values():
            self._ended[entry.full_id] = entry.facts.get("ended")
            limits = entry.facts.get("limits")
            if isinstance(limits, dict):
                self._limits[entry.full_id] = limits

    def find(self, pod: Pod) -> Iterator[Change]:
        """Yield what is new."""
        for one in pod.containers:
            names = (one.id, pod.namespace, pod.name, one.name)
            before = self._limits.get(one.id)
            if one.limits is not None:
                _remember(self._limits, one.id, one.limits)
                if before is not None and before != one.limits and one.ended is None:
                    yield LimitsChanged(*names, before, one.limits)
            if one.ended is not None and self._is_news(one):
                ended = one.ended
                yield ContainerEnded(*names, ended.reason, ended.exit_code, ended.finished_ms, one.restart_count)

    def _is_news(self, one: Container) -> bool:
        """Say whether an end was not told yet. What ended before this program knew of it is not its business."""
        assert one.ended is not None
        is_known, told = one.id in self._ended, self._ended.get(one.id)
        _remember(self._ended, one.id, told or ended_facts(one.ended))
        return told is None and (is_known or (one.ended.finished_ms or 0) >= self._since_ms)


def _remember(known: dict[str, Any], container_id: str, value: object) -> None:
    """Put a value last; of too many, the first leaves."""
    known.pop(container_id, None)
    known[container_id] = value
    if len(known) > MAX_REMEMBERED:
        del known[next(iter(known))]
