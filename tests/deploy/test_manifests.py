"""The manifests are valid for Kubernetes, both daemons accept their arguments, and they grant no unneeded right."""

import argparse
import re
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from fgm import __version__
from fgm.collector import settings as collector_settings
from fgm.shipping import flags as ship_flags
from fgm.viewer import settings as viewer_settings
from tests.support.kubectl import kubectl_folder
from tests.support.manifests import (
    DEPLOY,
    OVERLAYS,
    REPOSITORY,
    container,
    daemonset,
    documents,
    pod_spec,
    role_rules,
)

NAMES = sorted(path.name for path in OVERLAYS.iterdir())
OLDEST_MINOR = 29
NEWEST_MINOR = int(kubernetes_validate.latest_version().split(".")[1])
VERSIONS = [f"1.{minor}" for minor in range(OLDEST_MINOR, NEWEST_MINOR + 1)]
MINIMUM_MINOR = {"kubelet": 33, "kubelet-self-signed": 33, "pss": 30}
"""Minimum minor version of Kubernetes for overlays that need a newer one; each overlay has it in a comment."""
POD = {"NODE_NAME": "worker-3", "POD_NAME": "fine-grained-monitor-x7k2p", "POD_IP": "10.244.1.7", "HOST_IP": "10.0.0.3"}


def arguments(name: str) -> list[str]:
    """Return the arguments of a container as the kubelet passes them, with the values of its variables."""
    spec = container(name)
    environment = {variable["name"]: POD[variable["name"]] for variable in spec["env"]}
    return [re.sub(r"\$\((\w+)\)", lambda match: environment[match[1]], argument) for argument in spec["args"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_matches_the_schema_of_this_kubernetes_version(version: str) -> None:
    policy = OVERLAYS / "network-policy" / "network-policy.yaml"
    quota = OVERLAYS / "node-critical" / "resource-quota.yaml"
    objects = [*documents(DEPLOY / "daemonset.yaml"), *documents(policy), *documents(quota)]

    assert {"DaemonSet", "NetworkPolicy", "ResourceQuota"} <= {document["kind"] for document in objects}
    for document in objects:
        kubernetes_validate.validate(document, version, strict=True)  # raises if it does not match


@pytest.mark.parametrize("name", ["", *NAMES])
def test_kustomize_builds_the_base_and_every_overlay(name: str) -> None:
    folder, kubectl = OVERLAYS / name if name else DEPLOY, kubectl_folder() / "kubectl"
    built = subprocess.run([kubectl, "kustomize", str(folder)], check=True, capture_output=True, text=True).stdout
    assert "DaemonSet" in {document["kind"] for document in yaml.safe_load_all(built)}


@pytest.mark.parametrize(
    ("name", "minor"),
    [(name, minor) for name in NAMES for minor in range(MINIMUM_MINOR.get(name, OLDEST_MINOR), NEWEST_MINOR + 1)],
)
def test_an_overlay_is_valid_and_the_collector_accepts_its_arguments(
    name: str, minor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = OVERLAYS / name
    (kustomization,) = documents(folder / "kustomization.yaml")
    changed = daemonset(name)
    monitor = changed["spec"]["template"]["spec"]["containers"][0]

    assert all((folder / resource).exists() for resource in kustomization["resources"])
    kubernetes_validate.validate(changed, f"1.{minor}", strict=True)
    for variable in monitor["env"]:
        monkeypatch.setenv(variable["name"], POD[variable["name"]])
    collector_settings.from_command_line([argument.replace("$(POD_IP)", "::1") for argument in monitor["args"]])
    if name in MINIMUM_MINOR:
        assert f"1.{MINIMUM_MINOR[name]}" in (folder / "kustomization.yaml").read_text()


def test_image_label_and_manifest_have_the_version_of_the_package() -> None:
    dockerfile = (REPOSITORY / "Dockerfile").read_text()

    assert f'org.opencontainers.image.version="{__version__}"' in dockerfile
    for spec in pod_spec("ship")["containers"]:
        assert spec["image"].endswith(f":{__version__}")


def test_a_misspelt_field_is_refused() -> None:
    changed = daemonset()
    changed["spec"]["template"]["spec"]["hostPid"] = True

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(changed, f"1.{NEWEST_MINOR}", strict=True)


def test_the_collector_accepts_the_arguments_of_the_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in container("monitor")["env"]:
        monkeypatch.setenv(variable["name"], POD[variable["name"]])
    settings, _ = collector_settings.from_command_line(arguments("monitor"))

    assert (settings.data_dir, settings.cgroup_root) == ("/data", "/host/cgroup")
    assert (settings.node, settings.identifier) == (POD["NODE_NAME"], POD["POD_NAME"])
    assert (settings.health_host, settings.health_port) == (POD["POD_IP"], 8052)
    mounts = {mount["name"]: mount["mountPath"] for mount in container("monitor")["volumeMounts"]}
    assert (mounts["data"], mounts["cgroup"]) == (settings.data_dir, settings.cgroup_root)
    sources = {volume["name"]: volume["hostPath"]["path"] for volume in pod_spec()["volumes"] if "hostPath" in volume}
    for name in ("block-devices", "network-interfaces", "devices"):
        assert mounts[name] == settings.sys_root + sources[name].removeprefix("/sys")
    assert Path(settings.kubernetes_token_file).parent == Path(settings.kubernetes_ca_file).parent
    assert Path(settings.kubernetes_token_file).parent == Path(mounts["token"])


def test_the_viewer_accepts_the_arguments_of_the_manifest() -> None:
    settings = viewer_settings.from_command_line(arguments("viewer"))

    assert settings.data_dir == "/data"
    assert (settings.host, settings.port) == ("127.0.0.1", 8050)
    assert (settings.health_host, settings.health_port) == (POD["POD_IP"], 8051)
    assert settings.no_browser
    assert settings.sleep_after_seconds == 600


def test_each_container_has_its_requests_and_limits() -> None:
    def resources(name: str) -> tuple[str, ...]:
        resources_ = container(name)["resources"]
        return tuple(resources_[kind][resource] for resource in ("memory", "cpu") for kind in ("requests", "limits"))

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


def test_the_viewer_runs_without_root_reads_data_only_and_has_no_token() -> None:
    viewer = container("viewer")
    mounts = {mount["name"]: mount for mount in viewer["volumeMounts"]}

    assert viewer["securityContext"]["runAsNonRoot"] is True
    assert viewer["securityContext"]["runAsUser"] > 0
    assert mounts.keys() == {"data"}
    assert mounts["data"]["readOnly"] is True
    assert "token" in {mount["name"] for mount in container("monitor")["volumeMounts"]}


@pytest.mark.parametrize("name", ["monitor", "viewer"])
def test_probes_use_the_health_listener_with_long_timeouts(name: str) -> None:
    spec = container(name)
    (port,) = spec["ports"]
    assert f"--health-port={port['containerPort']}" in spec["args"]
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = spec[kind]
        assert probe["httpGet"]["port"] == port["name"]
        assert probe["httpGet"]["path"] == ("/readyz" if kind == "readinessProbe" else "/healthz")
        assert probe["periodSeconds"] >= 10
        assert probe["timeoutSeconds"] == 5
    assert spec["startupProbe"]["periodSeconds"] * spec["startupProbe"]["failureThreshold"] >= 60


def test_the_token_may_only_list_and_watch_pods() -> None:
    assert role_rules() == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]}]


@pytest.mark.parametrize("name", ["kubelet", "kubelet-self-signed"])
def test_with_the_kubelet_the_token_has_no_right_in_the_api(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monitor = daemonset(name)["spec"]["template"]["spec"]["containers"][0]
    for variable in monitor["env"]:
        monkeypatch.setenv(variable["name"], POD[variable["name"]])
    settings, _ = collector_settings.from_command_line(monitor["args"])

    assert role_rules(name) == [{"apiGroups": [""], "resources": ["nodes/pods"], "verbs": ["get"]}]
    assert (settings.kubernetes_source, settings.kubelet_host, settings.kubelet_port) == ("kubelet", "10.0.0.3", 10250)
    mounts = {mount["mountPath"] for mount in monitor["volumeMounts"]}
    assert (settings.kubelet_ca_file or settings.kubernetes_ca_file.rpartition("/")[0]) in mounts


def test_the_container_that_ships_only_reads_and_shares_neither_its_user_nor_its_credentials() -> None:
    *_, ship = pod_spec("ship")["containers"]
    variables = {variable["name"]: variable["valueFrom"]["configMapKeyRef"]["key"] for variable in ship["env"]}
    (kustomization,) = documents(OVERLAYS / "ship" / "kustomization.yaml")
    (values,) = kustomization["configMapGenerator"]
    given = dict(literal.split("=", 1) for literal in values["literals"])
    parser = argparse.ArgumentParser()
    ship_flags.add_flags(parser.add_argument)
    command, *arguments_ = [
        re.sub(r"\$\((\w+)\)", lambda match: given[variables[match[1]]], argument) for argument in ship["args"]
    ]
    parsed = parser.parse_args(arguments_)

    assert (command, parsed.directory, parsed.url, parsed.cluster) == ("ship", "/data", given["url"], given["cluster"])
    assert [(mount["mountPath"], mount["readOnly"]) for mount in ship["volumeMounts"]] == [("/data", True)]
    assert ship["resources"]["limits"] == {"cpu": "100m", "memory": "64Mi"}
    users = [spec["securityContext"]["runAsUser"] for spec in pod_spec("ship")["containers"]]
    assert len(set(users)) == 3  # the same user could read the credentials in /proc/PID/environ
    assert ship["securityContext"] == container("viewer")["securityContext"] | {
        "runAsUser": users[-1],
        "runAsGroup": users[-1],
    }
    assert [spec["name"] for spec in pod_spec("ship")["containers"] if "envFrom" in spec] == ["ship"]
