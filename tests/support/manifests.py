"""What is applied to a cluster, as objects: the manifest, and what the overlays make of it."""

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
    (found,) = (one for one in documents(DEPLOY / "daemonset.yaml") if one["kind"] == "DaemonSet")
    if overlay is not None:
        (kustomization,) = documents(OVERLAYS / overlay / "kustomization.yaml")
        for patch in kustomization.get("patches", ()):
            assert patch["target"] == {"kind": "DaemonSet"}
            for change in yaml.safe_load(patch["patch"]):
                _add(found, change)
    return found


def pod_spec(overlay: str | None = None) -> dict[str, Any]:
    """Return the specification of the DaemonSet's pods."""
    return dict(daemonset(overlay)["spec"]["template"]["spec"])


def container(name: str) -> dict[str, Any]:
    """Return a container of the pods."""
    (found,) = (one for one in pod_spec()["containers"] if one["name"] == name)
    return dict(found)


def _add(place: Any, change: dict[str, Any]) -> None:
    assert change["op"] == "add"
    *way, last = change["path"].split("/")[1:]
    for step in way:
        place = place[int(step)] if isinstance(place, list) else place[step]
    if isinstance(place, list):
        assert last == "-"
        place.append(change["value"])
    else:
        assert last not in place
        place[last] = change["value"]
