"""Finds exits of containers by comparing each state of a pod with earlier ones. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fgm.collector.kubernetes.pod import Container, Pod
from fgm.collector.kubernetes.pod_book import termination_facts
from fgm.store.index.index_file import Index

MAX_CONTAINERS = 10_000
"""Maximum number of containers that are remembered. The least recently updated one is forgotten first."""


@dataclass(frozen=True, slots=True)
class ContainerExit:
    """The exit of a container. `finished_ms`: by the node's wall clock; None if it never ran."""

    container_id: str
    reason: str | None
    exit_code: int | None
    finished_ms: int | None


class ExitFinder:
    """Finds each exit once. Remembers the exits that were found."""

    def __init__(self, index: Index, since_ms: int) -> None:
        """`index`: has the exits that earlier runs found; `since_ms`: older exits of other containers are ignored."""
        self._since_ms = since_ms
        self._terminations: dict[str, dict[str, Any] | None] = {
            entry.full_id: entry.facts.get("ended") for entry in index.entries.values()
        }

    def step_clock(self, step_ms: int) -> None:
        """Follow a step of the wall clock, by which the kubelet measures the times of exits, too."""
        self._since_ms += step_ms

    def find(self, pod: Pod) -> Iterator[ContainerExit]:
        """Yield the new exits in the state of a pod."""
        for container in pod.containers:
            ended = container.termination
            if ended is not None and self._is_new(container):
                yield ContainerExit(container.id, ended.reason, ended.exit_code, ended.finished_ms)

    def _is_new(self, container: Container) -> bool:
        """Return whether the exit was not found before. An exit of an unknown container before `since_ms` is old."""
        assert container.termination is not None
        is_known, earlier = container.id in self._terminations, self._terminations.pop(container.id, None)
        self._terminations[container.id] = earlier or termination_facts(container.termination)
        if len(self._terminations) > MAX_CONTAINERS:
            del self._terminations[next(iter(self._terminations))]
        return earlier is None and (is_known or (container.termination.finished_ms or 0) >= self._since_ms)
