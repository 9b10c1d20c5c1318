"""Containers and pods are recognised in the paths of every layout of kubelets and runtimes."""

from collections import Counter
from pathlib import Path

import pytest

from fgm.collector.cgroups.path import CgroupPath, QosClass, Runtime, classify

DATA = Path(__file__).parents[2] / "data"

ID = "1719c58a431cb9e8bce8d0d1ada7972587537cb72f7b180b985622ee1407d9cf"
NODE = "a6b32b51d3b4f6ad0558b464de2b204c690121c6196fd429201854e7e0c6cfb3"
UID = "d354b48b-6106-4b1b-ae74-01d92ecdbbc8"
UID_ = UID.replace("-", "_")
STATIC = "5d6b1a8f9f3c0e2d7b4a6c8e0f1a2b3c"
"""The uid of a static pod: the hash of its manifest."""

BURSTABLE = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID_}.slice"
BESTEFFORT = f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UID_}.slice"
GUARANTEED = f"/kubepods.slice/kubepods-pod{UID_}.slice"
KIND = (
    "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice"
    f"/kubelet-kubepods-besteffort-pod{UID_}.slice"
)
ROOTLESS = "/user.slice/user-1000.slice/user@1000.service/user.slice"


def case(path: str, runtime: Runtime | None, uid: str | None, qos_class: QosClass | None, about: str) -> object:
    return pytest.param(path, runtime, uid, qos_class, id=about)


CONTAINERS = [
    case(f"{BURSTABLE}/cri-containerd-{ID}.scope", "containerd", UID, "Burstable", "containerd, systemd"),
    case(f"{BESTEFFORT}/cri-containerd-{ID}.scope", "containerd", UID, "BestEffort", "systemd, best effort"),
    case(f"{GUARANTEED}/cri-containerd-{ID}.scope", "containerd", UID, "Guaranteed", "systemd, guaranteed"),
    case(f"{BURSTABLE}/crio-{ID}.scope", "cri-o", UID, "Burstable", "CRI-O, systemd"),
    case(f"{BESTEFFORT}/docker-{ID}.scope", "docker", UID, "BestEffort", "cri-dockerd, systemd"),
    case(f"/kubepods/burstable/pod{UID}/{ID}", None, UID, "Burstable", "cgroupfs: containerd, Docker, Talos"),
    case(f"/kubepods/besteffort/pod{UID}/{ID}", None, UID, "BestEffort", "cgroupfs, best effort"),
    case(f"/kubepods/pod{UID}/{ID}", None, UID, "Guaranteed", "cgroupfs, guaranteed"),
    case(f"/kubepods/burstable/pod{UID}/crio-{ID}", "cri-o", UID, "Burstable", "CRI-O, cgroupfs"),
    case(
        f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{STATIC}.slice/cri-containerd-{ID}.scope",
        "containerd", STATIC, "Burstable", "static pod, systemd",
    ),
    case(f"/kubepods/burstable/pod{STATIC}/{ID}", None, STATIC, "Burstable", "static pod, cgroupfs"),
    case(f"{KIND}/cri-containerd-{ID}.scope", "containerd", UID, "BestEffort", "KIND, seen from its node"),
    case(
        f"/system.slice/docker-{NODE}.scope{KIND}/cri-containerd-{ID}.scope",
        "containerd", UID, "BestEffort", "KIND, seen from the host: the last of two ids",
    ),
    case(
        f"/docker/{NODE}/kubelet/kubepods/burstable/pod{UID}/{ID}",
        None, UID, "Burstable", "older KIND on a cgroupfs host: the last of two ids",
    ),
    case(
        f"/system.slice/docker-{NODE}.scope/kubepods/burstable/pod{UID}/{ID}",
        None, UID, "Burstable", "minikube in Docker",
    ),
    case(
        f"/kubepods/pod{STATIC}/{NODE}/kubelet/kubepods/besteffort/pod{UID}/{ID}",
        None, UID, "BestEffort", "a cluster inside a pod: the inner pod",
    ),
    case(
        f"/container.slice{BURSTABLE}/cri-containerd-{ID}.scope",
        "containerd", UID, "Burstable", "a cgroup root above kubepods.slice",
    ),
    case(
        "/container.slice/container-kubepods.slice/container-kubepods-burstable.slice"
        f"/container-kubepods-burstable-pod{UID_}.slice/crio-{ID}.scope",
        "cri-o", UID, "Burstable", "a cgroup root that prefixes the slices",
    ),
    case(f"/some/root/kubepods/besteffort/pod{UID}/{ID}", None, UID, "BestEffort", "a cgroup root, cgroupfs"),
    case(
        f"/system.slice/containerd.service/kubepods-burstable-pod{UID_}.slice:cri-containerd:{ID}",
        "containerd", UID, "Burstable", "systemd kubelet, cgroupfs containerd",
    ),
    case(f"/kubepods-pod{UID_}.slice:crio:{ID}", "cri-o", UID, "Guaranteed", "the same, CRI-O"),
    case(f"/system.slice/docker-{ID}.scope", "docker", None, None, "Docker, systemd"),
    case(f"/docker/{ID}", "docker", None, None, "Docker, cgroupfs"),
    case(f"{ROOTLESS}/docker-{ID}.scope", "docker", None, None, "rootless Docker"),
    case(f"/actions_job/{ID}", None, None, None, "Docker with a parent of its own"),
    case(f"/machine.slice/libpod-{ID}.scope", "podman", None, None, "Podman"),
    case(f"/libpod_parent/libpod-{ID}", "podman", None, None, "Podman, cgroupfs"),
    case(f"/libpod_parent/{NODE}/libpod-{ID}", "podman", None, None, "Podman pod, cgroupfs"),
    case(
        f"/machine.slice/machine-libpod_pod_{NODE}.slice/libpod-{ID}.scope",
        "podman", None, None, "Podman pod",
    ),
    case(f"{ROOTLESS}/libpod-{ID}.scope", "podman", None, None, "rootless Podman"),
    case(
        "/user.slice/user-1000.slice/user@1000.service/app.slice/web.service"
        f"/libpod-payload-{ID}", "podman", None, None, "Podman in a systemd unit, split",
    ),
    case(f"/system.slice/nerdctl-{ID}.scope", "containerd", None, None, "nerdctl"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "runtime", "uid", "qos_class"), CONTAINERS)
def test_a_container_is_found(path: str, runtime: Runtime | None, uid: str | None, qos_class: QosClass | None) -> None:
    assert classify(path) == CgroupPath("container", ID, runtime, uid, qos_class)


@pytest.mark.parametrize(
    ("path", "runtime", "name"),
    [
        pytest.param("/lxc.payload.web", "lxc", "web", id="LXC 4 and newer, on v1 and v2"),
        pytest.param("/system.slice/lxc@web.service/lxc.payload.web", "lxc", "web", id="LXC, in its unit"),
        pytest.param("/lxc/101", "lxc", "101", id="older LXC, Proxmox"),
        pytest.param("/machine.slice/systemd-nspawn@a\\x2db.service", "systemd-nspawn", "a-b", id="nspawn, unit"),
        pytest.param("/machine.slice/machine-a\\x2db.scope", "systemd-nspawn", "a-b", id="nspawn, scope"),
        pytest.param(r"/machine.slice/machine-qemu\x2d12\x2ddb\x2d0.scope", "libvirt", "db-0", id="libvirt, systemd"),
        pytest.param(r"/machine.slice/machine-lxc\x2d7\x2dweb.scope", "libvirt", "web", id="LXC of libvirt"),
        pytest.param("/machine/qemu-1-web.libvirt-qemu", "libvirt", "web", id="libvirt without systemd"),
    ],
)
def test_a_machine_is_a_container_with_a_name(path: str, runtime: Runtime, name: str) -> None:
    assert classify(path) == CgroupPath("container", runtime=runtime, container_name=name)
    inside = classify(f"{path}/payload/init.scope")
    assert (inside.kind, inside.owner) == ("inside", path)


@pytest.mark.parametrize(
    "path",
    [
        "/lxc.monitor.web",
        "/lxc",
        "/lxc.pivot",
        "/machine.slice",
        "/machine",
        f"/machine.slice/machine-libpod_pod_{ID}.slice",
        f"/machine.slice/libpod-conmon-{ID}.scope",
        "/system.slice/machine-id-commit.service",
    ],
)
def test_what_is_next_to_machines_is_none(path: str) -> None:
    assert classify(path).kind == "other"


@pytest.mark.parametrize("below", [f"/docker/{ID}", f"/system.slice/docker-{ID}.scope"])
def test_a_container_in_a_machine_is_found(below: str) -> None:
    """Docker in LXC is common, other than Docker in Docker, whose inner containers belong to a build."""
    assert classify(f"/lxc.payload.web{below}") == CgroupPath("container", ID, "docker")
    inside = classify(f"/lxc.payload.web{below}/init.scope")
    assert (inside.kind, inside.owner) == ("inside", f"/lxc.payload.web{below}")


def test_a_pod_in_a_machine_is_found() -> None:
    path = f"/lxc.payload.node{BURSTABLE}"
    assert classify(path) == CgroupPath("pod", pod_uid=UID, qos_class="Burstable")
    assert classify(f"{path}/crio-{ID}.scope") == CgroupPath("container", ID, "cri-o", UID, "Burstable")


@pytest.mark.parametrize(
    ("path", "uid", "qos_class"),
    [
        (BURSTABLE, UID, "Burstable"),
        (BESTEFFORT, UID, "BestEffort"),
        (GUARANTEED, UID, "Guaranteed"),
        (f"/kubepods/burstable/pod{UID}", UID, "Burstable"),
        (f"/kubepods/pod{UID}", UID, "Guaranteed"),
        (f"/kubepods/besteffort/pod{STATIC}", STATIC, "BestEffort"),
        (KIND, UID, "BestEffort"),
        (f"/system.slice/docker-{NODE}.scope{KIND}", UID, "BestEffort"),
        (
            f"/container.slice/container-kubepods.slice/container-kubepods-pod{STATIC}.slice",
            STATIC,
            "Guaranteed",
        ),
    ],
)
def test_a_pod_is_found(path: str, uid: str, qos_class: QosClass) -> None:
    assert classify(path) == CgroupPath("pod", pod_uid=uid, qos_class=qos_class)


@pytest.mark.parametrize(
    ("owner", "below"),
    [
        pytest.param(f"{BURSTABLE}/crio-{ID}.scope", "/container", id="crun"),
        pytest.param(f"{ROOTLESS}/libpod-{ID}.scope", "/container", id="crun, rootless"),
        pytest.param(f"{BURSTABLE}/cri-containerd-{ID}.scope", "/init.scope", id="systemd in a container"),
        pytest.param(f"/system.slice/docker-{ID}.scope", "/system.slice/kubelet.service", id="systemd, deeper"),
        pytest.param(f"/system.slice/docker-{ID}.scope", "/kubelet.slice/kubelet-kubepods.slice", id="KIND's slices"),
        pytest.param(f"/kubepods/burstable/pod{UID}/{ID}", "/init", id="Docker in Docker: its own processes"),
        pytest.param(f"/kubepods/burstable/pod{UID}/{ID}", f"/docker/{NODE}", id="Docker in Docker"),
        pytest.param(f"/kubepods/pod{UID}/{ID}", f"/docker/{NODE}/docker/{NODE}", id="Docker in Docker in Docker"),
        pytest.param(f"/docker/{ID}", f"/system.slice/docker-{NODE}.scope", id="Docker in Docker, no pod"),
        pytest.param(f"/docker/{ID}", f"/docker/{NODE}.mount", id="a mount inside"),
    ],
)
def test_a_cgroup_inside_a_container_belongs_to_the_container(owner: str, below: str) -> None:
    container = classify(owner)
    assert container.kind == "container"
    assert classify(owner + below) == CgroupPath(
        "inside", ID, container.runtime, container.pod_uid, container.qos_class, owner=owner
    )


def test_a_cgroup_inside_a_container_of_a_nested_node_belongs_to_that_container() -> None:
    owner = f"/system.slice/docker-{NODE}.scope{KIND}/crio-{ID}.scope"
    assert classify(f"{owner}/container") == CgroupPath("inside", ID, "cri-o", UID, "BestEffort", owner=owner)


def test_the_monitor_of_a_container_in_a_nested_node_belongs_to_the_node() -> None:
    node = f"/system.slice/docker-{NODE}.scope"
    inside = classify(f"{node}{KIND}/crio-conmon-{ID}.scope")
    assert inside == CgroupPath("inside", NODE, "docker", owner=node)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/init.scope",
        "/system.slice",
        "/system.slice/docker.service",
        "/kubepods.slice",
        "/kubepods.slice/kubepods-burstable.slice",
        "/kubepods/besteffort",
        "/podruntime/runtime",
        "/system.slice/crio.service",
        f"{BURSTABLE}/crio-conmon-{ID}.scope",
        f"/kubepods/burstable/pod{UID}/crio-conmon-{ID}",
        f"/machine.slice/libpod-conmon-{ID}.scope",
        f"{ROOTLESS}/libpod-conmon-{ID}.scope",
        f"/libpod_parent/{ID}",
        f"/machine.slice/machine-libpod_pod_{ID}.slice",
        f"/system.slice/{ID}.mount",
        f"/system.slice/var-lib-docker-containers-{ID}-mounts-shm.mount",
        f"/system.slice/run-docker-runtime\\x2drunc-moby-{ID}.mount",
        f"/docker/{ID[:-1]}",
        f"/docker/{ID}0",
        f"/docker/{ID.upper()}",
        f"/kubepods/pod{UID[:-1]}",
        f"/kubepods/pod{STATIC[:-1]}",
        f"/kubepods/xpod{UID}",
        f"/kubepods-burstable.slice:cri-containerd:{ID[:12]}",
    ],
)
def test_other_cgroups_are_neither_pods_nor_containers(path: str) -> None:
    assert classify(path) == CgroupPath("other")


def test_every_cgroup_of_a_real_host_is_classified() -> None:
    found = {path: classify(path) for path in (DATA / "cgroup2/paths.txt").read_text().splitlines()}
    assert Counter(cgroup.kind for cgroup in found.values()) == {"container": 13, "pod": 6, "other": 16}
    containers = [cgroup for cgroup in found.values() if cgroup.kind == "container"]
    assert Counter((cgroup.runtime, cgroup.qos_class) for cgroup in containers) == {
        ("containerd", "Guaranteed"): 2,
        ("containerd", "Burstable"): 5,
        ("cri-o", "Burstable"): 1,
        ("docker", None): 1,
        (None, "Guaranteed"): 2,
        (None, "BestEffort"): 2,
    }
    for path, cgroup in found.items():
        if cgroup.kind == "container" and cgroup.pod_uid is not None:
            assert classify(path.rpartition("/")[0]) == CgroupPath(
                "pod", pod_uid=cgroup.pod_uid, qos_class=cgroup.qos_class
            )
