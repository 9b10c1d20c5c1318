"""Containers in the lists of real engines, and in malformed ones."""

import pytest

from fgm.collector.engines.container import MAX_LABELS_CHARACTERS, MAX_TEXT, parse_list
from tests.support.collector.engine_server import DOCKER_CONTAINERS, PODMAN_CONTAINERS

ID = "a" * 64


def test_the_list_of_a_real_docker_is_read() -> None:
    containers = {container.name: container for container in parse_list(DOCKER_CONTAINERS, "docker")}

    assert containers.keys() == {"shop-web-1", "shop-db-1", "renamed"}
    web = containers["shop-web-1"]
    assert (web.runtime, web.image, web.pod_name, web.namespace) == ("docker", "shop/tools:1", None, None)
    assert web.labels == {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    assert web.id == DOCKER_CONTAINERS[-1]["Id"]


def test_the_list_of_a_real_podman_is_read() -> None:
    containers = {container.name: container for container in parse_list(PODMAN_CONTAINERS, "podman")}

    assert {name: container.pod_name for name, container in containers.items()} == {
        "podman-web": None,
        "6f94be4f349a-infra": "cart",
        "app": "cart",
    }
    assert containers["podman-web"].labels == {"com.docker.compose.project": "shop"}


def test_the_name_of_a_link_to_a_container_is_not_its_name() -> None:
    (container,) = parse_list([{"Id": ID, "Names": ["/app/database", "/db"]}], "docker")

    assert container.name == "db"


def test_containers_that_a_kubelet_made_with_docker_have_the_names_of_their_pod() -> None:
    labels = {
        "io.kubernetes.container.name": "app",
        "io.kubernetes.docker.type": "container",
        "io.kubernetes.pod.name": "cart-0",
        "io.kubernetes.pod.namespace": "shop",
    }
    sandbox = {**labels, "io.kubernetes.container.name": "POD", "io.kubernetes.docker.type": "podsandbox"}
    both = [{"Id": ID, "Names": ["/k8s_app_cart-0_shop_1_0"], "Labels": labels}, {"Id": "b" * 64, "Labels": sandbox}]
    app, pause = parse_list(both, "docker")

    assert (app.name, app.pod_name, app.namespace, app.is_sandbox) == ("app", "cart-0", "shop", False)
    assert (pause.pod_name, pause.namespace, pause.is_sandbox) == ("cart-0", "shop", True)


@pytest.mark.parametrize(
    "value",
    [None, {}, [None], ["x"], [{}], [{"Id": 7}], [{"Id": "abc"}], [{"Id": ID.upper()}]],
)
def test_what_is_not_a_container_is_left_out(value: object) -> None:
    assert list(parse_list(value, "docker")) == []


def test_malformed_facts_are_left_out() -> None:
    facts = {
        "Id": ID,
        "Names": [7, "", "/" + "n" * (MAX_TEXT + 1), "/\ud800"],
        "Image": {},
        "Labels": [1],
        "PodName": "",
    }
    (container,) = parse_list([facts], "docker")

    assert (container.name, container.image, container.labels, container.pod_name) == (None, None, {}, None)


def test_labels_have_a_limit() -> None:
    labels = {f"{number:04}": "x" * 96 for number in range(100)} | {"0000": 7, "0001": "\ud800"}
    (container,) = parse_list([{"Id": ID, "Labels": labels}], "docker")

    assert container.labels is not None
    assert sum(len(name) + len(label) for name, label in container.labels.items()) <= MAX_LABELS_CHARACTERS
    assert list(container.labels) == [f"{number:04}" for number in range(2, 22)]
