"""Module for the machine, with the project's Python: load of many kinds while a collector and a second reader record.

`python -m tests.vm.rows SECONDS`. Leaves in the current folder sweeps.jsonl (what the second reader read every few
seconds: /proc/stat, /proc/meminfo, memory.stat and CPU time of the root's own processes, and CPU and memory of each
cgroup), collector.log and data/, the data directory after an orderly stop.
"""

import contextlib
import json
import os
import sys
import time
from pathlib import Path

from anyio.from_thread import start_blocking_portal

from tests.support.collector.api_server import ApiServer
from tests.vm import groups
from tests.vm.plant import end, record
from tests.vm.planted import Container, Pod, Service

SWEEP_EVERY_S = 5
SETTLE_S = 15
LOADS = "loads.py"
PODS = (
    Pod("batch", (Container("cruncher", "cpu", script=LOADS), Container("agent", "steady-cpu", script=LOADS)), cpu=300),
    Pod("store", (Container("files", "page-cache", script=LOADS), Container("heap", "memory", script=LOADS)), 256),
    Pod("job", (Container("forks", "short-processes", script=LOADS),), qos="besteffort"),
    Pod("sandboxed", (Container("guest", "network", script=LOADS),), layout="sandbox"),
    Pod("isolated", (Container("vmm", "steady-cpu", script=LOADS),), layout="pod"),
)
SERVICES = (Service("spinner", "cpu", ("CPUQuota=40%",), LOADS), Service("writer", "writes", script=LOADS))
OUTSIDE = Service("root", "steady-cpu", script=LOADS)
"""A process in the root cgroup, as a kernel thread is."""


def main(seconds: float) -> int:
    groups.prepare()
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(ApiServer().running()) as api:
        for pod in PODS:
            groups.start_pod(pod)
            portal.call(api.put, groups.api_pod(pod))
        for service in SERVICES:
            groups.start_service(service)
        groups.spawn(groups.CGROUPS, groups.command_of(OUTSIDE))
        user = ["systemd-run", "--quiet", "--scope", "--slice=user-1000.slice", "--unit=session-1", "--"]
        groups.start([*user, *groups.command_of(Service("user", "steady-cpu", script=LOADS))])
        collector = record(api.url)
        time.sleep(SETTLE_S)
        began = time.monotonic()
        with open("sweeps.jsonl", "w") as sweeps:
            while time.monotonic() < began + seconds:
                sweeps.write(json.dumps(sweep()) + "\n")
                time.sleep(SWEEP_EVERY_S)
            sweeps.write(json.dumps(sweep()) + "\n")
        time.sleep(SWEEP_EVERY_S)
        return end(collector)


def sweep() -> groups.Json:
    """Return texts of kernel files.

    `cgroups`: usage_usec, memory.current and memory.stat, by path below the mount; `root_tasks_ns`: CPU time of the
    processes and kernel threads in the root cgroup, as the scheduler measured it, by pid.
    """
    began_ns = time.time_ns()
    stat = Path("/proc/stat").read_text().split("\n", 1)[0]
    meminfo = Path("/proc/meminfo").read_text()
    root = (groups.CGROUPS / "memory.stat").read_text()
    root_tasks_ns = {}
    for pid in (groups.CGROUPS / "cgroup.procs").read_text().split():
        with contextlib.suppress(OSError):  # it has ended
            root_tasks_ns[pid] = int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    cgroups = {}
    for folder, _, files in os.walk(groups.CGROUPS):
        if "memory.current" in files:
            texts = [Path(folder, name).read_text() for name in ("cpu.stat", "memory.current", "memory.stat")]
            cgroups[folder.removeprefix(str(groups.CGROUPS))] = [texts[0].split()[1], *texts[1:]]
    return {
        "began_ns": began_ns,
        "ended_ns": time.time_ns(),
        "stat": stat,
        "meminfo": meminfo,
        "root": root,
        "root_tasks_ns": root_tasks_ns,
        "cgroups": cgroups,
    }


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
