"""The configuration for runc of a container of the manifest, as the kubelet and containerd would make it.

https://github.com/opencontainers/runtime-spec/blob/main/config.md. The seccomp profile is added in the machine.
"""

import re
from collections.abc import Mapping
from typing import Any

from fgm.collector.sizes import size_bytes

ROOT = "/run/pod/root"
"""Folders of the machine itself that replace those of an image."""
PERIOD_USEC = 100_000
SLOWER = 12
"""Factor for the CPU limits of the manifest, because the machine is emulated."""
_PROC = ("/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/scsi")
_PROC_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")

Json = dict[str, Any]


def config(spec: Mapping[str, Any], name: str, pod: Mapping[str, str], volumes: Mapping[str, str]) -> Json:
    """Return the configuration of a container of a pod's `spec`.

    `pod`: values of the variables that come from the pod; `volumes`: folders of the machine, by the names of volumes.
    """
    (container,) = (one for one in spec["containers"] if one["name"] == name)
    rights, limits = container["securityContext"], container["resources"]["limits"]
    environment = {one["name"]: pod[one["name"]] for one in container["env"]}
    arguments = [re.sub(r"\$\((\w+)\)", lambda match: environment[match[1]], text) for text in container["args"]]
    capabilities = [f"CAP_{one}" for one in rights["capabilities"].get("add", ())]
    namespaces = ["mount", "ipc", "uts", "cgroup", *([] if spec.get("hostPID") else ["pid"])]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": rights["runAsUser"], "gid": rights["runAsGroup"]},
            "args": [*container["command"], *arguments],
            "env": [*(f"{key}={value}" for key, value in environment.items()), "PATH=/usr/local/bin:/usr/bin:/bin"],
            "cwd": "/",
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), capabilities),
            "noNewPrivileges": not rights["allowPrivilegeEscalation"],
        },
        "root": {"path": ROOT, "readonly": rights["readOnlyRootFilesystem"]},
        "hostname": pod["POD_NAME"],
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            {
                "destination": "/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
            },
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
            {
                "destination": "/sys/fs/cgroup",
                "type": "cgroup",
                "source": "cgroup",
                "options": ["nosuid", "noexec", "nodev", "ro"],
            },
            *(_mount(one, volumes) for one in container["volumeMounts"]),
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in namespaces],
            "cgroupsPath": f"/kubepods/burstable/pod{pod['POD_UID']}/{pod[f'{name}_id']}",
            "resources": {
                "devices": [{"allow": False, "access": "rwm"}],
                "memory": {"limit": size_bytes(limits["memory"])},
                "unified": {"memory.oom.group": "1"},  # as the kubelet asks for on cgroup v2
                "cpu": {
                    "period": PERIOD_USEC,
                    "quota": SLOWER * int(limits["cpu"].removesuffix("m")) * PERIOD_USEC // 1000,
                },
            },
            "maskedPaths": list(_PROC),
            "readonlyPaths": list(_PROC_READ_ONLY),
        },
    }


def _mount(mount: Mapping[str, Any], volumes: Mapping[str, str]) -> Json:
    access = "ro" if mount.get("readOnly") else "rw"
    return {
        "destination": mount["mountPath"],
        "type": "bind",
        "source": volumes[mount["name"]],
        "options": ["rbind", "rprivate", access],
    }
