"""Script for the machine: pods in all five layouts, a collector, and an independent reader of the same files.

`record.py PYTHON`: the interpreter that has fgm. Leaves in the current folder containers.json (what `fakepod list`
says), sweeps.jsonl (what the reader read: begin and end, ns since 1970, and each file's text), stopped.json (which pod
was stopped, and when), collector.log and data/, the data directory after an orderly stop.
"""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SWEEP_FOR_S = 15
RECORD_AFTER_STOP_S = 3
START_TIMEOUT_S = 120
DATA = Path("/run/fgm")
PODS = (
    ("web burstable --layout containerd-systemd --mem 64M --cpu 0.2 --pids 50", "stress-ng --quiet --cpu 1"),
    ("sidecar burstable --pod web --mem 32M --cpu 0.1", "sleep 1000"),
    (
        "db guaranteed --layout containerd-cgroupfs --mem 96M --cpu 0.5",
        "stress-ng -q --vm 1 --vm-bytes 24M --vm-hang 0",
    ),
    (
        "log besteffort --layout crio",
        "sh -c 'while :; do dd if=/dev/zero of=/var/tmp/x bs=64k count=4 conv=fsync status=none; sleep 0.2; done'",
    ),
    ("plain besteffort --layout docker", "sleep 1000"),
    ("kind burstable --layout kind --mem 48M", "sleep 1000"),
)
STOPPED = "plain"
FILES = (
    *("cpu.stat", "memory.stat", "io.stat", "cpu.pressure", "memory.pressure", "io.pressure", "cpu.max"),
    *("memory.current", "memory.peak", "memory.swap.current", "memory.events", "memory.swap.events"),
    *("memory.max", "memory.high", "memory.min", "memory.low", "memory.swap.max"),
    *("pids.current", "pids.peak", "pids.events", "pids.max", "cgroup.procs", "cgroup.events"),
)


def main(python: str) -> None:
    for flags, command in PODS:
        subprocess.run(f"fakepod start {flags} -- {command}", shell=True, check=True, stdout=subprocess.DEVNULL)
    listed = subprocess.run(["fakepod", "list"], check=True, stdout=subprocess.PIPE, text=True).stdout
    Path("containers.json").write_text(listed)
    containers = json.loads(listed)
    with open("collector.log", "w") as log:
        collector = subprocess.Popen(
            [python, "-m", "fgm.collector", "--data-dir", str(DATA), "--rotation-seconds", "10", "--node-name", "vm"],
            stdout=log,
            stderr=log,
        )
    wait_until(lambda: any(DATA.rglob("*.journal")), START_TIMEOUT_S)
    with open("sweeps.jsonl", "w") as sweeps:
        end = time.monotonic() + SWEEP_FOR_S
        while time.monotonic() < end:
            sweeps.write(json.dumps(sweep([container["cgroup"] for container in containers])) + "\n")
            time.sleep(0.05)
    subprocess.run(["fakepod", "stop", STOPPED], check=True)
    (stopped,) = (container for container in containers if container["name"] == STOPPED)
    Path("stopped.json").write_text(json.dumps({"id": stopped["id"], "at": time.time()}))
    time.sleep(RECORD_AFTER_STOP_S)
    collector.send_signal(signal.SIGTERM)
    status = collector.wait(60)
    shutil.copytree(DATA, "data")
    sys.exit(status)


def sweep(folders: list[str]) -> dict[str, object]:
    begin_ns = time.time_ns()
    texts = {f"{folder}/{file}": Path(folder, file).read_text() for folder in folders for file in FILES}
    return {"begin_ns": begin_ns, "end_ns": time.time_ns(), "texts": texts}


def wait_until(condition: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"a condition was not met within {timeout_s} s")
        time.sleep(0.1)


if __name__ == "__main__":
    main(sys.argv[1])
