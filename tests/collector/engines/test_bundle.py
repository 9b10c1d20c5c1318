"""What bundles and storages say: those of a real Podman, and annotations of other runtimes."""

import json
import os
from pathlib import Path

import pytest

from fgm.collector.engines.bundle import StoredContainer, read_bundle, read_storage, storage_of
from fgm.collector.engines.supervisor import Supervisor
from fgm.store.errors import BadFileError
from tests.support.collector.engine_server import DATA, PODMAN_CONTAINERS
from tests.support.collector.podman_files import podman_files

ME = os.getuid()
ID = "a" * 64


def bundle_of(folder: Path, annotations: object, **more: object) -> Supervisor:
    (folder / "config.json").write_text(json.dumps({"annotations": annotations, **more}))
    return Supervisor(str(folder), ME, namespace="k8s.io")


def test_containers_of_a_real_podman_are_named_by_conmon_their_bundles_and_their_storage(tmp_path: Path) -> None:
    supervisors = podman_files(tmp_path)
    stored = read_storage(str(tmp_path / "containers.json"), ME)
    containers = [read_bundle(each, supervisors[each], stored.get(each)) for each in supervisors]

    assert {(each.runtime, each.name, each.image, each.pod_name) for each in containers} == {
        ("podman", "podman-web", "localhost/shop/tools:1", None),
        ("podman", "6f94be4f349a-infra", "localhost/shop/tools:1", "cart"),
        ("podman", "app", "localhost/shop/tools:1", "cart"),
    }
    assert {each.id for each in containers} == {each["Id"] for each in PODMAN_CONTAINERS}
    assert all(not each.is_sandbox and each.namespace is None for each in containers)


def test_without_rights_conmon_still_has_the_name(tmp_path: Path) -> None:
    (web,) = (each for each in podman_files(tmp_path / "empty").values() if each.name == "pweb")
    container = read_bundle(ID, Supervisor("/nonexistent", ME, name=web.name), None)

    assert (container.name, container.runtime, container.image) == ("pweb", None, None)


def test_bundles_of_a_real_containerd_name_the_pod_that_a_kubelet_asked_for() -> None:
    bundles = sorted((DATA / "containerd").iterdir())
    sandbox, app = (
        read_bundle(each.name, Supervisor(str(each), (each / "config.json").stat().st_uid, namespace="k8s.io"), None)
        for each in bundles
    )

    assert (app.runtime, app.name, app.pod_name, app.namespace) == ("containerd", "app", "cart-0", "shop")
    assert (app.image, app.labels, app.is_sandbox) == ("localhost/shop/pause:1", None, False)
    assert (sandbox.name, sandbox.pod_name, sandbox.namespace, sandbox.is_sandbox) == (None, "cart-0", "shop", True)


def test_a_bundle_of_crio_names_the_pod_that_it_is_in(tmp_path: Path) -> None:
    """Source: pkg/annotations/annotations.go of CRI-O 1.28."""
    annotations = {
        "io.container.manager": "cri-o",
        "io.kubernetes.container.name": "app",
        "io.kubernetes.cri-o.ContainerType": "container",
        "io.kubernetes.cri-o.ImageName": "registry.example/shop:1",
        "io.kubernetes.pod.name": "cart-0",
        "io.kubernetes.pod.namespace": "shop",
    }
    app = read_bundle(ID, Supervisor(bundle_of(tmp_path, annotations).bundle, ME), None)

    assert (app.runtime, app.name, app.pod_name, app.namespace) == ("cri-o", "app", "cart-0", "shop")
    assert (app.image, app.is_sandbox) == ("registry.example/shop:1", False)


def test_a_bundle_of_nerdctl_has_a_name_and_labels(tmp_path: Path) -> None:
    """Source: pkg/labels/labels.go of nerdctl, which passes labels on as annotations."""
    annotations = {"nerdctl/name": "web", "nerdctl/namespace": "default", "com.docker.compose.project": "shop"}
    web = read_bundle(ID, bundle_of(tmp_path, annotations), None)

    assert (web.runtime, web.name, web.labels) == ("containerd", "web", {"com.docker.compose.project": "shop"})


def test_a_bundle_of_docker_has_no_name(tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path, None, hostname="dd461f90d414")
    container = read_bundle(ID, Supervisor(bundle.bundle, ME, namespace="moby"), None)

    assert (container.runtime, container.name, container.pod_name) == ("docker", None, None)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"annotations": 7}', "[" * 100_000, "\udc80"])
def test_a_malformed_configuration_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, errors="surrogateescape")
    container = read_bundle(ID, Supervisor(str(tmp_path), ME), StoredContainer("web", None))

    assert (container.name, container.runtime, container.labels) == ("web", None, None)


def test_a_file_of_another_user_is_not_read(tmp_path: Path) -> None:
    """Else a user could name a file of root as the bundle of a container."""
    podman_files(tmp_path)
    bundle = bundle_of(tmp_path, {"nerdctl/name": "web"})

    assert read_bundle(ID, Supervisor(bundle.bundle, ME + 1), None).name is None
    with pytest.raises(PermissionError, match="does not belong"):
        read_storage(str(tmp_path / "containers.json"), ME + 1)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "containers.json").symlink_to(DATA / "podman" / "containers.json")

    with pytest.raises(BadFileError):
        read_storage(str(tmp_path / "containers.json"), ME)


def test_only_a_bundle_of_podman_is_in_a_storage() -> None:
    in_storage = Supervisor("/proc/7/root/x/vfs-containers/1/userdata", 1000, "/x/vfs-containers/1/userdata")

    assert storage_of(in_storage) == (1000, "/x/vfs-containers")
    assert storage_of(Supervisor("/proc/7/cwd/../1", 0)) is None
