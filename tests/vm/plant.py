"""Module for the machine, with the project's Python: twelve incidents while a collector records (see planted.py).

`python -m tests.vm.plant [NAME...]`: the incidents to plant, all by default. Leaves in the current folder planted.json
(when each incident began and ended), collector.log and data/, the data directory after an orderly stop.
"""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from anyio.from_thread import BlockingPortal, start_blocking_portal

from tests.support.collector.api_server import ApiServer
from tests.support.collector.pods import NODE
from tests.vm import groups, work
from tests.vm.planted import INCIDENTS, KUBEPODS_ROOM, PODS, QUOTAS, RESIZED_MEMORY, SERVICES, Incident

DATA = Path("/run/fgm")
QUIET_S, INCIDENT_S = 28, 20
AFTER_S = 8
FRAMES = 5
STOP_TIMEOUT_S = 180


def main(names: list[str]) -> int:
    groups.prepare()
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(ApiServer().running()) as api:
        for pod in PODS:
            groups.start_pod(pod)
            portal.call(api.put, groups.api_pod(pod))
        for service in SERVICES:
            groups.start_service(service)
        collector = record(api.url)
        planted = {}
        for incident in INCIDENTS:
            if not names or incident.name in names:
                planted[incident.name] = plant(incident, portal, api)
                Path("planted.json").write_text(json.dumps(planted))
        time.sleep(AFTER_S)
        return end(collector)


def record(url: str) -> "subprocess.Popen[bytes]":
    """Start a collector in a cgroup of its own, and wait until it has recorded some ticks."""
    scope = ["systemd-run", "--quiet", "--scope", "--unit=fgm-collector", "--"]
    flags = ["--data-dir", str(DATA), "--min-free", "0", "--kubernetes-url", url, "--node-name", NODE]
    with open("collector.log", "w") as log:
        collector = subprocess.Popen([*scope, sys.executable, "-m", "fgm.collector", *flags], stdout=log, stderr=log)
    sizes: set[int] = set()
    for _ in groups.waiting():
        sizes |= {path.stat().st_size for path in DATA.rglob("*.journal")}
        if len(sizes) >= FRAMES:
            break
    return collector


def end(collector: "subprocess.Popen[bytes]") -> int:
    """Stop the collector in an orderly way and copy what it has recorded; return its exit status."""
    collector.send_signal(signal.SIGTERM)
    status = collector.wait(STOP_TIMEOUT_S)
    shutil.copytree(DATA, "data")
    return status


def plant(incident: Incident, portal: BlockingPortal, api: ApiServer) -> dict[str, int]:
    """Let an incident happen after a quiet time; return its first and last instant."""
    for name, millicores in QUOTAS.get(incident.name, ()):
        set_quota(name, millicores)
    if incident.name == "kubepods-limit":
        kubepods = groups.CGROUPS / "kubepods"
        limit = int((kubepods / "memory.current").read_text()) + (KUBEPODS_ROOM << 20)
        (kubepods / "memory.max").write_text(str(limit))
    time.sleep(QUIET_S)
    switch = work.INCIDENTS / incident.work
    began_ms = groups.now_ms()
    if incident.name == "resize":
        resize(portal, api)
    switch.touch()
    if incident.until_kill:
        (group,) = (group for group in (*PODS, *SERVICES) if group.name == incident.until_kill)
        for _ in groups.waiting():
            if was_killed(groups.cgroup_of(group)):
                break
    else:
        time.sleep(INCIDENT_S)
    ended_ms = groups.now_ms()
    switch.unlink()
    for name, _ in QUOTAS.get(incident.name, ()):
        set_quota(name, None)
    return {"began_ms": began_ms, "ended_ms": ended_ms}


def set_quota(name: str, millicores: int | None) -> None:
    """Set the CPU limit of a pod or a container; None means no limit."""
    by_name = {pod.name: groups.cgroup_of(pod) for pod in PODS}
    by_name |= {each.name: groups.cgroup_of(pod) / each.id for pod in PODS for each in pod.containers}
    (by_name[name] / "cpu.max").write_text(groups.quota(millicores))


def was_killed(folder: Path) -> bool:
    """Return whether the kernel has killed in this cgroup, or whether systemd has removed that of a killed service."""
    try:
        return "oom_kill 0" not in (folder / "memory.events").read_text()
    except OSError:
        return True


def resize(portal: BlockingPortal, api: ApiServer) -> None:
    """Raise the limit of a running container, as a kubelet does: the pod first, then the container, then the API."""
    (pod,) = (pod for pod in PODS if pod.name == "import")
    limit = str(RESIZED_MEMORY << 20)
    (groups.cgroup_of(pod) / "memory.max").write_text(limit)
    groups.run("runc", "update", "--memory", limit, pod.containers[0].id)
    portal.call(api.put, groups.api_pod(pod, RESIZED_MEMORY))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
