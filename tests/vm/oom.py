"""Script for the machine: a container is OOM-killed while a collector records, which is killed a second later.

`oom.py PYTHON`: the interpreter that has fgm. Leaves in the current folder killed.json (which container, how many
processes, what its memory was before, and between which instants the kernel counted the kill), collector.log and data/,
the data directory as the kill left it.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

START_TIMEOUT_S = 120
FRAMES = 5
DATA = Path("/run/fgm")
LIMIT = "64M"
HELD = "stress-ng --quiet --vm 1 --vm-bytes 24M --vm-hang 0"
GROWING = "stress-ng --quiet --oomable --vm 1 --vm-bytes 256M --vm-keep"


def main(python: str) -> None:
    command = f"fakepod start web burstable --mem {LIMIT} -- sh -c"
    wait_for_go = f"{HELD} & while [ ! -e /run/go ]; do sleep 0.1; done; exec {GROWING}"
    subprocess.run([*command.split(), wait_for_go], check=True, stdout=subprocess.DEVNULL)
    subprocess.run("fakepod start sidecar burstable --pod web --mem 32M -- sleep 1000", shell=True, check=True)
    listed = json.loads(subprocess.run(["fakepod", "list"], check=True, stdout=subprocess.PIPE).stdout)
    (victim,) = (container for container in listed if container["name"] == "web")
    folder = Path(victim["cgroup"])
    collector = start(python)
    Path("/run/go").touch()
    not_yet_ns, killed_ns, memory = watch(folder)
    time.sleep(max(0.0, killed_ns / 1e9 + 1 - time.time()))
    collector.kill()
    collector.wait()
    log = subprocess.run(["dmesg"], check=True, stdout=subprocess.PIPE, text=True).stdout
    facts = {
        "id": victim["id"],
        "killed": len(set(re.findall(r"Killed process (\d+)", log))),
        "not_yet_ns": not_yet_ns,
        "killed_ns": killed_ns,
        "memory": memory,
    }
    Path("killed.json").write_text(json.dumps(facts))
    shutil.copytree(DATA, "data")


def start(python: str) -> subprocess.Popen[bytes]:
    """Start a collector, and wait until it has recorded some ticks."""
    flags = ["--data-dir", str(DATA), "--rotation-seconds", "600", "--node-name", "vm"]
    with open("collector.log", "w") as log:
        collector = subprocess.Popen([python, "-m", "fgm.collector", *flags], stdout=log, stderr=log)
    deadline = time.monotonic() + START_TIMEOUT_S
    sizes: set[int] = set()
    while len(sizes) < FRAMES:
        time.sleep(0.05)
        sizes |= {path.stat().st_size for path in DATA.rglob("*.journal")}
        if time.monotonic() > deadline or collector.poll() is not None:
            sys.exit("the collector recorded nothing; see collector.log")
    return collector


def watch(folder: Path) -> tuple[int, int, list[list[int]]]:
    """Return the last instant before the pod counted a kill, the first one after it, and the memory until then."""
    memory: list[list[int]] = []
    not_yet_ns = time.time_ns()
    deadline = time.monotonic() + START_TIMEOUT_S
    while "oom_kill 0" in (folder.parent / "memory.events").read_text():
        not_yet_ns = time.time_ns()
        memory.append([not_yet_ns, int((folder / "memory.current").read_text())])
        time.sleep(0.02)
        if time.monotonic() > deadline:
            sys.exit("no process was OOM-killed")
    return not_yet_ns, time.time_ns(), memory


if __name__ == "__main__":
    main(sys.argv[1])
