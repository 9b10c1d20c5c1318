"""A pod of the Kubernetes API, reduced to the facts that fgm keeps. Pure.

Parsing never raises an error: a malformed field is None or left out.
Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from fgm import iso_time
from fgm.collector.kubernetes.quantity import quantity

CONFIG_HASH = "kubernetes.io/config.hash"
"""Annotation of a static pod's mirror pod. Its value is in the pod's cgroup path, instead of the uid of the mirror."""
MAX_PODS = 2000
"""Maximum number of pods of one node; a response with more is refused. The kubelet's limit is 110 by default."""
MAX_CONTAINERS = 200
"""Maximum number of containers kept of one pod."""
MAX_TEXT = 512
"""Maximum number of characters of a text; longer texts are left out."""
MAX_LABELS_CHARACTERS = 2048
"""Maximum total length of the labels of one pod, so that an index of 5000 containers is not too large to read."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_ID = re.compile(r"([a-z0-9.+-]{1,32})://([0-9a-f]{64})", re.ASCII)
_STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
_SPECS = ("containers", "initContainers", "ephemeralContainers")


@dataclass(frozen=True, slots=True)
class Termination:
    """The exit of a container, as the kubelet reports it."""

    reason: str | None = None
    exit_code: int | None = None
    finished_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """A container. After a restart, it is another container with another id.

    `runtime`: containerd, cri-o, docker or another; `limits`, `requests`: amounts by `cpu_millicores` and
    `memory_bytes`; None if unknown, empty if not set.
    """

    id: str
    name: str
    runtime: str | None = None
    image: str | None = None
    restart_count: int | None = None
    limits: Mapping[str, float] | None = None
    requests: Mapping[str, float] | None = None
    termination: Termination | None = None


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod. `containers`: those in its status, including init, sidecar and ephemeral ones.

    `limits`, `requests`: those of the pod itself, since Kubernetes 1.34; empty if it has none.
    """

    uid: str
    namespace: str
    name: str
    config_hash: str | None = None
    node_name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    containers: tuple[Container, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    requests: Mapping[str, float] = field(default_factory=dict)

    @property
    def runtime(self) -> str | None:
        """The runtime of its containers; None if it has none yet."""
        return next((container.runtime for container in self.containers), None)

    @property
    def cgroup_uids(self) -> tuple[str, ...]:
        """The uids that may be in the path of its cgroup."""
        return (self.uid,) if self.config_hash is None else (self.uid, self.config_hash)


def parse_pod(value: object) -> Pod | None:
    """Return a pod from its JSON; None if it has no uid, namespace or name."""
    metadata, spec, status = (_object(_object(value).get(name)) for name in ("metadata", "spec", "status"))
    uid, namespace, name = (_text(metadata.get(key)) for key in ("uid", "namespace", "name"))
    if uid is None or namespace is None or name is None:
        return None
    specs = {_text(each.get("name")): each for key in _SPECS for each in _objects(spec.get(key))}
    containers: dict[str, Container] = {}
    for each in (each for key in _STATUSES for each in _objects(status.get(key))):
        of_status = _containers(each, specs.get(_text(each.get("name")), {}))
        containers.update((container.id, container) for container in of_status)
    resources = _object(status.get("resources")) or _object(spec.get("resources"))
    return Pod(
        uid=uid,
        namespace=namespace,
        name=name,
        config_hash=_text(_object(metadata.get("annotations")).get(CONFIG_HASH)),
        node_name=_text(spec.get("nodeName")),
        labels=_labels(metadata.get("labels")),
        containers=tuple(containers.values())[:MAX_CONTAINERS],
        limits=_amounts(resources.get("limits")),
        requests=_amounts(resources.get("requests")),
    )


def _containers(status: dict[str, Any], spec: dict[str, Any]) -> Iterator[Container]:
    """Yield the container before the last restart, and the current one."""
    name = _text(status.get("name"))
    if name is None:
        return
    image = _text(spec.get("image")) or _text(status.get("image"))
    restarts = _whole(status.get("restartCount"))
    current = _object(_object(status.get("state")).get("terminated"))
    last = _object(_object(status.get("lastState")).get("terminated"))
    runtime, current_id = _id(status.get("containerID")) or _id(current.get("containerID")) or (None, None)
    last_runtime, last_id = _id(last.get("containerID")) or (None, None)
    if last_id is not None and last_id != current_id:
        earlier_restarts = None if not restarts else restarts - 1
        yield Container(last_id, name, last_runtime, image, earlier_restarts, termination=_termination(last))
    if current_id is not None:
        # While a container waits to be started again, its status still has the id of the one that ended.
        ended = current or (last if last_id == current_id else {})
        resources = _object(status.get("resources")) or _object(spec.get("resources"))
        limits, requests = (_amounts(resources.get(key)) for key in ("limits", "requests"))
        termination = _termination(ended) if ended else None
        yield Container(current_id, name, runtime, image, restarts, limits, requests, termination)


def _termination(terminated: dict[str, Any]) -> Termination:
    finished_ms = None
    with suppress(ValueError):  # a container that never ran has no end
        finished_ms = iso_time.parse_ms(str(terminated.get("finishedAt")), assume_utc=True)
    if finished_ms is not None and not 0 <= finished_ms < iso_time.END_OF_TIME_MS:
        finished_ms = None
    return Termination(_text(terminated.get("reason")), _whole(terminated.get("exitCode")), finished_ms)


def _amounts(value: object) -> dict[str, float]:
    resources = _object(value)
    cpu, memory = quantity(resources.get("cpu")), quantity(resources.get("memory"))
    amounts = {"cpu_millicores": None if cpu is None else round(cpu * 1000, 3), "memory_bytes": memory}
    return {name: amount for name, amount in amounts.items() if amount is not None}


def _labels(value: object) -> dict[str, str]:
    labels, left = {}, MAX_LABELS_CHARACTERS
    for name, text in sorted(_object(value).items()):
        if isinstance(text, str) and len(name) + len(text) <= left:
            labels[name] = text
            left -= len(name) + len(text)
    return labels


def _id(value: object) -> tuple[str, str] | None:
    """Return the runtime and the id in a container id such as `containerd://…`; None if it is malformed."""
    match = _ID.fullmatch(value) if isinstance(value, str) else None
    return None if match is None else (match[1], match[2])


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
        return None
    return None if _SURROGATE.search(value) else value  # JSON may contain half of a surrogate pair, UTF-8 cannot


def _whole(value: object) -> int | None:
    is_whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53
    return value if is_whole else None  # type: ignore[return-value]  # mypy does not follow is_whole
