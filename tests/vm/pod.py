"""Script for the machine: the pod of the manifest, run by runc next to other containers, with the probes of a kubelet.

`pod.py PYTHON WHAT [SECONDS]`. WHAT is `run` (on a new disk for SECONDS, then each daemon is killed once; it ends with
both running, as a power cut would find them), `again` (the same disk after that) or `rights` (each case for itself).
Reads pod.json, the configurations for runc; leaves report.json, the containers' logs and, but for `run`, data/ in the
current folder.
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DATA = Path("/var/lib/fine-grained-monitor")
ROOT = Path("/run/pod/root")
CGROUPS = Path("/sys/fs/cgroup")
SECCOMP = Path("/opt/fgm-vm/seccomp.json")
HEALTH = {"monitor": 8052, "viewer": 8051}
PAGE = 8050
NEIGHBOURS = 20
PROBE_EVERY_S, PROBE_TIMEOUT_S = 15, 5
ASK_EVERY_S = 10
START_TIMEOUT_S = 180
RIGHTS_S = 35
QUESTION = "/api/timeseries?metric=total_cpu_usage_millicores,memory.current&range=5m"

Json = dict[str, Any]


class Container:
    """One container of the pod."""

    def __init__(self, name: str, config: Json) -> None:
        self.name = name
        self.bundle = Path("/run/pod", name)
        self.bundle.mkdir(parents=True, exist_ok=True)
        capabilities = config["process"]["capabilities"]["bounding"]
        config["linux"]["seccomp"] = seccomp(json.loads(SECCOMP.read_text()), capabilities)
        (self.bundle / "config.json").write_text(json.dumps(config))
        self.cgroup = CGROUPS / config["linux"]["cgroupsPath"].lstrip("/")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with open(f"{self.name}.log", "ab") as log:
            command = ["runc", "run", "--bundle", str(self.bundle), self.name]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait until the container has exited; return the exit status."""
        assert self.process is not None
        subprocess.run(["runc", "kill", self.name, number.name], check=True)
        return self.process.wait(60)

    def figures(self) -> Json:
        """Return the figures of its cgroup."""
        flat = {
            name: dict(line.split() for line in (self.cgroup / name).read_text().splitlines())
            for name in ("memory.events", "cpu.stat", "memory.stat")
        }
        return {
            "memory_peak_bytes": int((self.cgroup / "memory.peak").read_text()),
            "anon_bytes": int(flat["memory.stat"]["anon"]),
            "oom_kills": int(flat["memory.events"]["oom_kill"]),
            "cpu_s": int(flat["cpu.stat"]["usage_usec"]) / 1e6,
            "periods": int(flat["cpu.stat"]["nr_periods"]),
            "throttled": int(flat["cpu.stat"]["nr_throttled"]),
        }


def main(python: str, what: str, seconds: float = 60) -> None:
    ROOT.mkdir(parents=True)
    sh(f"mount --bind / {ROOT}")
    for kind, place in (line.split()[2::-1][:2] for line in Path("/proc/mounts").read_text().splitlines()):
        if kind == "9p":  # Python and the project
            sh(f"mount --bind {place} {ROOT}{place}")
            for above in Path(place).parents:
                above.chmod(above.stat().st_mode | 0o011)  # every user can read the files of an image
    for command in ("fine-grained-monitor", "fgm-viewer"):
        Path("/usr/local/bin", command).symlink_to(Path(python).parent / command)
    configs = json.loads(Path("pod.json").read_text())
    if what == "rights":
        report = {case: rights(case, changed) for case, changed in configs.items()}
    else:
        attach_disk(is_new=what == "run")
        pod = [Container(name, configs["as is"][name]) for name in ("monitor", "viewer")]
        report = run(pod, seconds) if what == "run" else again(pod)
    with open("report.json", "w") as file:
        json.dump(report, file)
        file.flush()
        os.fsync(file.fileno())


def run(pod: list[Container], seconds: float) -> Json:
    monitor, viewer = pod
    start_neighbours()
    for container in pod:
        container.start()
    report: Json = {"ready_s": wait_until_ready(pod)}
    report |= watch(pod, seconds)
    report["figures"] = {container.name: container.figures() for container in pod}
    report["restarts"] = sum(not container.is_running for container in pod)

    monitor.end(signal.SIGKILL)
    report["viewer_alone"] = [ask(PAGE, QUESTION)[0] for _ in range(5)]
    monitor.start()
    wait_until_ready(pod)
    viewer.end(signal.SIGKILL)
    before = journal_bytes()
    time.sleep(5)
    report["monitor_alone"] = [before, journal_bytes()]
    viewer.start()
    wait_until_ready(pod)
    report["cut_ms"] = time.time_ns() // 1_000_000
    return report


def again(pod: list[Container]) -> Json:
    """Run as after a power cut: the other containers are new, the disk is the same."""
    report: Json = {"left": sorted(path.name for path in DATA.rglob("*.journal"))}
    for container in pod:
        container.start()
    report["ready_s"] = wait_until_ready(pod)
    wait_until(lambda: "window closed" in Path("monitor.log").read_text())
    status, answer, _ = ask_for(PAGE, "/api/timeseries?metric=memory.current&containers=node&range=1h")
    report |= {"status": status, "answer": json.loads(answer)}
    report["exits"] = [container.end(signal.SIGTERM) for container in reversed(pod)]
    shutil.copytree(DATA, "data")
    return report


def rights(case: str, configs: Json) -> Json:
    """Run both containers with the rights of one case, on an empty folder; return the outcome."""
    shutil.rmtree(DATA, ignore_errors=True)
    DATA.mkdir(mode=0o755)
    for path in Path().glob("*.log"):
        path.unlink()
    pod = [Container(name, config) for name, config in configs.items()]
    with processes_of_others():
        for container in pod:
            container.start()
        time.sleep(RIGHTS_S)
        report: Json = {}
        for container in pod:
            is_running, probe = container.is_running, ask(HEALTH[container.name], "/readyz")[0]
            status = container.end(signal.SIGTERM) if is_running else container.process and container.process.wait()
            log = Path(f"{container.name}.log").read_text()
            report[container.name] = {"ran": is_running, "ready": probe, "status": status, "log": log}
    shutil.copytree(DATA, Path("data", case))
    return report


@contextlib.contextmanager
def processes_of_others() -> Iterator[None]:
    """Run a container whose process belongs to another user, in a separate network namespace."""
    command = "fakepod start other burstable -- setpriv --reuid=1234 --clear-groups unshare --user --net sleep 1000"
    sh(command)
    try:
        yield
    finally:
        sh("fakepod stop other")


def watch(pod: list[Container], seconds: float) -> Json:
    """Send the requests of a kubelet and of a page; return the status and the seconds of each response."""
    probes: dict[str, list[tuple[int, float]]] = {}
    questions: list[tuple[int, float]] = []
    began = time.monotonic()
    next_probe, next_question = began, began + 5
    while (now := time.monotonic()) < began + seconds and all(container.is_running for container in pod):
        if now >= next_probe:
            next_probe += PROBE_EVERY_S
            for container in pod:
                for path in ("/healthz", "/readyz"):
                    probes.setdefault(container.name + path, []).append(ask(HEALTH[container.name], path))
        if now >= next_question:
            next_question += ASK_EVERY_S
            questions.append(ask(PAGE, QUESTION))
        time.sleep(0.2)
    return {"seconds": time.monotonic() - began, "probes": probes, "questions": questions, "neighbours": NEIGHBOURS}


def start_neighbours() -> None:
    """Start containers of every QoS class that do some work."""
    work = "while :; do echo $((7*191)) >/dev/null; sleep 0.5; done"
    for number in range(NEIGHBOURS):
        qos = ("guaranteed", "burstable", "besteffort")[number % 3]
        limits = ["--mem", "64M", "--cpu", "0.5"] if qos == "guaranteed" else []
        subprocess.run(
            ["fakepod", "start", f"neighbour-{number}", qos, *limits, "--", "sh", "-c", work],
            check=True,
            stdout=subprocess.DEVNULL,
        )


def wait_until_ready(pod: list[Container]) -> Json:
    """Return the seconds until each container was ready."""
    began, ready = time.monotonic(), dict[str, float]()

    def all_ready() -> bool:
        for container in pod:
            if not container.is_running:
                sys.exit(f"{container.name} has ended:\n" + Path(f"{container.name}.log").read_text())
            if container.name not in ready and is_ready(container.name):
                ready[container.name] = time.monotonic() - began
        return len(ready) == len(pod)

    wait_until(all_ready)
    return ready


def is_ready(name: str) -> bool:
    """Return whether a container is ready, and whether the viewer, which the probe does not wake, answers."""
    return ask(HEALTH[name], "/readyz")[0] == 200 and (name != "viewer" or ask(PAGE, "/api/metrics")[0] == 200)


def ask(port: int, path: str) -> tuple[int, float]:
    """Return the status of a response (0 if there is none within the timeout of a probe) and its seconds."""
    status, _, seconds = ask_for(port, path)
    return status, seconds


def ask_for(port: int, path: str) -> tuple[int, bytes, float]:
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PROBE_TIMEOUT_S if port != PAGE else 60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read(), time.monotonic() - began
    except (OSError, http.client.HTTPException):
        return 0, b"", time.monotonic() - began
    finally:
        connection.close()


def journal_bytes() -> int:
    return sum(path.stat().st_size for path in DATA.rglob("*") if path.suffix in {".journal", ".parquet"})


def attach_disk(*, is_new: bool) -> None:
    sh("modprobe loop")
    if is_new:
        sh("truncate -s 1G disk.img && mkfs.ext4 -q disk.img")
    DATA.mkdir(exist_ok=True)
    sh(f"mount -o loop disk.img {DATA}")


def seccomp(profile: Json, capabilities: list[str]) -> Json:
    """Return what the profile of containers/common (that of Docker) means for these capabilities on x86-64."""
    calls = []
    for rule in profile["syscalls"]:
        include, exclude = rule.get("includes") or {}, rule.get("excludes") or {}
        is_ours = set(include.get("caps", ())) <= set(capabilities) and "amd64" in include.get("arches", ["amd64"])
        is_not = set(exclude.get("caps", ())) & set(capabilities) or "amd64" in exclude.get("arches", ())
        if is_ours and not is_not:
            call = {"names": rule["names"], "action": rule["action"], "args": rule.get("args") or []}
            if rule.get("errnoRet") is not None:
                call["errnoRet"] = rule["errnoRet"]
            calls.append(call)
    return {
        "defaultAction": profile["defaultAction"],
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": calls,
    }


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while not condition():
        time.sleep(0.2)
        if time.monotonic() > deadline:
            sys.exit("a condition was not met in time:\n" + "".join(path.read_text() for path in Path().glob("*.log")))


def sh(command: str) -> None:
    subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(float, sys.argv[3:4]))
