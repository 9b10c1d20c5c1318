"""Script for the machine with v1: moves controllers to v2, and records a container whose numbers are known.

`mixtures.py PYTHON LAYOUT HIDDEN CONTROLLER...`: the interpreter that has fgm; "hybrid" (v1 and v2 below a tmpfs) or
"apart" (v2 at /sys/fs/cgroup, v1 at /run/v1); a v1 controller to hide from the collector, or "-"; the controllers, by
their names in v1, to move to v2. The container's path differs between v1 and v2. It works, then sleeps, and in the end
a second container is killed for its memory. Leaves in the current folder mixture.json (what the kernel says about the
first container before and after the collector's last ticks, and the second one), collector.log and data/.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

UID, ID, VICTIM = "0f5c2b1a-93d4-4c57-8a6e-b1d2c3e4f506", "ab" * 32, "cd" * 32
V1_PATH = f"kubepods/burstable/pod{UID}"
V2_PATH = f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UID.replace('-', '_')}.slice"
V2_NAMES = {"cpu": "cpu", "memory": "memory", "blkio": "io", "pids": "pids"}
DATA = Path("/run/fgm")
DISK = "/var/tmp/mixture"
TIMEOUT_S, STEADY_S = 180, 6
WORK = f"""
import mmap, os, signal, subprocess, threading, time
memory = bytearray(24 << 20)
block = mmap.mmap(-1, 1 << 20)
fd = os.open({DISK!r}, os.O_WRONLY | os.O_CREAT | os.O_DIRECT, 0o600)
for _ in range(8): os.write(fd, block)
end = time.process_time() + 0.5
while time.process_time() < end: pass
for _ in range(3): threading.Thread(target=threading.Event().wait, daemon=True).start()
for _ in range(2): subprocess.Popen(["sleep", "1000"])
open("/run/worked", "w")
signal.pause()
"""
HUNGER = "b'x' * (200 << 20)"


def main(python: str, layout: str, hidden: str, *moved: str) -> None:
    if os.environ.get("IN_OWN_NAMESPACE") != "1":
        for name in moved:
            run("umount", f"/run/v1/{name}")
        wanted = {V2_NAMES[name] for name in moved if name in V2_NAMES}
        wait_until(lambda: wanted <= set(Path("/sys/fs/cgroup/cgroup.controllers").read_text().split()))
        command = ["unshare", "--mount", sys.executable, "-I", *sys.argv]
        os.execvpe(command[0], command, {**os.environ, "IN_OWN_NAMESPACE": "1"})
    v1 = {name: Path("/run/v1", name) for name in os.listdir("/run/v1") if os.path.ismount(f"/run/v1/{name}")}
    v2 = Path("/sys/fs/cgroup")
    if layout == "hybrid":
        v1, v2 = mount_hybrid(v1)
    offered = {name for name in V2_NAMES.values() if name in (v2 / "cgroup.controllers").read_text().split()}
    (v2 / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in offered))
    worker, victim = ({name: make(v1, v2, offered, name, id_) for name in (*v1, "unified")} for id_ in (ID, VICTIM))
    for folders in (worker, victim):
        limit(folders)
    worker, victim = ({name: c[name] for name in c if name != hidden} for c in (worker, victim))
    if hidden in v1:
        for folder in (f"/run/v1/{hidden}", str(v1[hidden])):
            if os.path.ismount(folder):
                run("umount", folder)
    start(worker, WORK)
    flags = ["--data-dir", str(DATA), "--node-name", "vm"]
    with open("collector.log", "w") as log:
        collector = subprocess.Popen([python, "-m", "fgm.collector", *flags], stdout=log, stderr=log)
    wait_until(lambda: Path("/run/worked").exists() and any(DATA.rglob("*.journal")))
    time.sleep(STEADY_S / 2)
    reads = [(time.time(), kernel(worker))]
    time.sleep(STEADY_S)
    reads.append((time.time(), kernel(worker)))
    killed = start(victim, HUNGER)
    status_of_victim = killed.wait(TIMEOUT_S)
    time.sleep(STEADY_S / 2)
    collector.send_signal(signal.SIGTERM)
    status = collector.wait(TIMEOUT_S)
    report = {"id": ID, "pod": UID, "victim": VICTIM, "victim_status": status_of_victim, "reads": reads}
    Path("mixture.json").write_text(json.dumps(report, indent=2))
    shutil.copytree(DATA, "data")
    sys.exit(status)


def mount_hybrid(v1: dict[str, Path]) -> tuple[dict[str, Path], Path]:
    """Mount the hierarchies as systemd does on a hybrid host; return where they are."""
    run("mount", "-t", "tmpfs", "tmpfs", "/sys/fs/cgroup")
    folders = {name: Path("/sys/fs/cgroup", name) for name in (*v1, "unified")}
    for name, folder in folders.items():
        folder.mkdir()
        kind = ["cgroup2"] if name == "unified" else ["cgroup", "-o", name]
        run("mount", "-t", *kind, "cgroup", str(folder))
    return {name: folders[name] for name in v1}, folders["unified"]


def make(v1: dict[str, Path], v2: Path, offered: set[str], name: str, id_: str) -> Path:
    """Make the cgroup of a container in the hierarchy of a controller, or in the unified one; return its folder."""
    if name != "unified":
        folder = v1[name] / V1_PATH / id_
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    folder = v2
    for part in (*V2_PATH.split("/"), f"cri-containerd-{id_}.scope"):
        (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in offered))
        folder /= part
        folder.mkdir(exist_ok=True)
    return folder


def limit(folders: dict[str, Path]) -> None:
    """Set limits, and a limit of the disk that is never reached, without which blkio does not count."""
    device = "{}:{}".format(*map(int, Path("/sys/block/vda/dev").read_text().split(":")))
    for name, file, value in (
        ("cpu", "cpu.cfs_quota_us", "20000"),
        ("unified", "cpu.max", "20000 100000"),
        ("memory", "memory.limit_in_bytes", str(64 << 20)),
        ("unified", "memory.max", str(64 << 20)),
        ("pids", "pids.max", "50"),
        ("unified", "pids.max", "50"),
        ("blkio", "blkio.throttle.write_bps_device", f"{device} {1 << 40}"),
    ):
        if name in folders and (folders[name] / file).exists():
            (folders[name] / file).write_text(value)


def start(folders: dict[str, Path], program: str) -> "subprocess.Popen[bytes]":
    """Start a program in a container's cgroups."""
    procs = [str(folder / "cgroup.procs") for folder in folders.values()]
    enter = 'for procs; do echo $$ >"$procs" || exit; done; exec python3 -I -c "$PROGRAM"'
    return subprocess.Popen(["sh", "-c", enter, "sh", *procs], env={**os.environ, "PROGRAM": program})


def kernel(folders: dict[str, Path]) -> dict[str, float]:
    """Return what the kernel's files say, by the metrics of fgm."""

    def read(name: str, file: str) -> str | None:
        path = folders[name] / file if name in folders else None
        return path.read_text() if path is not None and path.exists() else None

    def value(name: str, file: str, key: str) -> int | None:
        lines = dict(line.split(maxsplit=1) for line in (read(name, file) or "").splitlines())
        return int(lines[key]) if key in lines else None

    def blkio(file: str) -> int | None:
        lines = [line.split() for line in (read("blkio", file) or "").splitlines()]
        return sum(int(line[2]) for line in lines if line[1:2] == ["Write"]) if lines else None

    def io(key: str) -> int | None:
        text = read("unified", "io.stat")
        return None if text is None else sum(int(w.partition("=")[2]) for w in text.split() if w.startswith(key))

    usage_ns = read("cpuacct", "cpuacct.usage") if "cpu" in folders else None
    throttled_ns = value("cpu", "cpu.stat", "throttled_time")
    first_line = (read("unified", "cpu.max") or read("cpu", "cpu.cfs_quota_us") or "").split()
    numbers = {
        "cpu.stat.usage_usec": value("unified", "cpu.stat", "usage_usec") if usage_ns is None else int(usage_ns) / 1000,
        "cpu.stat.nr_throttled": value("unified", "cpu.stat", "nr_throttled")
        or value("cpu", "cpu.stat", "nr_throttled"),
        "cpu.stat.throttled_usec": value("unified", "cpu.stat", "throttled_usec")
        if throttled_ns is None
        else throttled_ns / 1000,
        "cpu_quota_usec": first_line[0] if first_line else None,
        "memory.current": read("unified", "memory.current") or read("memory", "memory.usage_in_bytes"),
        "memory.peak": read("unified", "memory.peak") or read("memory", "memory.max_usage_in_bytes"),
        "memory.stat.anon": value("unified", "memory.stat", "anon") or value("memory", "memory.stat", "total_rss"),
        "memory.max": read("unified", "memory.max") or read("memory", "memory.limit_in_bytes"),
        "memory.events.oom_kill": value("memory", "memory.oom_control", "oom_kill")
        if "memory" in folders
        else value("unified", "memory.events", "oom_kill"),
        "io.stat.wbytes": io("wbytes=")
        if blkio("blkio.throttle.io_service_bytes_recursive") is None
        else blkio("blkio.throttle.io_service_bytes_recursive"),
        "pids.current": read("unified", "pids.current") or read("pids", "pids.current"),
        "pids.max": read("unified", "pids.max") or read("pids", "pids.max"),
        "container.pid_count": len((read("unified", "cgroup.procs") or "").split()),
        "cgroup.events.populated": value("unified", "cgroup.events", "populated"),
        "cpu.pressure.some.total": (read("unified", "cpu.pressure") or "total=0\n").split("total=")[1].split()[0],
    }
    return {name: float(number) for name, number in numbers.items() if number is not None}


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"a condition was not met within {TIMEOUT_S} s")
        time.sleep(0.1)


def run(*command: str) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
