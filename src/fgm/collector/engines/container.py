"""A container of an engine, reduced to the facts that fgm keeps. Pure.

Parsing never raises an error: a malformed fact is None or left out.
Source: ContainerList in the Docker Engine API 1.41, and ContainerListLibpod in the Podman API 4.3
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fgm.store.index.index_file import Facts

MAX_TEXT = 512
"""Maximum number of characters of a text; longer texts are left out."""
MAX_LABELS_CHARACTERS = 2048
"""Maximum total length of the labels of one container, so that an index of 5000 containers is not too large to read."""

# Labels of the containers of a kubelet that uses Docker. Source: cri-dockerd, core/labels.go and docker_service.go
_CONTAINER_LABEL, _POD_LABEL = "io.kubernetes.container.name", "io.kubernetes.pod.name"
_NAMESPACE_LABEL, _TYPE_LABEL = "io.kubernetes.pod.namespace", "io.kubernetes.docker.type"
_ID = re.compile("[0-9a-f]{64}")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class EngineContainer:
    """A container. `name`: None if only its pod is known; `pod_name`, `namespace`: None if it is in no pod.

    `is_sandbox`: whether it only keeps the namespaces of a Kubernetes pod.
    """

    id: str
    runtime: str | None = None
    name: str | None = None
    image: str | None = None
    labels: Mapping[str, str] | None = field(default=None)
    pod_name: str | None = None
    namespace: str | None = None
    is_sandbox: bool = False

    @property
    def facts(self) -> Facts:
        """The facts for the index."""
        return Facts(
            container_name=self.name,
            pod_name=self.pod_name,
            namespace=self.namespace,
            runtime=self.runtime,
            image=self.image,
            labels=None if self.labels is None else dict(self.labels),
        )


def parse_list(value: object, runtime: str) -> Iterator[EngineContainer]:
    """Yield the containers in the response of an engine, in either API."""
    for each in value if isinstance(value, list) else ():
        container = parse_container(json_object(each), runtime)
        if container is not None:
            yield container


def parse_container(facts: Mapping[str, Any], runtime: str) -> EngineContainer | None:
    """Return a container from its JSON; None if it has no id."""
    container_id = full_id(facts.get("Id"))
    if container_id is None:
        return None
    notes = json_object(facts.get("Labels"))
    pod_name, namespace = text(notes.get(_POD_LABEL)), text(notes.get(_NAMESPACE_LABEL))
    is_in_pod = pod_name is not None and namespace is not None
    return EngineContainer(
        id=container_id,
        runtime=runtime,
        name=text(notes.get(_CONTAINER_LABEL)) if is_in_pod else _name(facts.get("Names")),
        image=text(facts.get("Image")),
        labels=labels_of(notes),
        pod_name=pod_name if is_in_pod else text(facts.get("PodName")),
        namespace=namespace if is_in_pod else None,
        is_sandbox=is_in_pod and notes.get(_TYPE_LABEL) == "podsandbox",
    )


def full_id(value: object) -> str | None:
    """Return a full container id; None if it is malformed."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def json_object(value: object) -> dict[str, Any]:
    """Return a JSON object; an empty one if the value is none."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str | None:
    """Return a text of allowed length; None if it is empty, too long, or cannot be encoded."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
        return None
    return None if _SURROGATE.search(value) else value  # JSON may contain half of a surrogate pair, UTF-8 cannot


def labels_of(notes: Mapping[str, Any]) -> dict[str, str]:
    """Return labels in order of their names, as many as have room."""
    result, left = {}, MAX_LABELS_CHARACTERS
    for name, label in sorted(notes.items()):
        if isinstance(label, str) and len(name) + len(label) <= left and not _SURROGATE.search(name + label):
            result[name] = label
            left -= len(name) + len(label)
    return result


def _name(names: object) -> str | None:
    """Return the name in a list of names. Docker adds names of links to it, such as "/other/alias"."""
    texts = [each.removeprefix("/") for each in names if isinstance(each, str)] if isinstance(names, list) else []
    return next((each for each in map(text, texts) if each is not None and "/" not in each), None)
