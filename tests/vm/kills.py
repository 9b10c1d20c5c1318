"""Script for the machine: containers of one to six processes are OOM-killed one by one while a collector records.

`kills.py PYTHON`: the interpreter that has fgm. Reads kills.json: for each container the configuration for runc, the
number of its processes, and the seconds to wait before it grows. Leaves in the current folder killed.json (for each
container the processes that the kernel says it killed, and between which instants), collector.log and data/, the data
directory after an orderly stop.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

START_TIMEOUT_S = 180
FRAMES = 5
DATA = Path("/run/fgm")
ROOT = Path("/run/pod/root")
CGROUPS = Path("/sys/fs/cgroup")
Json = dict[str, Any]


def main(python: str) -> None:
    planted = json.loads(Path("kills.json").read_text())
    ROOT.mkdir(parents=True)
    subprocess.run(["mount", "--bind", "/", str(ROOT)], check=True)
    for container in planted:
        start(container)
    wait_until(lambda: all(ready(folder_of(container)) == container["processes"] for container in planted))
    collector = record(python)
    facts = [kill(container) for container in planted]
    time.sleep(3)
    collector.send_signal(signal.SIGTERM)
    status = collector.wait(60)
    Path("killed.json").write_text(json.dumps(facts))
    shutil.copytree(DATA, "data")
    sys.exit(status)


def start(container: Json) -> None:
    """Run a container with runc, which removes its cgroup as soon as it has exited."""
    container_id = Path(container["config"]["linux"]["cgroupsPath"]).name
    bundle = Path("/run/pod", container_id)
    bundle.mkdir()
    (bundle / "config.json").write_text(json.dumps(container["config"]))
    container["pid_file"] = str(bundle / "pid")
    command = ["runc", "run", "--bundle", str(bundle), "--pid-file", container["pid_file"], container_id]
    with open("runc.log", "ab") as log:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def kill(container: Json) -> Json:
    """Let a container grow until the kernel kills it; return what the kernel says about it."""
    time.sleep(container["wait_s"])
    subprocess.run(["dmesg", "--clear"], check=True)
    folder = folder_of(container)
    not_yet_ns = time.time_ns()
    os.kill(int(Path(container["pid_file"]).read_text()), signal.SIGUSR1)
    wait_until(lambda: not folder.exists(), 0.005)
    log = subprocess.run(["dmesg"], check=True, stdout=subprocess.PIPE, text=True).stdout
    killed = set(re.findall(r"Killed process (\d+)", log))
    return {"id": folder.name, "killed": len(killed), "not_yet_ns": not_yet_ns, "gone_ns": time.time_ns()}


def record(python: str) -> "subprocess.Popen[bytes]":
    """Start a collector, and wait until it has recorded some ticks."""
    flags = ["--data-dir", str(DATA), "--rotation-seconds", "30", "--node-name", "vm"]
    with open("collector.log", "w") as log:
        collector = subprocess.Popen([python, "-m", "fgm.collector", *flags], stdout=log, stderr=log)
    sizes: set[int] = set()

    def has_frames() -> bool:
        sizes.update(path.stat().st_size for path in DATA.rglob("*.journal"))
        return len(sizes) >= FRAMES

    wait_until(has_frames)
    return collector


def folder_of(container: Json) -> Path:
    return Path(f"{CGROUPS}{container['config']['linux']['cgroupsPath']}")


def ready(folder: Path) -> int:
    """Return the number of processes of a container that wait for their signal."""
    try:
        names = [Path(f"/proc/{pid}/comm").read_text().strip() for pid in (folder / "cgroup.procs").read_text().split()]
    except FileNotFoundError:
        return 0
    return names.count("ready")


def wait_until(condition: Callable[[], bool], pause_s: float = 0.1) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"a condition was not met within {START_TIMEOUT_S} s")
        time.sleep(pause_s)


if __name__ == "__main__":
    main(sys.argv[1])
