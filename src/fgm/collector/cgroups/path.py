r"""Classifies a cgroup by its path: container, pod, part of a container, or other.

Kubelets, runtimes and cgroup drivers have too many layouts to match whole paths. So a directory's own name decides
whether it is a container, and its parent's name decides whether it is in a pod. If a path contains two containers, the
inner one counts if its parent is a pod: then the outer one is the node (KIND). Otherwise the inner one is a part of the
outer one (Docker in Docker).

    /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid_>.slice/cri-containerd-<id>.scope
    /kubepods/besteffort/pod<uid>/<id>
    /system.slice/docker-<node id>.scope/kubelet.slice/.../kubelet-kubepods-pod<uid_>.slice/crio-<id>.scope

Machines are containers, too: they have a name instead of an id, and the containers in them are not parts of them.

    /lxc.payload.<name>
    /machine.slice/systemd-nspawn@<name>.service
    /machine.slice/machine-qemu\x2d<number>\x2d<name>.scope
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

Runtime = Literal["containerd", "cri-o", "docker", "podman", "lxc", "systemd-nspawn", "libvirt"]
QosClass = Literal["Guaranteed", "Burstable", "BestEffort"]

_RUNTIMES: dict[str, Runtime] = {
    "cri-containerd": "containerd",
    "nerdctl": "containerd",
    "crio": "cri-o",
    "docker": "docker",
    "libpod": "podman",
    "libpod-payload": "podman",
}
_PREFIX = "|".join(_RUNTIMES)
_ID = "[0-9a-f]{64}"
_UID = "[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32}"

# No other form is a container: crio-conmon-<id>.scope, libpod-conmon-<id>.scope and <id>.mount are not.
_CONTAINER = re.compile(rf"(?:({_PREFIX})-)?({_ID})(?:\.scope)?")
# A kubelet with the systemd driver asks for slice:prefix:id; a runtime with the cgroupfs driver takes it as a name.
_MIXED_DRIVERS = re.compile(rf"(.+\.slice):({_PREFIX}):({_ID})")
# kubepods-burstable-pod<uid_>.slice, or pod<uid>; 32 digits in a row are the hash of a static pod's manifest.
_POD = re.compile(rf"(?:.*-)?pod({_UID})(?:\.slice)?")

# Names of machines. Sources: liblxc 5 (src/lxc/cgroups/cgfsng.c), systemd 252 (src/nspawn/nspawn-register.c), and
# libvirt 9 (src/util/virsystemd.c, src/util/vircgroup.c).
_MACHINES: tuple[tuple[re.Pattern[str], Runtime], ...] = (
    (re.compile(r".*/lxc\.payload\.([^/]+)|/lxc/([^/]+)"), "lxc"),
    (re.compile(r".*/machine\.slice/machine-(?:qemu|lxc)-[0-9]+-(.+)\.scope"), "libvirt"),
    (re.compile(r"/machine(?:\.partition)?/(?:qemu|lxc)-[0-9]+-(.+)\.libvirt-(?:qemu|lxc)"), "libvirt"),
    (re.compile(r".*/machine\.slice/(?:systemd-nspawn@(.+)\.service|machine-(.+)\.scope)"), "systemd-nspawn"),
)
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")

# The class Guaranteed has no directory of its own.
_QOS_LEVEL = re.compile(r"(?:^|-)(burstable|besteffort)(?:-pod|\.slice$|$)")
_QOS_CLASSES: dict[str, QosClass] = {"burstable": "Burstable", "besteffort": "BestEffort"}


@dataclass(frozen=True, slots=True)
class CgroupPath:
    """The kind of a cgroup, and the identity of its container or pod.

    `runtime`: None if the directory's name is only the id; `pod_uid`: with dashes, or the 32 digits of a static pod;
    `owner`: for the kind "inside", path of the container that the cgroup is a part of; `container_name`: only of a
    machine, which has no id.
    """

    kind: Literal["container", "pod", "inside", "other"]
    container_id: str | None = None
    runtime: Runtime | None = None
    pod_uid: str | None = None
    qos_class: QosClass | None = None
    owner: str | None = None
    container_name: str | None = None


_OTHER = CgroupPath("other")


def classify(path: str) -> CgroupPath:
    """Classify a cgroup by its path below the mount, which starts with "/"."""
    result = _OTHER
    container: CgroupPath | None = None
    owner = ""
    prefix = parent = ""
    for name in filter(None, path.split("/")):
        prefix += f"/{name}"
        pod = result if result.kind == "pod" else None
        is_in_container = container is not None and container.container_name is None
        if (inner := _container(name, parent, pod)) and (not is_in_container or inner.pod_uid):
            result = container = inner
            owner = prefix
        elif match := _POD.fullmatch(name):
            result = _pod(match[1], name, parent)
        elif container is not None:
            result = replace(container, kind="inside", owner=owner)
        elif machine := _machine(prefix):
            result = container = machine
            owner = prefix
        else:
            result = _OTHER
        parent = name
    return result


def _container(name: str, parent: str, pod: CgroupPath | None) -> CgroupPath | None:
    """Return the container that a directory's name stands for; None if there is none. `pod`: its parent, if a pod."""
    if match := _CONTAINER.fullmatch(name):
        prefix, container_id = match.groups()
        if prefix is None and parent == "libpod_parent":
            return None  # a pod of Podman, whose containers are below it
    elif match := _MIXED_DRIVERS.fullmatch(name):
        slice_name, prefix, container_id = match.groups()
        if pod_match := _POD.fullmatch(slice_name):
            pod = _pod(pod_match[1], slice_name, parent)
    else:
        return None
    return CgroupPath(
        "container",
        container_id=container_id,
        runtime=_RUNTIMES.get(prefix or parent),
        pod_uid=pod.pod_uid if pod else None,
        qos_class=pod.qos_class if pod else None,
    )


def _machine(path: str) -> CgroupPath | None:
    """Return the machine that a path stands for; None if there is none. systemd escapes the "-" in its name."""
    if "/machine" not in path and "/lxc" not in path:
        return None
    unescaped = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), path)
    for pattern, runtime in _MACHINES:
        if match := pattern.fullmatch(unescaped):
            name = next(filter(None, match.groups()))
            return CgroupPath("container", runtime=runtime, container_name=name)
    return None


def _pod(uid: str, name: str, parent: str) -> CgroupPath:
    level = _QOS_LEVEL.search(name) or _QOS_LEVEL.search(parent)
    qos_class = _QOS_CLASSES[level[1]] if level else "Guaranteed"
    return CgroupPath("pod", pod_uid=uid.replace("_", "-"), qos_class=qos_class)
