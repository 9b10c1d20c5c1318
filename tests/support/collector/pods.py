"""Pods in the form in which the API sends them."""

from typing import Any

NODE = "worker-3"


def container_id(number: int) -> str:
    return f"{number:064x}"


def running(name: str, number: int, restarts: int = 0, **more: Any) -> dict[str, Any]:
    """Return the status of a running container."""
    return {
        "name": name,
        "containerID": f"containerd://{container_id(number)}",
        "image": f"registry.k8s.io/{name}:v1",
        "restartCount": restarts,
        "state": {"running": {"startedAt": "2025-12-30T15:00:00Z"}},
        "lastState": {},
        **more,
    }


def terminated(number: int, reason: str = "OOMKilled", code: int = 137) -> dict[str, Any]:
    """Return the state or last state of a container that has exited."""
    return {
        "terminated": {
            "containerID": f"containerd://{container_id(number)}",
            "exitCode": code,
            "reason": reason,
            "startedAt": "2025-12-30T15:00:00Z",
            "finishedAt": "2025-12-30T16:00:07Z",
        }
    }


def pod_json(name: str, number: int, *statuses: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a pod. `more`: initContainerStatuses, annotations, resources (by container name), labels."""
    resources = more.get("resources", {})
    init = more.get("initContainerStatuses", [])
    return {
        "metadata": {
            "name": name,
            "namespace": more.get("namespace", "shop"),
            "uid": pod_uid(number),
            "resourceVersion": "7",
            "labels": more.get("labels", {"app": name}),
            "annotations": more.get("annotations", {}),
            "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": {"f:phase": {}}}}],
        },
        "spec": {
            "nodeName": more.get("node", NODE),
            "containers": [_spec(s["name"], resources) for s in statuses],
            "initContainers": [_spec(s["name"], resources) for s in init],
        },
        "status": {
            "phase": "Running",
            "qosClass": "Burstable",
            "containerStatuses": list(statuses),
            "initContainerStatuses": init,
            "ephemeralContainerStatuses": more.get("ephemeralContainerStatuses", []),
        },
    }


def pod_uid(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def _spec(name: str, resources: dict[str, Any]) -> dict[str, Any]:
    env = [{"name": "SECRET", "value": "of no interest"}]
    return {"name": name, "image": f"{name}:v1", "env": env, "resources": resources.get(name, {})}
