"""Names of a series that become known late, or differ."""

from dataclasses import replace

import pytest

from fgm.store.samples.series import Series, with_known_names, workload_of

BARE = Series("container", container_id="ab" * 32, pod_uid="uid", node_name="worker-3")
NAMED = replace(BARE, container_name="app", pod_name="cart", namespace="shop")


def test_a_known_name_is_not_lost_and_the_newer_one_counts() -> None:
    renamed = replace(NAMED, container_name="web")

    assert with_known_names(BARE, NAMED) == NAMED
    assert with_known_names(NAMED, BARE) is NAMED
    assert with_known_names(renamed, NAMED) is renamed


def test_a_container_that_was_taken_for_a_sandbox_does_not_keep_the_name() -> None:
    sandbox = replace(NAMED, scope="sandbox", container_name="POD")

    assert with_known_names(BARE, sandbox) == replace(NAMED, container_name=None)


DOCKER = Series("container", container_id="ab" * 32, container_name="shop-web-1", runtime="docker")


@pytest.mark.parametrize(
    ("series", "workload"),
    [
        (NAMED, ("shop", "cart", "app")),
        (replace(NAMED, runtime="containerd"), ("shop", "cart", "app")),
        (DOCKER, ("docker", "", "shop-web-1")),
        (replace(DOCKER, container_id="cd" * 32), ("docker", "", "shop-web-1")),
        (replace(DOCKER, runtime="podman", pod_name="cart"), ("podman", "cart", "shop-web-1")),
        (BARE, None),
        (replace(DOCKER, runtime=None), None),
        (replace(DOCKER, container_name=None), None),
        (replace(DOCKER, pod_uid="uid"), None),  # its pod has no name yet
        (replace(DOCKER, container_id=None, cgroup="/lxc.payload.web", runtime="lxc"), None),  # its key stays the same
        (replace(NAMED, scope="sandbox"), None),
        (Series("node"), None),
    ],
)
def test_successive_containers_of_a_workload_share_their_names(
    series: Series, workload: tuple[str, str, str] | None
) -> None:
    assert workload_of(series) == workload


def test_a_machine_has_its_path_as_key() -> None:
    machine = Series("container", container_name="web", runtime="lxc", cgroup="/lxc.payload.web")

    assert machine.key == "cgroup:/lxc.payload.web"
