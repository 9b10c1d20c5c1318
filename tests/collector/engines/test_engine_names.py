"""Names of series by the containers of engines, and how they are joined with those from Kubernetes."""

from dataclasses import replace

from fgm.collector.engines.container import EngineContainer
from fgm.collector.engines.engine_names import EngineNames, JoinedNames, NameSeries
from fgm.collector.kubernetes.names import ContainerName, Names, PodName
from fgm.store.samples.series import Series

A, B, UID = "a" * 64, "b" * 64, "11111111-2222-3333-4444-555555555555"
WEB = Series("container", container_id=A, runtime="docker", cgroup=f"/docker/{A}")


def test_a_container_has_the_name_of_its_engine_and_the_name_of_its_pod() -> None:
    names = EngineNames({A: EngineContainer(A, "podman", "web", pod_name="cart")})
    named = names.name(replace(WEB, runtime=None))

    assert named == replace(WEB, container_name="web", pod_name="cart", runtime="podman")
    assert names.name(named) is named


def test_a_rename_replaces_the_name() -> None:
    named = replace(WEB, container_name="old")

    assert EngineNames({A: EngineContainer(A, "docker", "new")}).name(named).container_name == "new"


def test_other_series_are_unchanged() -> None:
    names = EngineNames({A: EngineContainer(A, "docker", "web")}, {UID: ("shop", "cart-0")})
    for series in (replace(WEB, container_id=B), Series("node"), Series("pod", pod_uid="x"), Series("cgroup")):
        assert names.name(series) is series


def test_a_pod_and_its_sandbox_have_the_names_of_the_pod() -> None:
    sandbox = EngineContainer(A, "containerd", pod_name="cart-0", namespace="shop", is_sandbox=True)
    names = EngineNames({A: sandbox}, {UID: ("shop", "cart-0")})

    assert names.name(Series("pod", pod_uid=UID)) == Series("pod", pod_uid=UID, pod_name="cart-0", namespace="shop")
    named = names.name(replace(WEB, pod_uid=UID))
    assert (named.scope, named.container_name, named.pod_name) == ("sandbox", "POD", "cart-0")


def test_kubernetes_has_the_last_word_and_engines_name_the_rest() -> None:
    renamed: list[NameSeries] = []
    joined = JoinedNames(renamed.append)
    containers = {A: EngineContainer(A, "docker", "k8s_app"), B: EngineContainer(B, "docker", "plain")}
    joined.rename_by_engines(EngineNames(containers).name)
    assert renamed[-1](WEB).container_name == "k8s_app"
    joined.rename_by_kubernetes(Names({A: ContainerName(PodName("shop", "cart-0"), "app")}).name)

    app = renamed[-1](WEB)
    assert (app.container_name, app.pod_name, app.namespace) == ("app", "cart-0", "shop")
    assert renamed[-1](app) is app
    assert renamed[-1](replace(WEB, container_id=B)).container_name == "plain"
    unknown = replace(WEB, container_id="c" * 64)
    assert renamed[-1](unknown) is unknown
