"""A pod of the Kubernetes API as the few facts that are kept of it. Pure: JSON in, values out.

Whatever the JSON is, nothing is raised: what is not as it should be is None, or left out.
https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from fgm import iso_time
from fgm.collector.kubernetes.quantity import quantity

CONFIG_HASH = "kubernetes.io/config.hash"
"""The annotation of a static pod's mirror: by this, and not by the mirror's uid, its cgroup is named."""
MAX_PODS = 2000
"""Of one node, that are not taken for a mistake; the kubelet's own bound is 110, or some hundreds."""
MAX_LIVES = 200
"""Of one pod."""
MAX_TEXT = 512
MAX_LABELS_CHARACTERS = 2048
"""Of one pod, so that an index of 5000 containers stays readable."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_ID = re.compile(r"[a-z0-9.+-]{1,32}://([0-9a-f]{64})", re.ASCII)
_STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
_SPECS = ("containers", "initContainers", "ephemeralContainers")


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a container ended, as the kubelet saw it."""

    reason: str | None = None
    exit_code: int | None = None
    finished_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """One life of a container. `limits`, `requests`: cpu_millicores, memory_bytes; None: unknown, empty: none set."""

    id: str
    name: str
    image: str | None = None
    restart_count: int | None = None
    limits: Mapping[str, float] | None = None
    requests: Mapping[str, float] | None = None
    ended: Ended | None = None


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod. `containers`: the lives that its status tells of, init, sidecar and ephemeral ones too."""

    uid: str
    namespace: str
    name: str
    config_hash: str | None = None
    node_name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    containers: tuple[Container, ...] = ()

    @property
    def cgroup_uids(self) -> tuple[str, ...]:
        """The uids by which its cgroup may be named."""
        return (self.uid,) if self.config_hash is None else (self.uid, self.config_hash)


def parse_pod(value: object) -> Pod | None:
    """Return what is kept of a pod; None where it lacks what every pod has."""
    metadata, spec, status = (_object(_object(value).get(name)) for name in ("metadata", "spec", "status"))
    uid, namespace, name = (_text(metadata.get(key)) for key in ("uid", "namespace", "name"))
    if uid is None or namespace is None or name is None:
        return None
    specs = {_text(one.get("name")): one for key in _SPECS for one in _objects(spec.get(key))}
    lives: dict[str, Container] = {}
    for one in (one for key in _STATUSES for one in _objects(status.get(key))):
        lives.update((life.id, life) for life in _lives(one, specs.get(_text(one.get("name")), {})))
    return Pod(
        uid=uid,
        namespace=namespace,
        name=name,
        config_hash=_text(_object(metadata.get("annotations")).get(CONFIG_HASH)),
        node_name=_text(spec.get("nodeName")),
        labels=_labels(metadata.get("labels")),
        containers=tuple(lives.values())[:MAX_LIVES],
    )


def _lives(status: dict[str, Any], spec: dict[str, Any]) -> Iterator[Container]:
    """Yield the container that was there before the last restart, and the one that is there now."""
    name = _text(status.get("name"))
    if name is None:
        return
    image = _text(spec.get("image")) or _text(status.get("image"))
    restarts = _whole(status.get("restartCount"))
    now = _object(_object(status.get("state")).get("terminated"))
    before = _object(_object(status.get("lastState")).get("terminated"))
    now_id, before_id = _id(status.get("containerID")) or _id(now.get("containerID")), _id(before.get("containerID"))
    if before_id is not None and before_id != now_id:
        earlier = None if not restarts else restarts - 1
        yield Container(before_id, name, image, earlier, ended=_ended(before))
    if now_id is not None:
        # While a container waits to be started again, its status still has the id of the one that ended.
        last = now or (before if before_id == now_id else {})
        resources = _object(status.get("resources")) or _object(spec.get("resources"))
        limits, requests = (_amounts(resources.get(key)) for key in ("limits", "requests"))
        yield Container(now_id, name, image, restarts, limits, requests, _ended(last) if last else None)


def _ended(terminated: dict[str, Any]) -> Ended:
    finished_ms = None
    with suppress(ValueError):  # a container that never ran has no such instant
        finished_ms = iso_time.parse_ms(str(terminated.get("finishedAt")), assume_utc=True)
    if finished_ms is not None and not 0 <= finished_ms < iso_time.END_OF_TIME_MS:
        finished_ms = None
    return Ended(_text(terminated.get("reason")), _whole(terminated.get("exitCode")), finished_ms)


def _amounts(value: object) -> dict[str, float]:
    given = _object(value)
    cpu, memory = quantity(given.get("cpu")), quantity(given.get("memory"))
    amounts = {"cpu_millicores": None if cpu is None else round(cpu * 1000, 3), "memory_bytes": memory}
    return {name: amount for name, amount in amounts.items() if amount is not None}


def _labels(value: object) -> dict[str, str]:
    labels, left = {}, MAX_LABELS_CHARACTERS
    for name, text in sorted(_object(value).items()):
        if isinstance(text, str) and len(name) + len(text) <= left:
            labels[name] = text
            left -= len(name) + len(text)
    return labels


def _id(value: object) -> str | None:
    match = _ID.fullmatch(value) if isinstance(value, str) else None
    return None if match is None else match[1]


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
        return None
    return None if _SURROGATE.search(value) else value  # JSON may have half of a pair, and no file can


def _whole(value: object) -> int | None:
    is_whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53
    return value if is_whole else None  # type: ignore[return-value]  # mypy does not follow is_whole
