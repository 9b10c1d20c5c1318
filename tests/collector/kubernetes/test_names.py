"""Names of series, from the names of pods and containers."""

from dataclasses import replace

from fgm.collector.kubernetes.names import ContainerName, Names, PodName
from fgm.store.samples.series import Series

CART = PodName("shop", "cart-0")
UID = "11111111-0000-4000-8000-000000000000"
NAMES = Names(
    {"aa": ContainerName(CART, "app")}, {UID: CART, "cd" * 16: PodName("kube-system", "etcd")}, frozenset({"ee"})
)
APP = Series("container", container_id="aa", pod_uid=UID)


def test_a_container_is_named_by_its_id() -> None:
    named = NAMES.name(APP)

    assert (named.container_name, named.pod_name, named.namespace) == ("app", "cart-0", "shop")
    assert named.key == APP.key


def test_the_runtime_is_known_from_the_pod_if_the_path_has_only_the_id() -> None:
    pod = PodName("shop", "cart-0", "containerd")
    names = Names({"aa": ContainerName(pod, "app", "containerd")}, {UID: pod}, frozenset({"ee"}))
    for series in (APP, Series("sandbox", container_id="bb", pod_uid=UID), replace(APP, container_id="ee")):
        assert names.name(series).runtime == "containerd"
    assert names.name(replace(APP, runtime="docker")).runtime == "docker"
    assert names.name(replace(APP, container_id="unknown")).runtime is None
    assert names.name(Series("pod", pod_uid=UID)).runtime is None


def test_the_id_of_a_container_decides_before_the_pod_in_its_path() -> None:
    assert NAMES.name(Series("container", container_id="aa", pod_uid="cd" * 16)).pod_name == "cart-0"


def test_a_container_missing_in_the_status_gets_the_name_of_its_pod() -> None:
    named = NAMES.name(Series("container", container_id="bb", pod_uid=UID))

    assert (named.scope, named.container_name, named.pod_name, named.namespace) == ("container", None, "cart-0", "shop")


def test_a_static_pods_container_is_named_by_the_hash_of_its_manifest() -> None:
    assert NAMES.name(Series("container", container_id="bb", pod_uid="cd" * 16)).pod_name == "etcd"


def test_only_pods_and_containers_are_named() -> None:
    named = NAMES.name(Series("pod", pod_uid=UID))
    assert (named.pod_name, named.namespace, named.container_name) == ("cart-0", "shop", None)
    for other in (Series("node", node_name="worker-3"), Series("cgroup", cgroup="/system.slice")):
        assert NAMES.name(other) is other


def test_a_sandbox_has_the_name_of_sandboxes() -> None:
    for sandbox in (
        Series("sandbox", container_id="bb", pod_uid=UID),
        Series("container", container_id="ee", pod_uid=UID),
    ):
        named = NAMES.name(sandbox)
        assert (named.scope, named.container_name, named.pod_name) == ("sandbox", "POD", "cart-0")


def test_a_container_in_the_status_of_its_pod_is_not_a_sandbox() -> None:
    assert NAMES.name(Series("sandbox", container_id="aa", pod_uid=UID)).scope == "container"


def test_a_series_without_new_names_is_the_same_object() -> None:
    named = NAMES.name(APP)

    assert NAMES.name(named) is named
    assert Names().name(named) is named  # what was known is not forgotten
