"""The objects of the manifest, with and without the changes of an overlay."""

from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY, OVERLAYS = REPOSITORY / "deploy", REPOSITORY / "overlays"


def documents(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def objects(overlay: str | None = None) -> list[dict[str, Any]]:
    """Return the objects of the manifest, with the changes of an overlay, as `kubectl kustomize` makes them."""
    if overlay is None:
        return documents(DEPLOY / "daemonset.yaml")
    (kustomization,) = documents(OVERLAYS / overlay / "kustomization.yaml")
    base = Path(kustomization["resources"][0])
    manifest = objects(base.name if base.name != "deploy" else None)
    for patch in kustomization.get("patches", ()):
        assert patch["target"].keys() == {"kind"}
        (document,) = (each for each in manifest if each["kind"] == patch["target"]["kind"])
        for change in yaml.safe_load(patch["patch"]):
            _apply(document, change)
    return manifest


def daemonset(overlay: str | None = None) -> dict[str, Any]:
    """Return the DaemonSet, with the changes of an overlay."""
    (manifest,) = (document for document in objects(overlay) if document["kind"] == "DaemonSet")
    return manifest


def role_rules(overlay: str | None = None) -> list[dict[str, Any]]:
    """Return the rights of the token, with the changes of an overlay."""
    (role,) = (document for document in objects(overlay) if document["kind"] == "ClusterRole")
    return list(role["rules"])


def pod_spec(overlay: str | None = None) -> dict[str, Any]:
    """Return the specification of the DaemonSet's pods."""
    return dict(daemonset(overlay)["spec"]["template"]["spec"])


def container(name: str) -> dict[str, Any]:
    """Return a container of the pods."""
    (spec,) = (container for container in pod_spec()["containers"] if container["name"] == name)
    return dict(spec)


def _apply(document: Any, change: dict[str, Any]) -> None:
    assert change["op"] in {"add", "replace"}
    *parents, last = change["path"].split("/")[1:]
    node = document
    for step in parents:
        node = node[int(step)] if isinstance(node, list) else node[step]
    if isinstance(node, list):
        assert last == "-"
        node.append(change["value"])
    else:
        assert (last in node) == (change["op"] == "replace")
        node[last] = change["value"]
