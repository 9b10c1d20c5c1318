"""Reads what the files of a container say about it: the configuration in its OCI bundle, and Podman's storage.

Source: https://github.com/opencontainers/runtime-spec/blob/main/config.md, the annotations of the CRI in containerd
(pkg/cri/annotations), of CRI-O (pkg/annotations), of nerdctl (pkg/labels), and containers.json of containers/storage
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from fgm.collector.engines.container import EngineContainer, json_object, labels_of, text
from fgm.collector.engines.supervisor import Supervisor
from fgm.store.directory.regular_file import open_regular
from fgm.store.errors import BadFileError

STORAGE = "containers.json"
"""Name of the list of all containers of a storage, in the folder of the folders of their bundles."""
StorageKey = tuple[int, str]
"""A storage of Podman: its user, and its folder in the user's view."""
MAX_CONFIG_BYTES = 1 << 20
MAX_STORAGE_BYTES = 4 << 20
"""Maximum size of a storage. A list may need 35 times its size in memory while it is parsed."""
_NAMES = ("io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name")
_PODS = ("io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name")
_NAMESPACES = ("io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace")
_IMAGES = ("io.kubernetes.cri.image-name", "io.kubernetes.cri-o.ImageName")
_TYPES = ("io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType")
_POD_OF_PODMAN = "io.kubernetes.cri-o.SandboxID"
_OF_ENGINES = ("io.", "org.opencontainers.", "org.systemd.", "nerdctl/")
"""Prefixes of annotations that engines add. The others are the labels of nerdctl."""
_MANAGERS = {"libpod": "podman", "cri-o": "cri-o"}


@dataclass(frozen=True, slots=True)
class StoredContainer:
    """A container in the storage of Podman. Its name there follows a rename."""

    name: str | None
    image: str | None


def read_bundle(container_id: str, supervisor: Supervisor, stored: StoredContainer | None) -> EngineContainer:
    """Return what is known about a container, even if its bundle cannot be read."""
    config = _read_config(supervisor.bundle, supervisor.user)
    notes = json_object(config.get("annotations"))
    runtime = _MANAGERS.get(str(notes.get("io.container.manager")))
    pod_name, namespace = _first(notes, _PODS), _first(notes, _NAMESPACES)
    if supervisor.namespace is not None:
        runtime = "docker" if supervisor.namespace == "moby" else "containerd"
    name = _first(notes, _NAMES) or (stored.name if stored else None) or text(supervisor.name)
    if pod_name is None and runtime == "podman":
        pod_name = _pod_of_podman(supervisor, config, name)
    return EngineContainer(
        id=container_id,
        runtime=runtime,
        name=name,
        image=_first(notes, _IMAGES) or (stored.image if stored else None),
        labels=labels_of({key: value for key, value in notes.items() if not key.startswith(_OF_ENGINES)}) or None,
        pod_name=pod_name,
        namespace=namespace,
        is_sandbox=namespace is not None and _first(notes, _TYPES) == "sandbox",
    )


def storage_of(supervisor: Supervisor) -> StorageKey | None:
    """Return the storage that the bundle of a container is in; None if it is in none."""
    folder, name = os.path.split(supervisor.bundle_name or "")
    return (supervisor.user, os.path.dirname(folder)) if name == "userdata" else None


def read_storage(path: str, user: int) -> Mapping[str, StoredContainer]:
    """Return the containers of a storage, by full id.

    Raises: OSError or BadFileError if it cannot be read, or belongs to another user.
    Raises: ValueError, TypeError or RecursionError if it is malformed or too large.
    """
    containers = {}
    for each in json.loads(_read(path, user, MAX_STORAGE_BYTES)):
        entry = json_object(each)
        names = entry.get("names")
        metadata = json_object(json.loads(entry.get("metadata") or "{}"))
        name = text(names[0]) if isinstance(names, list) and names else None
        containers[str(entry.get("id"))] = StoredContainer(name, text(metadata.get("image-name")))
    return containers


def open_owned(path: str, user: int) -> BinaryIO:
    """Open a regular file that belongs to a user, so that nobody gets a FIFO or a file of another user read.

    Raises: OSError or BadFileError.
    """
    file = os.fdopen(open_regular(path), "rb")
    if os.fstat(file.fileno()).st_uid != user:
        file.close()
        raise PermissionError(f"{path} does not belong to the user of the container")
    return file


def _pod_of_podman(supervisor: Supervisor, config: Mapping[str, Any], name: str | None) -> str | None:
    """Return the name of a pod of Podman: the host name of its infra container, unless the pod was given another."""
    infra_id = text(json_object(config.get("annotations")).get(_POD_OF_PODMAN))
    if infra_id is not None and infra_id.isalnum():
        storage = os.path.dirname(os.path.dirname(supervisor.bundle))
        return text(_read_config(os.path.join(storage, infra_id, "userdata"), supervisor.user).get("hostname"))
    is_infra = name is not None and name.endswith("-infra") and name.removesuffix("-infra") in _cgroup(config)
    return text(config.get("hostname")) if is_infra else None


def _cgroup(config: Mapping[str, Any]) -> str:
    return str(json_object(config.get("linux")).get("cgroupsPath"))


def _read_config(bundle: str, user: int) -> dict[str, Any]:
    """Return the configuration in a bundle; an empty one if it cannot be read."""
    try:
        return json_object(json.loads(_read(os.path.join(bundle, "config.json"), user, MAX_CONFIG_BYTES)))
    except (OSError, BadFileError, ValueError, RecursionError):
        return {}


def _read(path: str, user: int, max_bytes: int) -> bytes:
    with open_owned(path, user) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ValueError(f"{path} has more than {max_bytes} bytes")
    return data


def _first(notes: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := text(notes.get(name))) is not None), None)
