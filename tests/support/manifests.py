"""The objects of the manifest, with and without the changes of an overlay."""

from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY, OVERLAYS = REPOSITORY / "deploy", REPOSITORY / "overlays"


def documents(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def daemonset(overlay: str | None = None) -> dict[str, Any]:
    """Return the DaemonSet, with the changes of an overlay, as `kubectl kustomize` makes them."""
    (manifest,) = (document for document in documents(DEPLOY / "daemonset.yaml") if document["kind"] == "DaemonSet")
    if overlay is not None:
        (kustomization,) = documents(OVERLAYS / overlay / "kustomization.yaml")
        for patch in kustomization.get("patches", ()):
            assert patch["target"] == {"kind": "DaemonSet"}
            for change in yaml.safe_load(patch["patch"]):
                _add(manifest, change)
    return manifest


def pod_spec(overlay: str | None = None) -> dict[str, Any]:
    """Return the specification of the DaemonSet's pods."""
    return dict(daemonset(overlay)["spec"]["template"]["spec"])


def container(name: str) -> dict[str, Any]:
    """Return a container of the pods."""
    (spec,) = (container for container in pod_spec()["containers"] if container["name"] == name)
    return dict(spec)


def _add(document: Any, change: dict[str, Any]) -> None:
    assert change["op"] == "add"
    *parents, last = change["path"].split("/")[1:]
    node = document
    for step in parents:
        node = node[int(step)] if isinstance(node, list) else node[step]
    if isinstance(node, list):
        assert last == "-"
        node.append(change["value"])
    else:
        assert last not in node
        node[last] = change["value"]
