"""Leaves do not contain each other, so that their values add up."""

from fgm.store.samples.leaves import leaf_keys
from fgm.store.samples.series import Series

ID, OTHER_ID = "ab" * 32, "cd" * 32
UID = "0ffb0ca9-adce-4d1e-9edd-4020a3e8bea6"
NODE = Series("node")
OUTSIDE = Series("outside")
KUBEPODS = Series("cgroup", cgroup="/kubepods.slice")
POD = Series("pod", pod_uid=UID, cgroup="/kubepods.slice/pod1.slice")
CONTAINER = Series("container", container_id=ID, pod_uid=UID, cgroup="/kubepods.slice/pod1.slice/crio-1.scope")


def test_a_cgroup_with_a_recorded_cgroup_below_is_no_leaf() -> None:
    system, sshd = Series("cgroup", cgroup="/system.slice"), Series("cgroup", cgroup="/system.slice/sshd.service")

    assert leaf_keys([NODE, system, sshd, KUBEPODS, POD, CONTAINER, OUTSIDE]) == {sshd.key, ID, "outside"}
    assert leaf_keys([NODE, system, Series("cgroup", cgroup="/system")]) == {system.key, "cgroup:/system"}


def test_a_pod_is_a_leaf_if_none_of_its_containers_is_recorded() -> None:
    sandbox = Series("sandbox", container_id=OTHER_ID, pod_uid=UID, cgroup="/kubepods.slice/pod1.slice/crio-2.scope")

    assert leaf_keys([KUBEPODS, POD, sandbox]) == {POD.key}
    assert leaf_keys([KUBEPODS, POD, sandbox, CONTAINER]) == {ID}


def test_a_pod_is_no_leaf_if_its_container_is_in_another_slice() -> None:
    elsewhere = Series("container", container_id=ID, pod_uid=UID, cgroup="/system.slice/pod1.slice:cri-containerd:1")

    assert leaf_keys([POD, elsewhere]) == {ID}


def test_a_container_that_contains_containers_is_no_leaf_and_one_without_a_path_is() -> None:
    machine = Series("container", container_id=OTHER_ID, cgroup="/docker/node")
    inner = Series("container", container_id=ID, cgroup="/docker/node/kubelet/1")

    assert leaf_keys([machine, inner]) == {ID}
    assert leaf_keys([Series("container", container_id=ID)]) == {ID}
