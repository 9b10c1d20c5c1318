"""Script for the machine, with the project's Python: records incidents of timeline.py, one after the other.

`many_incidents.py NAME` leaves in the current folder NAME.json (the truth: the containers, and of each incident its
culprit, kinds, victims and times by the machine's clock), collector.log and data/, the data directory after an orderly
stop.
`python -m tests.vm.keep_incidents NAME` puts them into tests/data.
"""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal

from tests.support.collector.api_server import ApiServer
from tests.support.collector.pods import NODE, pod_json, running
from tests.vm import timeline, workloads
from tests.vm.incidents import keep_watched, now_ms, run, time_of, waiting
from tests.vm.timeline import BY_NAME, WORKLOADS, Incident, Workload
from tests.vm.workloads import BEAT_S, DISK, INCIDENTS

DATA = Path("/run/fgm")
PROGRAMS = Path("/run/bin")
SWAP_FILE = Path("/var/swap")
KUBEPODS = Path("/sys/fs/cgroup/kubepods.slice")
FRAMES = 5
WARM_UP_S = 5
BETWEEN_S, AFTER_S = 36, 20
BACKOFFS_S = (3, 5, 8, 10)
KUBEPODS_ROOM = 24
"""Memory that all pods can still allocate at the start of the incident `memory-neighbour`."""
MEMORY_SHARE = 0.7
"""Share of the page cache of all pods that `memory-neighbour` takes from them."""
DEVICE, BYTES_PER_S = "/dev/vda", {"Read": "6M", "Write": "48M"}
"""Bandwidth of the disk for all pods together, as a cloud volume with a limited speed has it."""
REQUEST = 50
"""CPU request of a burstable pod in millicores, unless it has another one."""
ALLOCATABLE = 2000
"""Millicores that all pods may request."""
STOP_TIMEOUT_S = 300
Json = dict[str, Any]


@dataclass
class Node:
    """The machine and its API server. `lives`: every started container; `latest`: the newest one of each name."""

    portal: BlockingPortal
    api: ApiServer
    lives: list[Json] = field(default_factory=list)
    latest: dict[str, Json] = field(default_factory=dict)

    def start(self, workload: Workload) -> None:
        """Start a container, in the pod of its last life if it had one, and publish it on the API server."""
        before = self.latest.get(workload.name)
        flags = [f"--mem={workload.memory}M"] if workload.memory else []
        flags += [f"--cpu={workload.cpu / 1000}"] if workload.cpu else []
        flags += [f"--pod={workload.name}"] if before else []
        program = [str(PROGRAMS / workload.name), "-I", "-S", workloads.__file__, workload.name]
        run("fakepod", "start", workload.name, workload.qos, *flags, "--", *program)
        started_ms = now_ms()
        listed = json.loads(run("fakepod", "list"))
        (made,) = (entry for entry in listed if entry["name"] == workload.name)
        with contextlib.suppress(FileNotFoundError):  # it may have exited already
            (Path(made["cgroup"]) / "memory.swap.max").write_text(str(workload.swap << 20))
            if workload.high:
                (Path(made["cgroup"]) / "memory.high").write_text(str(workload.high << 20))
        if not before:
            weigh(Path(made["cgroup"]).parent.name, requested(workload))
        life = {
            "id": made["id"],
            "name": workload.name,
            "pod": workload.pod,
            "namespace": workload.namespace,
            "started_ms": started_ms,
            "restarts": before["restarts"] + 1 if before else 0,
            "uid": made["uid"],
            "cgroup": made["cgroup"],
        }
        last = {"lastState": before["state"]} if before else {}
        self.publish(workload, life, state={"running": {"startedAt": time_of(started_ms)}}, **last)
        self.lives.append(life)
        self.latest[workload.name] = life

    def end(self, workload: Workload, reason: str, code: int) -> None:
        """Publish on the API server that a container has exited just now."""
        life = self.latest[workload.name]
        ended = {"exitCode": code, "reason": reason, "finishedAt": time_of(now_ms())}
        life["state"] = {"terminated": {"containerID": f"containerd://{life['id']}", **ended}}
        self.publish(workload, life, state=life["state"])

    def publish(self, workload: Workload, life: Json, **state: Any) -> None:
        """Publish the current pod on the API server. `state`: that of its container."""
        container = {"containerID": f"containerd://{life['id']}", "image": f"registry.local/{workload.name}:v1"}
        limits = {"memory": f"{workload.memory}Mi"} if workload.memory else {}
        limits |= {"cpu": f"{workload.cpu}m"} if workload.cpu else {}
        requests = {"cpu": f"{requested(workload)}m", "memory": "24Mi"} if workload.qos == "burstable" else {}
        requests = limits if workload.qos == "guaranteed" else requests
        pod = pod_json(
            workload.pod,
            0,
            running(workload.name, 0, life["restarts"], **container, **state),
            namespace=workload.namespace,
            labels={"app": workload.name},
            resources={workload.name: {"limits": limits, "requests": requests}},
        )
        pod["metadata"]["uid"] = life["uid"]
        self.portal.call(self.api.put, pod)

    def exited(self, name: str) -> None:
        """Wait until the newest container of a name has exited."""
        for _ in waiting():
            if not Path(self.latest[name]["cgroup"]).exists():
                break


def main(name: str) -> int:
    prepare()
    incidents = timeline.TIMELINES[name]
    truth: Json = {"incidents": []}
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(ApiServer().running()) as api:
        node = Node(portal, api)
        watching = portal.start_task_soon(keep_watched, api)
        for workload in WORKLOADS:
            node.start(workload)
        time.sleep(WARM_UP_S)
        collector = record(api.url)
        truth["began_ms"] = now_ms()
        time.sleep(timeline.ORDINARY_S[name])
        truth["ordinary_until_ms"] = now_ms()
        try:
            for incident in incidents:
                truth["incidents"].append(plant(incident, node))
                print(truth["incidents"][-1], flush=True)
                time.sleep(AFTER_S if incident is incidents[-1] else BETWEEN_S)
        finally:
            truth["ended_ms"] = now_ms()
            collector.send_signal(signal.SIGTERM)
            status = collector.wait(STOP_TIMEOUT_S)
            watching.cancel()
            life = [{k: v for k, v in life.items() if k not in {"cgroup", "state"}} for life in node.lives]
            truth["containers"] = life
            Path(f"{name}.json").write_text(json.dumps(truth, indent=1) + "\n")
            shutil.copytree(DATA, "data")
    return status


def prepare() -> None:
    """Make the folders, the programs, the limit of the disk and the swap file."""
    for folder in (PROGRAMS, INCIDENTS, DISK):
        folder.mkdir(parents=True)
    for name in workloads.WORKLOADS:
        (PROGRAMS / name).symlink_to("/usr/bin/python3")  # so that its process has its name
    limits = [f"IO{way}BandwidthMax={DEVICE} {speed}" for way, speed in BYTES_PER_S.items()]
    run("systemctl", "set-property", "--runtime", "kubepods.slice", *limits)
    weigh("kubepods.slice", ALLOCATABLE)
    weigh("kubepods-burstable.slice", sum(requested(each) for each in WORKLOADS if each.qos == "burstable"))
    weigh("kubepods-besteffort.slice", 0)
    run("dd", "if=/dev/zero", f"of={SWAP_FILE}", "bs=1M", "count=256", "status=none")
    SWAP_FILE.chmod(0o600)
    run("mkswap", "--quiet", str(SWAP_FILE))
    run("swapon", str(SWAP_FILE))


def requested(workload: Workload) -> int:
    """Return the CPU request of a workload in millicores."""
    if workload.qos == "burstable":
        return workload.request or REQUEST
    return workload.cpu if workload.qos == "guaranteed" else 0


def weigh(group: str, millicores: int) -> None:
    """Give a slice the CPU weight that the kubelet and its runtime give to a request."""
    shares = max(2, millicores * 1024 // 1000)
    run("systemctl", "set-property", "--runtime", group, f"CPUWeight={1 + (shares - 2) * 9999 // 262142}")


def record(url: str) -> "subprocess.Popen[bytes]":
    """Start a collector in a cgroup of its own, with long windows, which are smaller; wait until it records."""
    scope = ["systemd-run", "--quiet", "--scope", "--unit=fgm-collector", "--"]
    flags = ["--data-dir", str(DATA), "--min-free", "0", "--kubernetes-url", url, "--node-name", NODE]
    flags += ["--rotation-seconds", "300", "--compression-level", "9", "--no-merging"]
    names = {"CLUSTER_NAME": "prod-eu", "POD_NAME": "fine-grained-monitor-x7k2p"}
    command = [*scope, sys.executable, "-m", "fgm.collector", *flags]
    with open("collector.log", "w") as log:
        collector = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **names})
    sizes: set[int] = set()
    for _ in waiting():
        sizes |= {path.stat().st_size for path in DATA.rglob("*.journal")}
        if len(sizes) >= FRAMES:
            break
    return collector


def plant(incident: Incident, node: Node) -> Json:
    """Let an incident happen; return the truth about it."""
    if incident.text == "beat":  # the first beat is then its beginning
        time.sleep(BEAT_S - time.time() % BEAT_S)
    began_ms = ended_ms = now_ms()
    life = node.latest[incident.culprit]
    for seconds, pause_s in incident.spans:
        switch_on(incident)
        if incident.text == "crash":
            crash(incident, node)
        elif incident.kinds == ("oom_kill",):
            node.exited(incident.culprit)
        else:
            time.sleep(seconds)
        (INCIDENTS / incident.culprit).unlink()
        ended_ms = now_ms()
        time.sleep(pause_s)
    if incident.text == "memory":
        limit_kubepods("infinity")
    if incident.kinds == ("oom_kill",):
        start_again(incident, node, "OOMKilled", 137, BACKOFFS_S[0])
    elif incident.text == "crash":
        start_again(incident, node, "Error", 1, BACKOFFS_S[-1])
    return {
        "name": incident.name,
        "culprit": life["id"],
        "kinds": incident.kinds,
        "victims": [node.latest[name]["id"] for name in incident.victims],
        "began_ms": began_ms,
        "ended_ms": ended_ms,
    }


def switch_on(incident: Incident) -> None:
    """Write the file that puts the culprit into its incident."""
    text = incident.text
    if text == "memory":
        stat = dict(line.split() for line in (KUBEPODS / "memory.stat").read_text().splitlines())
        limit_kubepods(str(int((KUBEPODS / "memory.current").read_text()) + (KUBEPODS_ROOM << 20)))
        text = f"memory {KUBEPODS_ROOM + (int(MEMORY_SHARE * int(stat['file'])) >> 20)}"
    new = INCIDENTS / f".{incident.culprit}"
    new.write_text(text)
    new.rename(INCIDENTS / incident.culprit)


def limit_kubepods(limit: str) -> None:
    """Set the memory limit of all pods together."""
    run("systemctl", "set-property", "--runtime", "kubepods.slice", f"MemoryMax={limit}")


def crash(incident: Incident, node: Node) -> None:
    """Let a container exit with an error and start it a little later, again and again, until its last exit."""
    deadline = time.monotonic() + incident.spans[0][0]
    for backoff_s in itertools.chain(BACKOFFS_S, itertools.repeat(BACKOFFS_S[-1])):
        node.exited(incident.culprit)
        if time.monotonic() > deadline:
            return
        start_again(incident, node, "Error", 1, backoff_s)


def start_again(incident: Incident, node: Node, reason: str, code: int, backoff_s: float) -> None:
    """Publish the exit of a container, and start it again after a while."""
    node.end(BY_NAME[incident.culprit], reason, code)
    time.sleep(backoff_s)
    node.start(BY_NAME[incident.culprit])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
