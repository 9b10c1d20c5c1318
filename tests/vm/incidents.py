"""Script for the machine, with the project's Python: containers with Kubernetes names, a collector, three incidents.

One container is killed for its memory and started again; one is throttled though it uses little on average; one takes
the disk from another. Leaves in the current folder incidents.json (what was planted, and when), collector.log and
data/, the data directory after an orderly stop. `python -m tests.vm.keep_incidents` puts them into tests/data.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from tests.support.collector.api_server import ApiServer
from tests.support.collector.pods import NODE, pod_json, running
from tests.vm import services
from tests.vm.services import DISK, INCIDENTS

DATA = Path("/run/fgm")
PROGRAMS = Path("/run/bin")
TIMEOUT_S = 120
FRAMES = 5
QUIET_S, THROTTLED_S, NOISY_S = 60, 80, 60
BACKOFF_S = 4
BOOKMARK_EVERY_S = 30
DEVICE, DISK_BYTES_PER_S = "/dev/vda", "48M"
"""Bandwidth of the disk for all pods together, as a cloud volume with a limited speed has it."""
Json = dict[str, Any]


@dataclass(frozen=True)
class Service:
    """A pod with one container. `memory` in MiB, `cpu` in millicores; 0 means no limit."""

    name: str
    pod: str
    namespace: str
    qos: str
    memory: int = 0
    cpu: int = 0


PAYMENTS = Service("payments", "payments-6d8f9c7b5-x2k8q", "shop", "burstable", 64, 500)
API_GATEWAY = Service("api-gateway", "api-gateway-7c5d8b9f4-m9t2w", "edge", "burstable", 64, 300)
LEDGER_DB = Service("ledger-db", "ledger-db-0", "data", "guaranteed", 96, 1000)
BATCH_IMPORT = Service("batch-import", "batch-import-29402140-h4vcl", "data", "burstable", 128)
DB_MIGRATE = Service("db-migrate", "db-migrate-4zq7d", "data", "besteffort")
NEIGHBOURS = (
    Service("redis-cache", "redis-cache-0", "shop", "guaranteed", 64, 1000),
    Service("search-indexer", "search-indexer-5f6b7d8c9-q8r4z", "data", "burstable", 96),
    Service("metrics-agent", "metrics-agent-pk6mw", "monitoring", "burstable", 48),
    Service("config-sync", "config-sync-8b6f5d7c4-tn5xj", "kube-system", "besteffort"),
)


@dataclass
class Node:
    """The machine and its API server. `lives`: every started container; `latest`: the newest one of each name."""

    portal: BlockingPortal
    api: ApiServer
    lives: list[Json] = field(default_factory=list)
    latest: dict[str, Json] = field(default_factory=dict)

    def start(self, service: Service) -> Json:
        """Start a container, in the pod of its last life if it had one, and publish it on the API server."""
        before = self.latest.get(service.name)
        flags = [f"--mem={service.memory}M"] if service.memory else []
        flags += [f"--cpu={service.cpu / 1000}"] if service.cpu else []
        flags += [f"--pod={service.name}"] if before else []
        program = [str(PROGRAMS / service.name), "-I", "-S", services.__file__, service.name]
        run("fakepod", "start", service.name, service.qos, *flags, "--", *program)
        started_ms = now_ms()
        listed = json.loads(run("fakepod", "list"))
        (made,) = (entry for entry in listed if entry["name"] == service.name)
        life = {
            "id": made["id"],
            "name": service.name,
            "pod": service.pod,
            "namespace": service.namespace,
            "memory_bytes": service.memory << 20 or None,
            "cpu_millicores": service.cpu or None,
            "started_ms": started_ms,
            "restarts": before["restarts"] + 1 if before else 0,
            "uid": made["uid"],
            "cgroup": made["cgroup"],
        }
        last = {"lastState": before["state"]} if before else {}
        self.publish(service, life, state={"running": {"startedAt": time_of(started_ms)}}, **last)
        self.lives.append(life)
        self.latest[service.name] = life
        return life

    def end(self, service: Service, reason: str, code: int, at_ms: int) -> None:
        """Publish on the API server that a container has exited."""
        life = self.latest[service.name]
        life["state"] = {
            "terminated": {
                "containerID": f"containerd://{life['id']}",
                "exitCode": code,
                "reason": reason,
                "finishedAt": time_of(at_ms),
            }
        }
        self.publish(service, life, state=life["state"])

    def publish(self, service: Service, life: Json, **state: Any) -> None:
        """Publish the current pod on the API server. `state`: that of its container."""
        container = {"containerID": f"containerd://{life['id']}", "image": f"registry.local/{service.name}:v1", **state}
        limits = {"memory": f"{service.memory}Mi"} if service.memory else {}
        limits |= {"cpu": f"{service.cpu}m"} if service.cpu else {}
        pod = pod_json(
            service.pod,
            0,
            running(service.name, 0, life["restarts"], **container),
            namespace=service.namespace,
            labels={"app": service.name},
            resources={service.name: {"limits": limits, "requests": limits if service.qos == "guaranteed" else {}}},
        )
        pod["metadata"]["uid"] = life["uid"]
        self.portal.call(self.api.put, pod)


def main() -> None:
    for folder in (PROGRAMS, INCIDENTS, DISK):
        folder.mkdir(parents=True)
    for name in services.SERVICES:
        (PROGRAMS / name).symlink_to("/usr/bin/python3")  # so that its process has its name
    limits = [f"IO{way}BandwidthMax={DEVICE} {DISK_BYTES_PER_S}" for way in ("Read", "Write")]
    run("systemctl", "set-property", "--runtime", "kubepods.slice", *limits)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(ApiServer().running()) as api:
        node = Node(portal, api)
        watching = portal.start_task_soon(keep_watched, api)
        for service in (PAYMENTS, API_GATEWAY, LEDGER_DB, BATCH_IMPORT, *NEIGHBOURS):
            node.start(service)
        collector = record(api.url)
        planted: Json = {"began_ms": now_ms()}
        time.sleep(QUIET_S)
        planted["oom_kill"] = oom_kill(node)
        time.sleep(QUIET_S / 2)
        planted["short_life"] = short_life(node)
        time.sleep(QUIET_S / 2)
        planted["throttling"] = during(node, API_GATEWAY, THROTTLED_S)
        time.sleep(QUIET_S)
        planted["noisy_neighbour"] = during(node, BATCH_IMPORT, NOISY_S)
        planted["noisy_neighbour"]["victim_id"] = node.latest[LEDGER_DB.name]["id"]
        time.sleep(QUIET_S / 2)
        planted["ended_ms"] = now_ms()
        collector.send_signal(signal.SIGTERM)
        status = collector.wait(60)
        watching.cancel()
    planted["containers"] = [{k: v for k, v in life.items() if k not in {"cgroup", "state"}} for life in node.lives]
    Path("incidents.json").write_text(json.dumps(planted, indent=2) + "\n")
    shutil.copytree(DATA, "data")
    sys.exit(status)


async def keep_watched(api: ApiServer) -> None:
    """Send bookmarks regularly, as an API server does."""
    while True:
        await anyio.sleep(BOOKMARK_EVERY_S)
        await api.bookmark()


def record(url: str) -> "subprocess.Popen[bytes]":
    """Start a collector, and wait until it has recorded some ticks."""
    flags = ["--data-dir", str(DATA), "--min-free", "0", "--kubernetes-url", url, "--node-name", NODE]
    names = {"CLUSTER_NAME": "prod-eu", "POD_NAME": "fine-grained-monitor-x7k2p"}
    with open("collector.log", "w") as log:
        command = [sys.executable, "-m", "fgm.collector", *flags]
        collector = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **names})
    sizes: set[int] = set()
    for _ in waiting():
        sizes |= {path.stat().st_size for path in DATA.rglob("*.journal")}
        if len(sizes) >= FRAMES:
            break
    return collector


def oom_kill(node: Node) -> Json:
    """Let payments grow until it is killed; start it again."""
    life = node.latest[PAYMENTS.name]
    events = Path(life["cgroup"]).parent / "memory.events"  # of the pod, because it outlives the container
    began_ms = now_ms()
    (INCIDENTS / PAYMENTS.name).touch()
    for _ in waiting():
        if "oom_kill 0" not in events.read_text():
            break
    at_ms = now_ms()
    (INCIDENTS / PAYMENTS.name).unlink()
    node.end(PAYMENTS, "OOMKilled", 137, at_ms)
    time.sleep(BACKOFF_S)
    again = node.start(PAYMENTS)
    return {"id": life["id"], "began_ms": began_ms, "at_ms": at_ms, "next_id": again["id"]}


def short_life(node: Node) -> Json:
    """Start a container that exits by itself."""
    life = node.start(DB_MIGRATE)
    for _ in waiting():
        if not Path(life["cgroup"]).exists():
            break
    ended_ms = now_ms()
    node.end(DB_MIGRATE, "Completed", 0, ended_ms)
    return {"id": life["id"], "began_ms": life["started_ms"], "ended_ms": ended_ms}


def during(node: Node, service: Service, seconds: float) -> Json:
    """Put a service into its incident for some seconds."""
    began_ms = now_ms()
    (INCIDENTS / service.name).touch()
    time.sleep(seconds)
    (INCIDENTS / service.name).unlink()
    return {"id": node.latest[service.name]["id"], "began_ms": began_ms, "ended_ms": now_ms()}


def waiting() -> Iterator[None]:
    """Yield many times a second until the timeout."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        yield
        time.sleep(0.02)
    sys.exit(f"a condition was not met within {TIMEOUT_S} s")


def run(*command: str) -> bytes:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def time_of(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    main()
