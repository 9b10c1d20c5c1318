"""For scripts of the machine: starts planted pods with runc and planted services with systemd, with real limits."""

import json
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.collector.pods import pod_json, running
from tests.vm import loads, oci, work
from tests.vm.planted import NAMESPACE, Container, Pod, Service

CGROUPS = Path("/sys/fs/cgroup")
ROOT = Path("/run/pod/root")
PAUSE = Path("/run/pod/pause")
"""Path of a sandbox's process: `sleep` under another name."""
PERIOD_USEC = 100_000
START_TIMEOUT_S = 180
PYTHON = ("/usr/bin/python3", "-I", "-S")
Json = dict[str, Any]


def prepare() -> None:
    """Make the folders that containers are started from."""
    for folder in (ROOT, work.INCIDENTS):
        folder.mkdir(parents=True)
    run("mount", "--bind", "/", str(ROOT))
    PAUSE.symlink_to("/bin/sleep")
    for script in (work.__file__, loads.__file__):
        shutil.copy(script, "/run/pod")


def start_pod(pod: Pod) -> None:
    """Make the cgroup of a pod with its limits, and start its containers."""
    folder = cgroup_of(pod)
    folder.mkdir(parents=True)
    is_group = pod.layout != "pod"  # a cgroup with processes cannot have controllers below it
    for parent in reversed([folder, *folder.parents] if is_group else list(folder.parents)):
        if parent.is_relative_to(CGROUPS):
            controllers = (parent / "cgroup.controllers").read_text().split()
            (parent / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))
    if pod.memory:
        (folder / "memory.max").write_text(str(pod.memory << 20))
    if pod.cpu:
        (folder / "cpu.max").write_text(quota(pod.cpu))
    if pod.layout == "containers":
        spawn(folder / pod.sandbox_id, [str(PAUSE), "infinity"])
    for container in pod.containers:
        if pod.layout == "containers":
            start_container(pod, container)
        else:
            spawn(folder / pod.sandbox_id if pod.layout == "sandbox" else folder, command_of(container))


def start_container(pod: Pod, container: Container) -> None:
    """Run a container with runc, which removes its cgroup as soon as it has exited."""
    bundle = Path("/run/pod", container.id)
    bundle.mkdir()
    (bundle / "config.json").write_text(json.dumps(configuration(pod, container)))
    with open("runc.log", "ab") as log:
        command = ["runc", "run", "--bundle", str(bundle), container.id]
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def configuration(pod: Pod, container: Container) -> Json:
    """Return the configuration for runc."""
    spec = {
        "containers": [
            {
                "name": container.name,
                "command": command_of(container),
                "args": [],
                "env": [],
                "volumeMounts": [
                    {"name": "incident", "mountPath": str(work.INCIDENTS), "readOnly": True},
                    {"name": "pod", "mountPath": "/run/pod", "readOnly": True},
                ],
                "resources": {"limits": {"memory": "1Mi", "cpu": "1m"}},
                "securityContext": {
                    "runAsUser": 0,
                    "runAsGroup": 0,
                    "capabilities": {},
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": False,
                },
            }
        ]
    }
    names = {"POD_NAME": pod.name, "POD_UID": pod.uid, f"{container.name}_id": container.id}
    config = oci.config(spec, container.name, names, {"incident": str(work.INCIDENTS), "pod": "/run/pod"})
    memory = container.written_memory or container.memory
    config["linux"]["cgroupsPath"] = f"{pod.path}/{container.id}"
    config["linux"]["resources"] = {
        "devices": [{"allow": False, "access": "rwm"}],
        "memory": {"limit": memory << 20} if memory else {},
        "cpu": {"period": PERIOD_USEC, "quota": container.cpu * PERIOD_USEC // 1000} if container.cpu else {},
        "unified": {"memory.oom.group": "1"} | ({"memory.high": str(container.high << 20)} if container.high else {}),
    }
    config["process"]["oomScoreAdj"] = 1000 if pod.qos == "besteffort" else 900  # as the kubelet sets it
    return config


def start_service(service: Service) -> None:
    """Run a service of systemd."""
    limits = [f"--property={limit}" for limit in service.limits]
    run("systemd-run", "--quiet", f"--unit={service.name}", *limits, "--", *command_of(service))


def command_of(group: Container | Service) -> list[str]:
    """Return the command that does the work of a container or service."""
    return [*PYTHON, f"/run/pod/{group.script}", group.name, *shlex.split(group.work)]


def spawn(folder: Path, command: list[str]) -> None:
    """Start a process in a cgroup."""
    folder.mkdir(exist_ok=True)
    enter = ["sh", "-c", 'echo $$ >"$0" && exec "$@"', f"{folder}/cgroup.procs"]
    start([*enter, *command])


def start(command: list[str]) -> None:
    """Start a process that goes on after this one."""
    subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)


def api_pod(pod: Pod, memory: int | None = None) -> Json:
    """Return a pod as the API sends it. `memory`: the limit of its container after a resize."""
    statuses, resources = [], {}
    for container in pod.containers:
        limits = limits_of(memory or container.memory, container.cpu)
        resources[container.name] = {"limits": limits, "requests": {}}
        statuses.append(
            running(container.name, 0, containerID=f"containerd://{container.id}", resources={"limits": limits})
        )
    answer = pod_json(pod.name, 0, *statuses, namespace=NAMESPACE, labels={"app": pod.name}, resources=resources)
    answer["metadata"]["uid"] = pod.uid
    if pod.memory or pod.cpu:
        answer["spec"]["resources"] = {"limits": limits_of(pod.memory, pod.cpu)}
    return answer


def limits_of(memory: int, cpu: int) -> dict[str, str]:
    return ({"memory": f"{memory}Mi"} if memory else {}) | ({"cpu": f"{cpu}m"} if cpu else {})


def quota(millicores: int | None) -> str:
    """Return the text for cpu.max; None means no limit."""
    return f"{'max' if millicores is None else millicores * PERIOD_USEC // 1000} {PERIOD_USEC}"


def cgroup_of(group: Pod | Service) -> Path:
    return Path(f"{CGROUPS}{group.path}")


def waiting(pause_s: float = 0.02) -> Iterator[None]:
    """Yield many times a second until the timeout.

    Raises: TimeoutError then.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        yield
        time.sleep(pause_s)
    raise TimeoutError(f"a condition was not met within {START_TIMEOUT_S} s")


def run(*command: str) -> bytes:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def now_ms() -> int:
    return time.time_ns() // 1_000_000
