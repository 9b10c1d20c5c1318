"""What is applied to a cluster: valid for its API, understood by both daemons, and with no right too many."""

import re
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from fgm import __version__
from fgm.collector import settings as collector_settings
from fgm.viewer import settings as viewer_settings
from tests.support.manifests import DEPLOY, OVERLAYS, REPOSITORY, container, daemonset, documents, pod_spec

NAMES = sorted(path.name for path in OVERLAYS.iterdir())
OLDEST = 29
NEWEST = int(kubernetes_validate.latest_version().split(".")[1])
VERSIONS = [f"1.{minor}" for minor in range(OLDEST, NEWEST + 1)]
SINCE = {"pss": 30}
"""Overlays that need a newer Kubernetes, which they say."""
POD = {"NODE_NAME": "worker-3", "POD_NAME": "fine-grained-monitor-x7k2p", "POD_IP": "10.244.1.7"}


def arguments(name: str) -> list[str]:
    """The arguments as the kubelet gives them: with the variables of the container in them."""
    given = container(name)
    environment = {one["name"]: POD[one["name"]] for one in given["env"]}
    return [re.sub(r"\$\((\w+)\)", lambda match: environment[match[1]], argument) for argument in given["args"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_matches_the_schema_of_this_kubernetes_version(version: str) -> None:
    policy = OVERLAYS / "network-policy" / "network-policy.yaml"
    objects = [*documents(DEPLOY / "daemonset.yaml"), *documents(policy)]

    assert {"DaemonSet", "NetworkPolicy"} <= {document["kind"] for document in objects}
    for document in objects:
        kubernetes_validate.validate(document, version, strict=True)  # raises if it does not match


@pytest.mark.parametrize("name", ["", *NAMES])
def test_kustomize_builds_the_base_and_every_overlay(name: str) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("there is no kubectl")
    folder = OVERLAYS / name if name else DEPLOY
    built = subprocess.run([kubectl, "kustomize", str(folder)], check=True, capture_output=True, text=True).stdout
    assert "DaemonSet" in {document["kind"] for document in yaml.safe_load_all(built)}


@pytest.mark.parametrize(
    ("name", "minor"), [(name, minor) for name in NAMES for minor in range(SINCE.get(name, OLDEST), NEWEST + 1)]
)
def test_an_overlay_is_valid(name: str, minor: int) -> None:
    folder = OVERLAYS / name
    (kustomization,) = documents(folder / "kustomization.yaml")
    changed = daemonset(name)
    monitor = changed["spec"]["template"]["spec"]["containers"][0]

    assert all((folder / resource).exists() for resource in kustomization["resources"])
    kubernetes_validate.validate(changed, f"1.{minor}", strict=True)
    collector_settings.from_command_line([one.replace("$(POD_IP)", "::1") for one in monitor["args"]])
    if name in SINCE:
        assert f"1.{SINCE[name]}" in (folder / "kustomization.yaml").read_text()


def test_image_label_and_manifest_have_the_version_of_the_package() -> None:
    dockerfile = (REPOSITORY / "Dockerfile").read_text()

    assert f'org.opencontainers.image.version="{__version__}"' in dockerfile
    for name in ("monitor", "viewer"):
        assert container(name)["image"].endswith(f":{__version__}")


def test_a_field_that_is_misspelt_would_be_noticed() -> None:
    changed = daemonset()
    changed["spec"]["template"]["spec"]["hostPid"] = True

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(changed, f"1.{NEWEST}", strict=True)


def test_the_collector_understands_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    for one in container("monitor")["env"]:
        monkeypatch.setenv(one["name"], POD[one["name"]])
    settings, _ = collector_settings.from_command_line(arguments("monitor"))

    assert (settings.data_dir, settings.cgroup_root) == ("/data", "/host/cgroup")
    assert (settings.node, settings.identifier) == (POD["NODE_NAME"], POD["POD_NAME"])
    assert (settings.health_host, settings.health_port) == (POD["POD_IP"], 8052)
    mounts = {one["name"]: one["mountPath"] for one in container("monitor")["volumeMounts"]}
    assert (mounts["data"], mounts["cgroup"]) == (settings.data_dir, settings.cgroup_root)
    assert Path(settings.kubernetes_token_file).parent == Path(settings.kubernetes_ca_file).parent
    assert Path(settings.kubernetes_token_file).parent == Path(mounts["token"])


def test_the_viewer_understands_its_arguments() -> None:
    settings = viewer_settings.from_command_line(arguments("viewer"))

    assert settings.data_dir == "/data"
    assert (settings.host, settings.port) == ("127.0.0.1", 8050)
    assert (settings.health_host, settings.health_port) == (POD["POD_IP"], 8051)
    assert settings.no_browser


def test_what_each_container_may_use() -> None:
    def resources(name: str) -> tuple[str, ...]:
        given = container(name)["resources"]
        return tuple(given[kind][what] for what in ("memory", "cpu") for kind in ("requests", "limits"))

    assert resources("monitor") == ("64Mi", "256Mi", "100m", "500m")
    assert resources("viewer") == ("32Mi", "128Mi", "10m", "100m")


@pytest.mark.parametrize("name", ["monitor", "viewer"])
def test_no_container_has_a_right_that_is_not_needed(name: str) -> None:
    context = container(name)["securityContext"]

    assert context["privileged"] is context["allowPrivilegeEscalation"] is False
    assert context["readOnlyRootFilesystem"] is True
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert pod_spec()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert "hostNetwork" not in pod_spec()
    assert "hostIPC" not in pod_spec()
    assert pod_spec()["automountServiceAccountToken"] is False


def test_the_viewer_is_not_root_writes_no_data_and_has_no_token() -> None:
    viewer = container("viewer")
    mounts = {one["name"]: one for one in viewer["volumeMounts"]}

    assert viewer["securityContext"]["runAsNonRoot"] is True
    assert viewer["securityContext"]["runAsUser"] > 0
    assert mounts.keys() == {"data"}
    assert mounts["data"]["readOnly"] is True
    assert "token" in {one["name"] for one in container("monitor")["volumeMounts"]}


@pytest.mark.parametrize("name", ["monitor", "viewer"])
def test_probes_ask_the_health_listener_and_have_patience(name: str) -> None:
    given = container(name)
    (port,) = given["ports"]
    assert f"--health-port={port['containerPort']}" in given["args"]
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = given[kind]
        assert probe["httpGet"]["port"] == port["name"]
        assert probe["httpGet"]["path"] == ("/readyz" if kind == "readinessProbe" else "/healthz")
        assert probe["periodSeconds"] >= 10
        assert probe["timeoutSeconds"] == 5
    assert given["startupProbe"]["periodSeconds"] * given["startupProbe"]["failureThreshold"] >= 60


def test_the_token_may_only_list_and_watch_pods() -> None:
    (role,) = (one for one in documents(DEPLOY / "daemonset.yaml") if one["kind"] == "ClusterRole")

    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]
